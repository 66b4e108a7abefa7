import MethodKit
import NetworkModels
import Quantiles

/// Simultaneous quantile regression: one network of features and level, trained on the pinball loss at levels drawn at random
/// (Tagasovska and Lopez-Paz 2019, "Single-model uncertainties for deep learning", NeurIPS). Quantiles of a row are put in increasing order.
public struct LevelInputNetwork: Learner {
  public static let description = MethodDescription(
    name: "sqr", summary: "network that takes the level as an input, trained at random levels", settings: NetworkTraining.settings)

  private let plan: NetworkTraining

  public init(settings: Settings) { plan = NetworkTraining(settings) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try plan.fit(training, levels: levels, .levelAsInput, LevelInputObjective(), context: context)
  }

  public static var fitted: any FittedLearner.Type { FittedNetworks.self }
}
