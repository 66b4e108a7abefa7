import Quantiles

/// The weighted interval score and its parts, in units of y, smaller is better (Bracher, Ray, Gneiting, Reich 2021, "Evaluating
/// epidemic forecasts in an interval format").
///
/// - wis = (2/m) Σ_τ ψ_τ(y − q_τ): it needs neither a median nor symmetric levels, and approximates the CRPS.
/// - A pair of levels (τ, 1 − τ), τ < ½, with quantiles (ℓ, u), gives (2/m)·τ(u − ℓ) to `dispersion`, (2/m)(ℓ − y)₊ to
///   `overprediction` and (2/m)(y − u)₊ to `underprediction`.
/// - The median, or a level without its partner, gives all its (2/m)ψ_τ to over- (y < q) or underprediction (y > q).
///
/// The parts add up to wis, up to rounding. For symmetric levels with a median this is `wis` of R's scoringutils.
/// Dispersion is negative where quantiles cross. O(m) a row.
public struct WeightedIntervalScore: Score {
  public static let description = ScoreDescription(
    name: "wis", summary: "weighted interval score and its parts", direction: .less,
    lines: [
      .init([("wis", .target)], "weighted interval score: 2 x pinball loss, mean over levels"),
      .init([("dispersion", .target), ("overprediction", .target), ("underprediction", .target)], "what wis is the sum of"),
    ])

  private struct Pair {
    let lower: Int
    let upper: Int
    let level: Double
  }

  private let levels: [Double]
  private let pairs: [Pair]
  /// The median, and levels without their partner.
  private let alone: [Int]

  public let columns = ["wis", "dispersion", "overprediction", "underprediction"]

  public init(levels: [Double], intervals: [Interval]) {
    self.levels = levels
    let structure = LevelPairs(levels)
    pairs = structure.pairs.map { Pair(lower: $0.lower, upper: $0.upper, level: levels[$0.lower]) }
    alone = structure.unpaired + (structure.median.map { [$0] } ?? [])
  }

  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    let count = Double(levels.count)
    let sum = pinballSum(levels: levels, quantiles: quantiles, target: target)
    var dispersion = 0.0
    var over = 0.0
    var under = 0.0
    pairs.withUnsafeBufferPointer { pairs in
      for pair in pairs {
        let lower = quantiles[pair.lower]
        let upper = quantiles[pair.upper]
        // Equal infinities have no difference, but no width either.
        dispersion += lower == upper ? 0 : pair.level * (upper - lower)
        over += max(lower - target, 0)
        under += max(target - upper, 0)
      }
    }
    for j in alone {
      let loss = pinballLoss(level: levels[j], target: target, quantile: quantiles[j])
      if target < quantiles[j] { over += loss } else { under += loss }
    }
    // Crossing infinite pairs beside uncrossed ones: unbounded, not undefined.
    if dispersion.isNaN { dispersion = .infinity }
    values[0] = 2 * sum / count
    values[1] = 2 * dispersion / count
    values[2] = 2 * over / count
    values[3] = 2 * under / count
  }
}
