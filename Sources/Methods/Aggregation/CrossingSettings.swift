import Groundwork
import MethodKit
import Quantiles

/// What training does about quantiles that cross: settings that global and local methods share.
///
/// The penalty (Fakoor et al. 2023, section 4.1) adds λ (1/Σω) Σ_i ω_i Σ_{τ<τ'} (ĝ(x_i; τ) − ĝ(x_i; τ') + δ_ττ')_+ to the loss. Margins are δ_ττ' =
/// δ s for all pairs, s the standard deviation of the target, or adaptive, δ (Q_τ'(R) − Q_τ(R))_+ from the quantiles of pilot residuals R_i = y_i −
/// the median over models of ĝ_j(x_i; the level nearest ½).
///
/// Isotonic operators inside the loss make it non-convex for constant weights, so the global methods do not have them. The default is no penalty:
/// `qsort` afterwards never raises the loss summed over levels, while a penalty gives up fit for order.
struct CrossingSettings {
  static let ofGlobalMethods =
    [
      SettingDescription("noncrossing", .choice(["none", "penalty"]), default: "none", "penalty: quantiles that cross cost")
    ] + ofPenalty
  static let ofLocalMethods =
    [
      SettingDescription(
        "noncrossing", .choice(["none", "penalty", "sort", "pava", "minmax"]), default: "none",
        "penalty: quantiles that cross cost; sort, pava, minmax: the loss is that of the quantiles so put in order")
    ] + ofPenalty
  private static let ofPenalty = [
    SettingDescription("crossing", .number(0...1e6), default: "1", "what a unit of crossing costs, with noncrossing=penalty"),
    SettingDescription("margin", .choice(["fixed", "adaptive"]), default: "fixed", "the distance that quantiles of neighbouring levels must keep"),
    SettingDescription(
      "delta", .number(0...1e3), default: "0",
      "size of the margin: in standard deviations of the target where it is fixed, in quantile distances of pilot residuals where it is adaptive"),
  ]

  let choice: String
  let strength: Double
  let isAdaptive: Bool
  let delta: Double

  init(_ settings: Settings) {
    choice = settings.choice("noncrossing")
    strength = settings.number("crossing")
    isAdaptive = settings.choice("margin") == "adaptive"
    delta = settings.number("delta")
  }

  /// Whether there is a penalty.
  var penalises: Bool { choice == "penalty" && strength > 0 }

  /// The margin of every pair of levels τ < τ', times `errorUnit`: `result[t * m + u]`.
  func margins(_ training: AggregationTraining, rowWeights: [Double]) -> [Double] {
    let m = training.predictions.levels.count
    var result = [Double](repeating: 0, count: m * m)
    guard delta > 0 else { return result }
    let y = training.target.map { $0 * errorUnit }
    if !isAdaptive {
      let mean = zip(y, rowWeights).reduce(0) { $0 + $1.0 * $1.1 }
      // Scaled first: squares of the largest targets overflow.
      let size = y.reduce(0) { max($0, abs($1 - mean)) }
      let variance = size > 0 ? zip(y, rowWeights).reduce(0) { $0 + $1.1 * (($1.0 - mean) / size) * (($1.0 - mean) / size) } : 0
      for k in result.indices { result[k] = delta * variance.squareRoot() * size }
      return result
    }
    let middle = training.predictions.levels.indices.min { abs(training.predictions.levels[$0] - 0.5) < abs(training.predictions.levels[$1] - 0.5) }!
    let pilot = FittedMedian().answer(training.selecting(level: middle).predictions, features: nil)
    let residuals = y.indices.map { y[$0] - pilot[$0, 0] * errorUnit }.filter(\.isFinite).sorted()
    guard !residuals.isEmpty else { return result }
    let quantiles = training.predictions.levels.map { residuals[min(residuals.count - 1, Int($0 * Double(residuals.count)))] }
    for t in 0..<m { for u in t + 1..<max(m, t + 1) { result[t * m + u] = delta * max(quantiles[u] - quantiles[t], 0) } }
    return result
  }
}
