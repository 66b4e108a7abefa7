import Quantiles

/// The continuous ranked probability score ∫ (F(z) − 1{y ≤ z})² dz of a forecast that is known at m levels, and its form that
/// weighs outcomes in a range [a, b] only, in units of y; smaller is better.
///
/// - crps = 2 ∫₀¹ ψ_τ(y − q_τ) dτ (Laio and Tamea 2007, "Verification tools for probabilistic forecasts of continuous hydrological
///   variables"), by the trapezoidal rule over the levels, with the integrand 0 at levels 0 and 1, where it vanishes for a forecast
///   whose range holds y: 2 Σ_j ½(τ_{j+1} − τ_{j−1}) ψ_{τ_j}(y − q_j) with τ_0 = 0, τ_{m+1} = 1. On even levels k/(m + 1) it is
///   m/(m + 1) times `wis`. On others, putting quantiles in order may raise it, as that lowers the plain sum over levels.
/// - twcrps = ∫ 1{a ≤ z ≤ b} (F(z) − 1{y ≤ z})² dz is the crps of y and the quantiles held within [a, b] (Allen, Ginsbourger,
///   Ziegel 2023, "Evaluating forecasts for high-impact events using transformed kernel scores": the chaining function of an
///   indicator weight).
///
/// O(m) a row.
public struct ContinuousRankedProbabilityScore: Score {
  public static let description = ScoreDescription(
    name: "crps", summary: "continuous ranked probability score", direction: .less,
    lines: [.init([("crps", .target)], "continuous ranked probability score, by quadrature over the levels")],
    request: "Report crps too, the continuous ranked probability score by quadrature over the levels.")

  private let levels: [Double]
  /// The quadrature's, times two.
  private let weights: [Double]
  private let range: ClosedRange<Double>?

  public let columns: [String]

  public init(levels: [Double], intervals: [Interval]) { self.init(levels: levels) }

  /// `range` gives the twcrps of outcomes within it; its ends may be infinite. `column` names the result.
  public init(levels: [Double], range: ClosedRange<Double>? = nil, column: String = "crps") {
    self.levels = levels
    self.range = range
    columns = [column]
    let ends = [0] + levels + [1]
    weights = levels.indices.map { ends[$0 + 2] - ends[$0] }
  }

  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    func held(_ value: Double) -> Double { range.map { min(max(value, $0.lowerBound), $0.upperBound) } ?? value }
    let target = held(target)
    var sum = 0.0
    for j in levels.indices { sum += weights[j] * pinballLoss(level: levels[j], target: target, quantile: held(quantiles[j])) }
    values[0] = sum
  }
}
