import Quantiles

/// What the quantiles of a distribution of counts 0, 1, 2, … tell of its randomised probability integral transform, without a random draw.
///
/// U = F(y − 1) + V (F(y) − F(y − 1)), with V uniform, is uniform where forecasts are calibrated (Czado, Gneiting, Held 2009, "Predictive model
/// assessment for count data", §2.1), so U ≤ τ in a share τ of rows. Given y, U ≤ τ has probability 1 where y < q_τ, 0 where y > q_τ, and
///
///     (τ − F(y − 1)) / (F(y) − F(y − 1))
///
/// where y = q_τ. With τ_j, …, τ_k the levels whose quantile is y, F(y − 1) is in [τ_{j−1}, τ_j), and 0 for y = 0, and F(y) in [τ_k, τ_{k+1}),
/// with levels 0 and 1 at the ends: that bounds the probability from both sides.
///
/// The number of rows with U ≤ τ lies between the sums of the bounds in expectation, whatever the levels are, so the point between the bounds that is
/// nearest to τ tells as much of miscalibration as quantiles can.
public struct CountCoverage: Sendable {
  private let levels: [Double]

  /// `levels` increasing.
  public init(levels: [Double]) { self.levels = levels }

  /// The least and the greatest probability that U is at most the level, for each level: element `stride` · j and the one after it. O(m).
  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, stride: Int, into values: UnsafeMutablePointer<Double>) {
    var (first, last) = (levels.count, -1)
    for j in levels.indices where quantiles[j] == target {
      first = min(first, j)
      last = j
    }
    for j in levels.indices {
      var (least, most) = target < quantiles[j] ? (1.0, 1.0) : (0, 0)
      if target == quantiles[j] {
        // Below 0 there is nothing.
        let below = target == 0 ? (0, 0) : (first > 0 ? levels[first - 1] : 0, levels[first])
        let above = (levels[last], last + 1 < levels.count ? levels[last + 1] : 1)
        least = max(0, (levels[j] - below.1) / (above.1 - below.1))
        most = min(1, (levels[j] - below.0) / (above.0 - below.0))
      }
      values[stride * j] = least
      values[stride * j + 1] = most
    }
  }
}
