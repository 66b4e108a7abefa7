import Groundwork
import MethodKit

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
    LeaveOneOut(full: try fit(training, context: context)) { i in
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

  /// What calibrates rows of this weight alone, and holds no more than that needs.
  func settled(forWeight weight: Double) -> any FittedCalibrator

  /// The side from which every level bounds the target, the median too; nil where levels bound outwards from the median.
  var boundsFrom: OutwardOrder.Side? { get }

  /// What was learnt about each interval or level.
  var corrections: [Correction] { get }

  /// Whether it could have been learnt from rows with weights, or from such without, and from such features; nil is none.
  func fits(hasWeights: Bool, features: FeatureTable?) -> Bool

  func encode(into writer: inout ByteWriter)

  /// Facts for the first line of a model file and `--verbose`.
  var summary: [(key: String, value: String)] { get }
}

/// A learnt calibration that differs with features of the row.
public protocol FeatureDependentCalibrator: FittedCalibrator {
  /// What calibrates rows with the features of this row of a table of the columns and categories that taught.
  func given(_ features: FeatureTable, row: Int) -> any FittedCalibrator
}

extension FittedCalibrator {
  public var boundsFrom: OutwardOrder.Side? { nil }
  public func settled(forWeight weight: Double) -> any FittedCalibrator { self }

  /// A calibrated copy of `row`.
  public func calibrated(_ row: [Double], weight: Double = 1) -> [Double] {
    precondition(row.count == levels.count)
    var result = row
    result.withUnsafeMutableBufferPointer { calibrate($0, weight: weight) }
    return result
  }
}
