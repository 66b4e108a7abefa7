import Quantiles

/// What the quantiles of a distribution of counts 0, 1, 2, … tell of its randomised probability integral transform, without a random draw.
///
/// U = F(y − 1) + V (F(y) − F(y − 1)), with V uniform, is uniform where forecasts are calibrated, and given y
///
///     P(U ≤ u) = (u − F(y − 1)) / (F(y) − F(y − 1)), held within 0 and 1
///
/// (Czado, Gneiting, Held 2009, "Predictive model assessment for count data", §2.1). Quantiles tell F up to a range: with τ_j, …, τ_k
/// the levels whose quantile is y, F(y − 1) is in [τ_{j−1}, τ_j), and 0 for y = 0, and F(y) in [τ_k, τ_{k+1}); where y is no quantile,
/// both are between the levels around it; levels 0 and 1 stand at the ends. That bounds the probability from both sides.
///
/// The share of rows with U ≤ u lies between the means of the bounds in expectation, whatever the levels are, so the point between them that is
/// nearest to u (`nearest`) tells as much of miscalibration as quantiles can. Quantiles need not be sorted: only how many are below y and how many
/// equal it counts.
public struct CountCoverage: Sendable {
  private let levels: [Double]
  private let points: [Double]

  /// `levels` increasing; `points` are the u, increasing, in (0, 1].
  public init(levels: [Double], points: [Double]) {
    self.levels = levels
    self.points = points
  }

  /// The least and the greatest P(U ≤ u) for each point: element `stride` · j and the one after it. O(m).
  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, stride: Int, into values: UnsafeMutablePointer<Double>) {
    var (below, atMost) = (0, 0)
    for j in levels.indices {
      below += oneIf(quantiles[j] < target)
      atMost += oneIf(quantiles[j] <= target)
    }
    func level(_ j: Int) -> Double { j < 0 ? 0 : j < levels.count ? levels[j] : 1 }
    // Ranges of F(y − 1) and F(y).
    let before = target == 0 ? (least: 0, most: 0) : (least: level(below - 1), most: level(below))
    let after = (least: level(atMost - 1), most: level(atMost))
    for (j, point) in points.enumerated() {
      let least = point >= after.most ? 1 : max(0, (point - before.most) / (after.most - before.most))
      let most = point <= before.least ? 0 : point >= after.least ? 1 : (point - before.least) / (after.least - before.least)
      values[stride * j] = point < before.most ? 0 : least
      values[stride * j + 1] = most
    }
  }

  /// The share of rows with U ≤ u that is nearest to u, where the bounds have these means.
  public static func nearest(to point: Double, least: Double, most: Double) -> Double { min(max(point, least), most) }
}
