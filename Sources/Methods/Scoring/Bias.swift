import Quantiles

/// Bias of a forecast, from −1 (all of it below the target) to 1 (all of it above); 0 is best (Bosse et al. 2022, "Evaluating
/// Forecasts with scoringutils in R", in the form of its `bias_quantile`).
///
/// 1 − 2·max{τ: q_τ ≤ y} where y is below the median, 1 − 2·min{τ: q_τ ≥ y} where it is above, 0 where it is the median; levels 0
/// and 1 stand at −∞ and +∞. Without a median level, the median is interpolated linearly between the two levels around ½; where
/// these are at opposite infinities the bias is 0. NaN where the median is not within the levels. O(m) a row.
public struct Bias: Score {
  public static let description = ScoreDescription(
    name: "bias", summary: "whether forecasts lie below or above the target", direction: .nearerZero,
    lines: [.init([("bias", .none)], "from -1 (forecasts lie below the target) to 1 (above)")])

  private let levels: [Double]
  /// Levels next to ½, both the median where it is there; nil where ½ is not within the levels.
  private let around: (below: Int, above: Int)?

  public let columns = ["bias"]

  public init(levels: [Double], intervals: [Interval]) {
    self.levels = levels
    let below = levels.lastIndex { Level($0) <= .median }
    let above = levels.firstIndex { Level($0) >= .median }
    around = if let below, let above { (below, above) } else { nil }
  }

  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    values[0] = bias(quantiles, target)
  }

  private func bias(_ quantiles: UnsafePointer<Double>, _ target: Double) -> Double {
    guard let around else { return .nan }
    let median = median(quantiles, around)
    if target < median {
      var j = levels.count - 1
      while j >= 0, quantiles[j] > target { j -= 1 }
      return j < 0 ? 1 : 1 - 2 * levels[j]
    }
    if target > median {
      var j = 0
      while j < levels.count, quantiles[j] < target { j += 1 }
      return j == levels.count ? -1 : 1 - 2 * levels[j]
    }
    return 0
  }

  private func median(_ quantiles: UnsafePointer<Double>, _ around: (below: Int, above: Int)) -> Double {
    let below = quantiles[around.below]
    let above = quantiles[around.above]
    if below == above { return below }
    let weight = (0.5 - levels[around.above]) / (levels[around.below] - levels[around.above])
    let difference = below - above
    return difference.isFinite ? above + weight * difference : (1 - weight) * above + weight * below
  }
}
