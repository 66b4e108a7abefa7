import Groundwork
import MethodKit

/// Deep quantile aggregation (Fakoor et al. 2023, section 3, local fine): at each output level weights on every model at levels around it,
///
///     ĝ(x; τ) = Σ_j Σ_o w_jo^τ(x) ĝ_j(x; Φ(Φ⁻¹(τ) + δ_o)),  w^τ(x) = softmax(W^τ f_θ(x) + b^τ),
///
/// with a network of the features, fitted out of fold, among the models. `reach=all,knots=0,own=none,inputs=features,networks=1` with
/// `hidden=128,layers=3` is the paper's own form. How it is trained is told at `LocalSettings`.
public struct LocalFine: Aggregator {
  public static let description = MethodDescription(
    name: "local-fine", summary: "deep quantile aggregation: weights on models and their levels that depend on the row's features",
    settings: LocalSettings.descriptions(.fine))
  public static let learns = true
  public static let usesFeatures = true
  public static let usualSeconds: Double = 15
  public static func fitSeconds(_ settings: Settings, _ training: AggregationTraining) -> Double {
    LocalSettings(settings, .fine).fitSeconds(training)
  }

  private let settings: LocalSettings

  public init(settings: Settings) { self.settings = LocalSettings(settings, .fine) }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    try settings.fit(training, method: LocalFine.description, context: context)
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator { try FittedMixture.decode(&reader) }
}
