import MethodKit
import Quantiles

/// Quantile regression forest (Meinshausen 2006, "Quantile regression forests", JMLR 7).
///
/// T regression trees (Breiman 2001) grow on samples of the training rows. With ℓ_t(x) the leaf of tree t that x falls into,
/// training row i gets the weight
///
///     w_i(x) = (1/T) Σ_t 1{x_i ∈ ℓ_t(x)} v_i / Σ_j 1{x_j ∈ ℓ_t(x)} v_j
///
/// over all training rows j, whether or not tree t sampled them, where v are the row weights (1 where there are none).
/// The answer at level τ is the quantile of the responses under these weights (`weightedQuantiles`): of one distribution
/// averaged over all trees, never an average of the trees' quantiles.
///
/// Row weights: a bootstrap draws rows in proportion to them. A row of weight 0 is as good as absent.
public struct Forest: Learner {
  public static let description = MethodDescription(
    name: "forest",
    summary: "quantile regression forest: quantiles of the responses in the leaves that a row falls into, over all trees",
    settings: ForestPlan.settings(maxFeatures: "0.8", replace: "yes"))

  private let plan: ForestPlan

  public init(settings: Settings) { plan = ForestPlan(settings, splits: .best) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try plan.fit(training, levels: levels, context: context)
  }

  public static var fitted: any FittedLearner.Type { FittedForest.self }
}
