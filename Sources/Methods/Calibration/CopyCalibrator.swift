import Groundwork
import MethodKit

/// A way to calibrate from tables in which a row to be answered stands once for each fold, each time with quantiles by models that did not
/// see that fold.
///
/// To add one: a file with a type of this protocol, and a line in `calibrationRegistry`.
public protocol CopyCalibrator: Sendable {
  static var description: MethodDescription { get }

  /// What `fit` returns and a model file keeps.
  static var fitted: any FittedCopyCalibrator.Type { get }

  init(settings: Settings)

  /// Learns from rows whose quantiles are by models that did not see their fold. `folds` holds a fold a row; `among` are all folds of
  /// which a row to be answered has copies, in the order of the copies.
  func fit(_ training: CalibrationTraining, folds: [Int], among: [Int], threads: Int) throws -> any FittedCopyCalibrator
}

/// A calibration learnt from copies.
public protocol FittedCopyCalibrator: BinaryCodable, Sendable {
  var levels: [Double] { get }

  /// Those of which a row has copies, in that order.
  var folds: [Int] { get }

  /// Whether it could have been learnt from rows with weights, or from such without.
  func fits(hasWeights: Bool) -> Bool

  /// The same without the scores of a fold and without a copy for it: what may answer the rows of that fold.
  func without(fold: Int) -> Self

  /// The calibrated quantiles of a row with K copies of m quantiles (K × m, in the order of `folds` and `levels`) into m values; NaN is
  /// missing, ±∞ is allowed. `weight` is that of the row, where rows taught with weights.
  func answer(_ copies: UnsafePointer<Double>, weight: Double, into answer: UnsafeMutableBufferPointer<Double>)

  /// What was learnt about each interval.
  var corrections: [Correction] { get }

  /// Facts for the first line of a model file.
  var summary: [(key: String, value: String)] { get }
}
