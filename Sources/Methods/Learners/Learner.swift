import Groundwork
import MethodKit
import Quantiles

/// A way to learn conditional quantiles of a target given features.
///
/// To add one: a file with a type of this protocol, and a line in `learnerRegistry`.
public protocol Learner: Sendable {
  static var description: MethodDescription { get }

  init(settings: Settings)

  /// Learns the quantiles of `target` at `levels` (increasing, in (0, 1)) given the features.
  /// `training` has at least one row. Throws a `Failure` where the data cannot be learnt from.
  func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner

  /// What `fit` returns, by which a model file is read.
  static var fitted: any FittedLearner.Type { get }
}

/// A learnt model: answers any rows with the training columns.
public protocol FittedLearner: BinaryCodable, Sendable {
  /// Whether it could have been fitted to such features, of which there may be no row, at these levels. `predict` takes no others.
  func fits(_ features: FeatureTable, levels: [Double]) -> Bool

  /// Quantiles, one row a row of `features`, one column a level of the fit, always finite.
  /// The answer of a row depends on that row alone.
  func predict(_ features: FeatureTable) -> Matrix

  /// Bytes that it holds, where they grow with the training rows; else 0.
  var memory: Int { get }

  /// Facts for the first line of a model file and `--verbose`: ("trees", "100"), ….
  var summary: [(key: String, value: String)] { get }
}

extension FittedLearner {
  public var memory: Int { 0 }

  /// Reads what `encode` wrote of a fit to such features at these levels. Throws `ByteReader.damaged` for anything else.
  public init(decoding reader: inout ByteReader, for features: FeatureTable, levels: [Double]) throws {
    try self.init(decoding: &reader)
    guard fits(features, levels: levels) else { throw ByteReader.damaged }
  }
}
