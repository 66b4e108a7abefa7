import Groundwork
import MethodKit

/// One weight a model, the same at every level, as a function of the features (Fakoor et al. 2023, section 3, local coarse):
///
///     ĝ(x; τ) = Σ_j w_j(x) ĝ_j(x; τ),  w(x) = softmax(W f_θ(x) + b).
///
/// How it is trained is told at `LocalSettings`.
public struct LocalCoarse: Aggregator {
  public static let description = MethodDescription(
    name: "local-coarse", summary: "a weight a model that depends on the row's features", settings: LocalSettings.descriptions(.coarse))
  public static let learns = true
  public static let usesFeatures = true
  public static let usualSeconds: Double = 0.4
  public static func fitSeconds(_ settings: Settings, _ training: AggregationTraining) -> Double {
    LocalSettings(settings, .coarse).fitSeconds(training)
  }

  private let settings: LocalSettings

  public init(settings: Settings) { self.settings = LocalSettings(settings, .coarse) }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    try settings.fit(training, method: LocalCoarse.description, context: context)
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator { try FittedMixture.decode(&reader) }
}
