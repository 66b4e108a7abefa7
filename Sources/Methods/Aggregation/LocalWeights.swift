import MethodKit

/// Deep quantile aggregation (Fakoor et al. 2023, section 3): weights of models that are functions of a row's features,
///
///     ĝ(x; τ) = Σ_s w_s^τ(x) ĝ_s(x; τ),  w^τ(x) = softmax(W^τ f_θ(x) + b^τ),  f_θ a network,
///
/// at one of three resolutions, which say what the sources s are and how w varies with the level: see `LocalResolution`.
/// How the network is trained is told at `LocalSettings` and `MixtureTraining`.
public struct LocalWeights<Resolution: LocalResolution>: Aggregator {
  public static var description: MethodDescription {
    MethodDescription(name: Resolution.name, summary: Resolution.summary, settings: LocalSettings.descriptions(Resolution.self))
  }
  public static var learns: Bool { true }
  public static var usesFeatures: Bool { true }
  public static var complexity: Int? { Resolution.complexity }
  public static var usualSeconds: Double { Resolution.usualSeconds }

  private let settings: LocalSettings

  public init(settings: Settings) { self.settings = LocalSettings(settings, Resolution.self) }

  public static func fitSeconds(_ settings: Settings, _ training: AggregationTraining) -> Double {
    MixtureTraining(LocalSettings(settings, Resolution.self), method: Resolution.name).seconds(training)
  }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    try MixtureTraining(settings, method: Resolution.name).fit(training, context: context)
  }

  public static var fitted: any FittedAggregator.Type { FittedMixture.self }
}

public typealias LocalCoarse = LocalWeights<CoarseResolution>
public typealias LocalMedium = LocalWeights<MediumResolution>
public typealias LocalFine = LocalWeights<FineResolution>
