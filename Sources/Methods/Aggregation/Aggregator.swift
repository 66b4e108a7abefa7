import Groundwork
import MethodKit
import Quantiles

/// A way to combine the predictions of p models into one.
///
/// To add one: a file with a type of this protocol, and a line in `aggregatorRegistry`.
public protocol Aggregator: Sendable {
  static var description: MethodDescription { get }
  /// False where there is nothing to learn (`average`, `median`): the tool then streams.
  static var learns: Bool { get }
  /// True where weights depend on the features of a row: `training.features` and `answer`'s are then there.
  static var usesFeatures: Bool { get }
  /// False where features help but are not needed.
  static var needsFeatures: Bool { get }
  /// Its place among the candidates of `auto`, which takes the lowest of those that predict as well as the best: the more it learns, the higher.
  /// Of equals the first in `aggregatorRegistry` comes first; nil is no candidate.
  static var complexity: Int? { get }
  /// The default budget of a choice among settings, and about what the fit of a trial costs, both in seconds of `ChoiceBudget.seconds`.
  static var usualSeconds: Double { get }
  static func fitSeconds(_ settings: Settings, _ training: AggregationTraining) -> Double

  init(settings: Settings)

  /// The method and settings with every choice made that is made once, on all training rows, before the weights are fitted without each fold:
  /// settings chosen by cross-validation, a method chosen among several. Most methods have none to make.
  static func choose(_ settings: Settings, _ choice: ChoiceContext) throws -> ChosenMethod

  /// `training` may have no row where `learns` is false; elsewhere it has at least one.
  func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator

  /// What `fit` returns, by which a model file is read.
  static var fitted: any FittedAggregator.Type { get }
}

extension FittedAggregator {
  /// Reads what `encode` wrote of a fit to such predictions. Throws `ByteReader.damaged` for anything else.
  public init(decoding reader: inout ByteReader, for inputs: CombinedInputs) throws {
    try self.init(decoding: &reader)
    guard fits(inputs) else { throw ByteReader.damaged }
  }

  public func weightTable(_ predictions: BasePredictions, features: FeatureTable?) -> WeightTable? {
    weights.map { WeightTable(models: predictions.models, levels: predictions.levels, mean: $0) }
  }
  public var weights: Matrix? { nil }
}

extension Aggregator {
  public static var usesFeatures: Bool { false }
  public static var needsFeatures: Bool { usesFeatures }
  public static var usualSeconds: Double { 0 }
  public static func fitSeconds(_ settings: Settings, _ training: AggregationTraining) -> Double { .infinity }
}

/// What a model file says of the predictions that its method combines.
public struct CombinedInputs: Sendable {
  public let models: [String]
  public let levels: [Double]
  /// Features that weights depend on, without a row; nil where there are none.
  public let features: FeatureTable?

  public init(models: [String], levels: [Double], features: FeatureTable? = nil) {
    self.models = models
    self.levels = levels
    self.features = features
  }

  /// Whether these are the models, byte for byte and in this order.
  func areOf(_ names: [String]) -> Bool { names.elementsEqual(models) { $0.hasSameBytes(as: $1) } }
}

public protocol FittedAggregator: BinaryCodable, Sendable {
  /// Whether it could have been fitted to such predictions. `answer`, `weights` and `weightTable` take no others.
  func fits(_ inputs: CombinedInputs) -> Bool

  /// n × m quantiles from the models that are there; NaN only where no model predicts that row and level.
  /// The answer of a row depends on that row alone.
  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix

  /// The weights as a table of p models × m levels for `--describe`, each column summing to one; nil where the
  /// combination is not a weighted mean.
  var weights: Matrix? { get }

  /// What `--describe` shows, over these rows where weights depend on them; nil where the combination is not a weighted mean.
  func weightTable(_ predictions: BasePredictions, features: FeatureTable?) -> WeightTable?

  /// Facts for the first line of a model file and `--verbose`.
  var summary: [(key: String, value: String)] { get }
}
