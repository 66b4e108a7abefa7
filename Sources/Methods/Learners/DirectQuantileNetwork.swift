import MethodKit
import NetworkModels
import Quantiles

/// One network with an output a level, trained on the sum of the pinball losses of all levels; the quantiles of each network are put in increasing
/// order before networks are averaged, so that no two cross.
public struct DirectQuantileNetwork: Learner {
  public static let description = MethodDescription(
    name: "dqr", summary: "network that gives the quantiles of all levels at once", settings: NetworkTraining.settings)

  private let plan: NetworkTraining

  public init(settings: Settings) { plan = NetworkTraining(settings) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try plan.fit(training, levels: levels, .levels, DirectObjective(levels: levels), context: context)
  }

  public static var fitted: any FittedLearner.Type { FittedNetworks.self }
}
