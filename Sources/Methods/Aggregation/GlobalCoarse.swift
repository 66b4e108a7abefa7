import MethodKit
import Quantiles

/// One weight a model for all rows and levels (Fakoor et al. 2023, section 3, global coarse):
///
///     min_w (1/Σω) Σ_i ω_i Σ_τ ψ_τ(y_i − Σ_j w_j ĝ_j(x_i; τ))  over  w ≥ 0, Σ_j w_j = 1,
///
/// solved to its optimum as a linear programme, with a duality gap that certifies it. Weights of models that do not help
/// are exactly zero.
///
/// - Of models with identical predictions in training the first gets the weight.
/// - A model whose mean loss is over 10⁸ times the least gets none: what it could add is below what certifies the rest.
/// - A model whose loss is rounding of the target, or below 10⁻²⁷⁰, gets everything.
/// - Models missing here and there: where at least half of the (row, level) terms have every model, and ten of them a
///   model, weights are learnt on those. Else every missing prediction is filled with the weighted mean of those present,
///   first with equal weights, then with those just learnt, while the loss of the renormalised aggregate falls; the gap
///   then certifies the filled programme. Either way it is said once, and what was learnt is held against every single model and
///   against equal weights on all terms that any model predicts, the plain mean of those present standing in for a model that is
///   missing: on these terms it loses no more than any of them.
///
/// With a penalty on crossing quantiles (see `CrossingSettings`) see `PenalisedWeightFit`; it acts only where the models themselves cross.
///
/// Cost: some 30 passes of O(n·m·p²), parallel, and a copy of the predictions.
public struct GlobalCoarse: Aggregator {
  public static let description = MethodDescription(
    name: "global-coarse", summary: "one weight a model, the best there are on the training rows",
    settings: CrossingSettings.ofGlobalMethods)
  public static let learns = true
  public static let complexity: Int? = 20

  private let crossing: CrossingSettings

  public init(settings: Settings) { crossing = CrossingSettings(settings) }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let penalises = crossing.penalises
    let fit = try SimplexWeightFit(training, context: context)
    let predictions = training.predictions
    if penalises {
      let start = Matrix(rows: fit.weights.count, columns: 1, values: fit.weights)
      return try FittedGlobalWeights(training, start: start, crossing: crossing, context: context)
    }
    let fitted = FittedGlobalWeights(
      table: ModelWeights(
        models: predictions.models, levels: predictions.levels.count, table: Matrix(rows: fit.weights.count, columns: 1, values: fit.weights)),
      objective: fit.objective, gap: fit.gap)
    context.note("objective \(fitted.objective), duality gap \(fitted.gap)")
    for (name, weight) in zip(predictions.models, fit.weights) where weight > 0 { context.note("weight of \(name) \(weight)") }
    return fitted
  }

  public static var fitted: any FittedAggregator.Type { FittedGlobalWeights.self }
}
