import MethodKit
import Quantiles

/// Extremely randomised trees (Geurts, Ernst, Wehenkel 2006, "Extremely randomized trees", Machine Learning 63) with the
/// weighted quantiles of Meinshausen (2006).
///
/// A tree draws one cut at random for each feature it tries at a node, uniformly between the least and the greatest value
/// there, and splits at the best of these cuts (`growRandomTree`). By default each tree sees every row once: the randomness of
/// the cuts makes the trees differ. Weights of the training rows and answers are those of `Forest`.
public struct ExtraTrees: Learner {
  public static let description = MethodDescription(
    name: "extratrees",
    summary: "extremely randomised trees: as forest, with cuts drawn at random, so answers are smoother in the features",
    settings: ForestPlan.settings(maxFeatures: "1", replace: "no"))

  private let plan: ForestPlan

  public init(settings: Settings) { plan = ForestPlan(settings, splits: .random) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try plan.fit(training, levels: levels, context: context)
  }

  public static var fitted: any FittedLearner.Type { FittedForest.self }
}
