import Quantiles

/// Histogram of the probability integral transform F(y) of a forecast that is known at m levels, in N bins of equal width; flat
/// where forecasts are calibrated, ∪ where they are too narrow, ∩ where they are too wide.
///
/// Levels tell F(y) up to a range, over which the row's unit of mass is spread evenly, without a random draw, as the histogram for
/// counts does it (Czado, Gneiting, Held 2009, "Predictive model assessment for count data", §2.1):
/// - y strictly between the quantiles at neighbouring levels: from one level to the other, where levels 0 and 1 stand at −∞ and +∞;
/// - y equal to the quantiles at τ_j, …, τ_k: from halfway between τ_{j−1} and τ_j to halfway between τ_k and τ_{k+1}.
///
/// Quantiles need not be sorted: only how many are below y and how many equal it counts.
public struct ProbabilityIntegralTransform: Sendable {
  /// Levels 0, τ_1, …, τ_m, 1 in units of 1 / `unit`, so that levels on the edge of a bin are on it exactly.
  private let ends: [Int]
  private let binWidth: Int
  public let bins: Int

  /// `levels` increasing, in (0, 1); `bins` from 1 to 1000.
  public init(levels: [Double], bins: Int) {
    self.bins = bins
    ends = ([0] + levels.map { Level($0).key } + [Level.one]).map { 2 * bins * $0 }
    binWidth = 2 * Level.one
  }

  /// Fills `values`, the mass in each bin, which add up to 1: arguments as in `Score.evaluate`. O(m + N).
  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    var below = 0
    var atMost = 0
    for j in 0..<ends.count - 2 {
      below += oneIf(quantiles[j] < target)
      atMost += oneIf(quantiles[j] <= target)
    }
    let isTie = atMost > below
    let lower = isTie ? (ends[below] + ends[below + 1]) / 2 : ends[below]
    let upper = isTie ? (ends[atMost] + ends[atMost + 1]) / 2 : ends[below + 1]
    for bin in 0..<bins {
      let overlap = min(upper, (bin + 1) * binWidth) - max(lower, bin * binWidth)
      values[bin] = overlap <= 0 ? 0 : Double(overlap) / Double(upper - lower)
    }
  }
}
