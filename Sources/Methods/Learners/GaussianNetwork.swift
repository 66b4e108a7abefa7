import MethodKit
import NetworkModels
import Quantiles

/// A normal distribution whose mean and spread are networks of the features (Nix and Weigend 1994): q_τ(x) = μ(x) + σ(x)·Φ⁻¹(τ).
///
/// Trained on the negative log-likelihood log σ + (y − μ)² / 2σ², each row's derivative times σ^2β with β = ½, which keeps rows of large spread
/// in play (Seitzer, Tavakoli, Antic, Martius 2022, "On the pitfalls of heteroscedastic uncertainty estimation", ICLR).
public struct GaussianNetwork: Learner {
  public static let description = MethodDescription(
    name: "cgn", summary: "network that gives the mean and the spread of a normal distribution", settings: NetworkTraining.settings)

  private let plan: NetworkTraining

  public init(settings: Settings) { plan = NetworkTraining(settings) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try plan.fit(training, levels: levels, .gaussian, GaussianObjective(), context: context)
  }

  public static var fitted: any FittedLearner.Type { FittedNetworks.self }
}
