import Groundwork

/// A distribution given by some of its quantiles, as a non-decreasing function of the normal score z: linear between the given
/// ones, and beyond the outermost on the line through it and the nearest that differs, which is exact for normal distributions.
///
/// At ±∞ it is ±∞. A segment with one infinite end has that value inside; between two it jumps in the middle. Memory is the caller's.
struct QuantileFunction {
  /// Increasing.
  let scores: UnsafePointer<Double>
  /// Non-decreasing, ±∞ allowed.
  let quantiles: UnsafePointer<Double>
  /// At least 2.
  let count: Int

  enum Side { case below, above }

  /// The quantile at normal score z. O(log m).
  func callAsFunction(_ z: Double) -> Double {
    if z.isInfinite { return z }
    let j = partitionPoint(0..<count) { scores[$0] >= z }
    if j < count, scores[j] == z { return quantiles[j] }
    if j == 0 { return beyond(0, z) }
    if j == count { return beyond(count - 1, z) }
    let (start, end) = (quantiles[j - 1], quantiles[j])
    let fraction = (z - scores[j - 1]) / (scores[j] - scores[j - 1])
    if start == end { return start }
    if start.isInfinite && end.isInfinite { return fraction < 0.5 ? start : end }
    // Shares of each end, as their difference may overflow; rounding must not leave the segment.
    return min(max((1 - fraction) * start + fraction * end, start), end)
  }

  /// The normal score of y, where the function reaches y from below: inf{z: Q(z) ≥ y}; or leaves it: sup{z: Q(z) ≤ y}. O(log m).
  func position(of y: Double, from side: Side) -> Double {
    let j = side == .below ? partitionPoint(0..<count) { quantiles[$0] >= y } : partitionPoint(0..<count) { quantiles[$0] > y }
    if j == 0 { return tail(0, y) }
    if j == count { return tail(count - 1, y) }
    let (start, end) = (quantiles[j - 1], quantiles[j])
    switch (start.isInfinite, end.isInfinite) {
    case (true, true): return scores[j - 1] / 2 + scores[j] / 2
    case (true, false): return scores[j]
    case (false, true): return scores[j - 1]
    case (false, false):
      let fraction = (y / 2 - start / 2) / (end / 2 - start / 2)
      return scores[j - 1] + fraction * (scores[j] - scores[j - 1])
    }
  }

  private func beyond(_ end: Int, _ z: Double) -> Double {
    let slope = slope(end)
    let value = quantiles[end] + (z - scores[end]) * slope
    return value.isNaN ? (end == 0 ? -.infinity : .infinity) : value
  }

  private func tail(_ end: Int, _ y: Double) -> Double {
    let slope = slope(end)
    // Without a slope the outermost quantile goes on for ever; an infinite one is left at once.
    if slope == 0 { return end == 0 ? -.infinity : .infinity }
    let distance = (y - quantiles[end]) / slope
    return scores[end] + (distance.isNaN ? 0 : distance)
  }

  /// Of the line from an outermost quantile to the nearest that differs; 0 where none does.
  private func slope(_ end: Int) -> Double {
    let step = end == 0 ? 1 : -1
    var j = end + step
    while j >= 0, j < count, quantiles[j] == quantiles[end] { j += step }
    guard j >= 0, j < count else { return 0 }
    return (quantiles[j] - quantiles[end]) / (scores[j] - scores[end])
  }
}
