import Groundwork
import MethodKit
import Quantiles

/// Picks the way of combining that predicts best, by cross-fitting over the folds.
///
/// Every method is fitted without each fold and scored on it: the mean weighted interval score over the training rows. Of the methods whose
/// score is within one standard error of the best one's, on the same rows (Breiman, Friedman, Olshen, Stone 1984, section 3.4.3), and at most
/// 0.5 % worse, the simplest is taken: the one of lowest `complexity`.
/// Methods that need features are tried where there are some.
///
/// Cost: as many fits of every method as there are folds.
public struct Auto: Aggregator {
  public static let description = MethodDescription(
    name: "auto", summary: "the simplest of the others that is within a standard error of the best, by cross-fitted score")
  public static let learns = true
  public static let usesFeatures = true
  public static let needsFeatures = false

  public static let complexity: Int? = nil

  /// A method may be this much worse than the best, as a share of its score, however large the standard error.
  private static let tolerance = 0.005

  public init(settings: Settings) {}

  public static func choose(_ settings: Settings, _ choice: ChoiceContext) throws -> ChosenMethod {
    let types = candidates(choice.registry, hasFeatures: choice.training.features != nil)
    let rowWeights = try choice.training.normalisedWeights()
    guard rowWeights.indices.contains(where: { rowWeights[$0] > 0 && choice.training.predictions.hasPrediction(row: $0) }) else {
      throw noPredictions
    }
    guard choice.training.predictions.models.count > 1, choice.splits.count > (choice.training.times == nil ? 1 : 0) else {
      return ChosenMethod(Average.self)
    }
    let quiet = FitContext(threads: choice.context.threads, seed: choice.context.seed)
    let methods = try types.map { type in
      try type.choose(
        Settings(of: type.description),
        ChoiceContext(choice.training, splits: choice.splits, budget: .trials(1), context: quiet, registry: choice.registry))
    }
    let candidates = try methods.map { try $0.aggregator() }
    // The costly ones first, so that no thread waits for one of them in the end.
    let order = Array(candidates.indices.reversed())
    var trials = candidates.indices.map { SuccessiveHalving.Trial(number: $0) }
    for split in choice.splits.indices {
      let losses = try choice.losses(order.map { candidates[$0] }, split: split, mayFail: order.map { _ in true })
      for (place, c) in order.enumerated() { trials[c].add(losses[place]) }
      choice.context.progress(Double(split + 1) / Double(choice.splits.count))
    }
    let best = trials.min { ($0.score, $0.number) < ($1.score, $1.number) }!
    guard best.score.isFinite else { throw noPredictions }
    let chosen = trials.first { trial in
      guard !trial.hasFailed else { return false }
      let loss = best.gain(over: trial)
      return loss.mean <= loss.error && trial.score <= best.score * (1 + tolerance)
    }!
    for trial in trials {
      let gain = best.gain(over: trial)
      choice.context.note(
        trial.hasFailed
          ? "auto: \(methods[trial.number].name) could not be fitted"
          : "auto: \(methods[trial.number].text): cross-fitted score \(trial.score / errorUnit)"
            + (trial.number == best.number ? ", the best" : ", \(gain.mean / errorUnit) over the best (standard error \(gain.error / errorUnit))")
            + (trial.number == chosen.number ? ", chosen" : ""))
    }
    return methods[chosen.number]
  }

  /// From the simplest.
  package static func candidates(_ registry: [any Aggregator.Type], hasFeatures: Bool) -> [any Aggregator.Type] {
    registry.enumerated().compactMap { place, type in type.complexity.map { (complexity: $0, place: place, type: type) } }
      .sorted { ($0.complexity, $0.place) < ($1.complexity, $1.place) }
      .map(\.type).filter { !$0.needsFeatures || hasFeatures }
  }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let rows = Array(training.target.indices)
    let splits = crossValidationSplits(rows, count: max(1, min(5, rows.count)), times: training.times, seed: context.seed)
    return try Auto.choose(Settings(of: Auto.description), ChoiceContext(training, splits: splits, budget: .trials(1), context: context)).aggregator()
      .fit(training, context: context)
  }

  /// A model file holds the method that was chosen, never this one.
  public static var fitted: any FittedAggregator.Type { Unfitted.self }
}

/// What no fit returns, and no model file holds.
private enum Unfitted: FittedAggregator {
  init(decoding reader: inout ByteReader) throws { throw ByteReader.damaged }
  func fits(_ inputs: CombinedInputs) -> Bool { switch self {} }
  func encode(into writer: inout ByteWriter) {}
  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix { switch self {} }
  var summary: [(key: String, value: String)] { switch self {} }
}
