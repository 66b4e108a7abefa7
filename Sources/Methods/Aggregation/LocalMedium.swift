import Groundwork
import MethodKit

/// One weight a model and level as a function of the features (Fakoor et al. 2023, section 3, local medium):
///
///     ĝ(x; τ) = Σ_j w_j^τ(x) ĝ_j(x; τ),  w^τ(x) = softmax(W^τ f_θ(x) + b^τ),
///
/// with W^τ and b^τ linear between the knots of τ. How it is trained is told at `LocalSettings`.
public struct LocalMedium: Aggregator {
  public static let description = MethodDescription(
    name: "local-medium", summary: "a weight a model and level that depends on the row's features", settings: LocalSettings.descriptions(.medium))
  public static let learns = true
  public static let usesFeatures = true
  public static let usualSeconds: Double = 1.6
  public static func fitSeconds(_ settings: Settings, _ training: AggregationTraining) -> Double {
    LocalSettings(settings, .medium).fitSeconds(training)
  }

  private let settings: LocalSettings

  public init(settings: Settings) { self.settings = LocalSettings(settings, .medium) }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    try settings.fit(training, method: LocalMedium.description, context: context)
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator { try FittedMixture.decode(&reader) }
}
