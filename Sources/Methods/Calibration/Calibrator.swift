import Groundwork
import MethodKit
import Quantiles

/// What a calibrator learns from: quantiles of n rows at m increasing levels, by models that did not see those rows, and the
/// targets that came true.
public struct CalibrationTraining: Sendable {
  public let levels: [Double]
  /// n × m; NaN is missing, ±∞ is allowed.
  public let quantiles: Matrix
  /// n finite targets.
  public let target: [Double]
  /// n finite non-negative weights.
  public let weights: [Double]?
  /// The weight of a row to be answered for which corrections are reported.
  public let typicalWeight: Double
  /// Of n rows: what methods that use features are given.
  public let features: FeatureTable?

  public init(
    levels: [Double], quantiles: Matrix, target: [Double], weights: [Double]? = nil, typicalWeight: Double = 1, features: FeatureTable? = nil
  ) {
    precondition(quantiles.rows == target.count && quantiles.columns == levels.count && (weights == nil || weights!.count == target.count))
    precondition(features == nil || features!.rows == target.count)
    self.levels = levels
    self.quantiles = quantiles
    self.target = target
    self.weights = weights
    self.typicalWeight = typicalWeight
    self.features = features
  }

  /// The rows of `indices`, in that order.
  public func selecting(_ indices: [Int]) -> CalibrationTraining {
    CalibrationTraining(
      levels: levels,
      quantiles: Matrix(rows: indices.count, columns: levels.count, values: indices.flatMap { quantiles.row($0) }),
      target: indices.map { target[$0] }, weights: weights.map { weights in indices.map { weights[$0] } }, typicalWeight: typicalWeight,
      features: features?.selecting(indices))
  }
}

/// A way to move quantiles to the coverage that their levels promise.
///
/// Methods that compare a score with a conformal quantile of scores are a `ConformityMeasure` and nothing else. To add another
/// kind: a file with a type of this protocol, and a line in `calibrationRegistry`.
public protocol Calibrator: Sendable {
  static var description: MethodDescription { get }

  init(settings: Settings)

  /// Whether it makes intervals at levels of which a row has no quantile.
  var makesIntervals: Bool { get }

  /// Whether it learns from features too, and its fitted calibrators are `FeatureDependentCalibrator`s.
  var usesFeatures: Bool { get }

  /// Whether rows may have weights, and whether it is only of use where they have.
  var takesWeights: Bool { get }
  var needsWeights: Bool { get }

  /// Learns from `training`, which may have no row. Throws a `Failure` where the method cannot take the data.
  func fit(_ training: CalibrationTraining, context: FitContext) throws -> any FittedCalibrator

  /// The fit, and the fit without row i for each i, which answers a labelled row that taught. Equal to n + 1 fits; methods make it cheaper.
  func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> LeaveOneOut

  /// Reads what `FittedCalibrator.encode` wrote for a calibrator of the same settings, which is less than a calibration needs.
  func decode(_ reader: inout ByteReader) throws -> any FittedCalibrator
}

extension Calibrator {
  public var makesIntervals: Bool { false }
  public var usesFeatures: Bool { false }
  public var takesWeights: Bool { true }
  public var needsWeights: Bool { false }

  /// n + 1 fits, each when it is asked for.
  public func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> LeaveOneOut {
    nonisolated(unsafe) let context = context
    return LeaveOneOut(full: try fit(training, context: context)) { i in
      try fit(training.selecting(training.target.indices.filter { $0 != i }), context: context)
    }
  }
}

/// A calibration learnt from all rows, and from all but one.
public struct LeaveOneOut: Sendable {
  public let full: any FittedCalibrator
  private let without: @Sendable (Int) throws -> any FittedCalibrator

  public init(full: any FittedCalibrator, without: @escaping @Sendable (Int) throws -> any FittedCalibrator) {
    self.full = full
    self.without = without
  }

  /// Without the i-th row.
  public func callAsFunction(_ i: Int) throws -> any FittedCalibrator { try without(i) }
}

/// A learnt calibration.
public protocol FittedCalibrator: Sendable {
  /// The levels it was fitted for: those of the rows it takes.
  var levels: [Double] { get }

  /// Calibrates one row of quantiles at `levels` in place. NaN, a missing quantile, stays NaN unless the method makes intervals
  /// of its own; the others become non-decreasing, and may become infinite. `weight` is that of the row, where rows taught with
  /// weights. O(m).
  func calibrate(_ row: UnsafeMutableBufferPointer<Double>, weight: Double)

  /// What was learnt about each interval or level.
  var corrections: [Correction] { get }

  func encode(into writer: inout ByteWriter)

  /// Facts for the first line of a model file and `--verbose`.
  var summary: [(key: String, value: String)] { get }
}

/// A learnt calibration that differs with features of the row.
public protocol FeatureDependentCalibrator: FittedCalibrator {
  /// What calibrates rows with the features of this row of a table of the columns and categories that taught.
  func given(_ features: FeatureTable, row: Int) -> any FittedCalibrator

  /// Whether it could have been taught by such a table.
  func fits(_ features: FeatureTable) -> Bool
}

/// The correction of one central interval, or of one level.
public struct Correction: Equatable, Sendable {
  /// nil where the interval has no such end.
  public let lowerLevel: Double?
  public let upperLevel: Double?
  /// The conformal quantile of the scores, in the scores' units; +∞ where the rows are too few.
  public let amount: Double
  /// What the amount does: "moved outwards by 2".
  public let effect: String
  /// Rows that had a score.
  public let rows: Int
  /// The fewest rows, of equal weights, for which the correction is finite.
  public let rowsNeeded: Int

  public init(lowerLevel: Double?, upperLevel: Double?, amount: Double, effect: String, rows: Int, rowsNeeded: Int) {
    self.lowerLevel = lowerLevel
    self.upperLevel = upperLevel
    self.amount = amount
    self.effect = effect
    self.rows = rows
    self.rowsNeeded = rowsNeeded
  }

  public var levels: [Double] { [lowerLevel, upperLevel].compactMap { $0 } }

  /// What leaving out one of the rows leaves of their number; the correction is not learnt anew.
  public var withoutOneRow: Correction {
    Correction(lowerLevel: lowerLevel, upperLevel: upperLevel, amount: amount, effect: effect, rows: max(0, rows - 1), rowsNeeded: rowsNeeded)
  }
}

extension FittedCalibrator {
  /// A calibrated copy of `row`.
  public func calibrated(_ row: [Double], weight: Double = 1) -> [Double] {
    precondition(row.count == levels.count)
    var result = row
    result.withUnsafeMutableBufferPointer { calibrate($0, weight: weight) }
    return result
  }
}
