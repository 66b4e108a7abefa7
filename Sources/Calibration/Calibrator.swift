import Groundwork
import Methods
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

  public init(levels: [Double], quantiles: Matrix, target: [Double], weights: [Double]? = nil) {
    precondition(quantiles.rows == target.count && quantiles.columns == levels.count && (weights == nil || weights!.count == target.count))
    self.levels = levels
    self.quantiles = quantiles
    self.target = target
    self.weights = weights
  }

  /// The rows of `indices`, in that order.
  public func selecting(_ indices: [Int]) -> CalibrationTraining {
    CalibrationTraining(
      levels: levels,
      quantiles: Matrix(rows: indices.count, columns: levels.count, values: indices.flatMap { quantiles.row($0) }),
      target: indices.map { target[$0] }, weights: weights.map { weights in indices.map { weights[$0] } })
  }
}

/// A way to move quantiles to the coverage that their levels promise.
///
/// To add one: a file with a type of this protocol, and a line in `calibratorRegistry`.
public protocol Calibrator: Sendable {
  static var description: MethodDescription { get }

  init(settings: Settings)

  /// Learns from `training`, which may have no row. Throws a `Failure` where the method cannot take the data.
  func fit(_ training: CalibrationTraining, context: FitContext) throws -> any FittedCalibrator

  /// The fit without row i, for each i: what answers a labelled row that taught. Equal to n fits; methods make it cheaper.
  func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> @Sendable (Int) throws -> any FittedCalibrator

  /// Reads what `FittedCalibrator.encode` wrote.
  static func decode(_ reader: inout ByteReader) throws -> any FittedCalibrator
}

extension Calibrator {
  /// n fits, each when it is asked for.
  public func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> @Sendable (Int) throws -> any FittedCalibrator {
    nonisolated(unsafe) let context = context
    return { i in try fit(training.selecting(training.target.indices.filter { $0 != i }), context: context) }
  }
}

/// A learnt calibration.
public protocol FittedCalibrator: Sendable {
  /// The levels it was fitted for: those of the rows it takes.
  var levels: [Double] { get }

  /// Calibrates one row of quantiles at `levels` in place. NaN, a missing quantile, stays NaN; the others become
  /// non-decreasing, and may become infinite. O(m).
  func calibrate(_ row: UnsafeMutableBufferPointer<Double>)

  /// What was learnt about each pair of levels, from the outermost to the innermost.
  var corrections: [PairCorrection] { get }

  func encode(into writer: inout ByteWriter)

  /// Facts for the first line of a model file and `--verbose`.
  var summary: [(key: String, value: String)] { get }
}

/// The correction of one central interval.
public struct PairCorrection: Equatable, Sendable {
  public let lowerLevel: Double
  public let upperLevel: Double
  /// By how much both ends move outwards, in units of y; negative moves them inwards. +∞ where the rows are too few.
  public let correction: Double
  /// Rows that had both quantiles.
  public let rows: Int
  /// The fewest rows for which the correction is finite.
  public let rowsNeeded: Int

  public init(lowerLevel: Double, upperLevel: Double, correction: Double, rows: Int, rowsNeeded: Int) {
    self.lowerLevel = lowerLevel
    self.upperLevel = upperLevel
    self.correction = correction
    self.rows = rows
    self.rowsNeeded = rowsNeeded
  }

  /// What leaving out one of the rows leaves of their number; the correction is not learnt anew.
  public var withoutOneRow: PairCorrection {
    PairCorrection(lowerLevel: lowerLevel, upperLevel: upperLevel, correction: correction, rows: max(0, rows - 1), rowsNeeded: rowsNeeded)
  }
}

extension FittedCalibrator {
  /// A calibrated copy of `row`.
  public func calibrated(_ row: [Double]) -> [Double] {
    precondition(row.count == levels.count)
    var result = row
    result.withUnsafeMutableBufferPointer { calibrate($0) }
    return result
  }
}
