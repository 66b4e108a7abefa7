import Quantiles

/// The distribution function that some quantiles of a model describe: Φ⁻¹(F(x)) is linear in x between neighbouring quantiles and
/// goes on beyond the outermost with the slope it had there, so that quantiles of a normal distribution give that distribution back.
///
/// Equal quantiles are a point mass, at the edge one that holds the whole tail; infinite ones are mass at infinity.
///
/// It works in memory of others, with room for as many numbers as there are levels, so that no reference is counted where many are evaluated.
struct PiecewiseNormalDistribution {
  /// Finite quantiles, non-decreasing, and the normal scores of their levels, increasing.
  let quantiles: UnsafeMutablePointer<Double>
  let scores: UnsafeMutablePointer<Double>
  private(set) var count = 0
  /// Whether quantiles at lower levels are −∞, at higher ones +∞.
  private(set) var hasLowerMass = false
  private(set) var hasUpperMass = false

  init(quantiles: UnsafeMutablePointer<Double>, scores: UnsafeMutablePointer<Double>) {
    self.quantiles = quantiles
    self.scores = scores
  }

  /// Takes quantiles at increasing levels, given by their normal scores; NaN is missing. Quantiles that cross are sorted. False where those
  /// that are there describe no distribution: fewer than two, or none that is finite.
  mutating func read(_ values: UnsafePointer<Double>, scores given: UnsafeBufferPointer<Double>) -> Bool {
    count = 0
    var isSorted = true
    for t in 0..<given.count where !values[t].isNaN {
      if count > 0, values[t] < quantiles[count - 1] { isSorted = false }
      quantiles[count] = values[t]
      scores[count] = given[t]
      count += 1
    }
    guard count >= 2 else { return false }
    if !isSorted {
      var all = UnsafeMutableBufferPointer(start: quantiles, count: count)
      all.sort()
    }
    hasLowerMass = quantiles[0] == -.infinity
    hasUpperMass = quantiles[count - 1] == .infinity
    if hasLowerMass || hasUpperMass {
      var finite = 0
      for k in 0..<count where quantiles[k].isFinite {
        quantiles[finite] = quantiles[k]
        scores[finite] = scores[k]
        finite += 1
      }
      count = finite
    }
    return count > 0
  }

  /// F(x), or its limit from the left. `hint` is where the search starts: calls with increasing x cost O(1) each on average.
  func cumulative(_ x: Double, fromLeft: Bool, hint: inout Int) -> Double {
    NormalDistribution.cumulative(score(x, fromLeft: fromLeft, hint: &hint))
  }

  /// Φ⁻¹(F(x)).
  private func score(_ x: Double, fromLeft: Bool, hint: inout Int) -> Double {
    func isBelow(_ k: Int) -> Bool { fromLeft ? quantiles[k] < x : quantiles[k] <= x }
    while hint < count, isBelow(hint) { hint += 1 }
    while hint > 0, !isBelow(hint - 1) { hint -= 1 }
    if hint == 0 {
      if hasLowerMass { return scores[0] }
      return extended(x, 0, 1, edge: -.infinity)
    }
    if hint == count {
      if hasUpperMass { return scores[count - 1] }
      return extended(x, count - 2, count - 1, edge: .infinity)
    }
    return line(x, hint - 1, hint)
  }

  private func extended(_ x: Double, _ a: Int, _ b: Int, edge: Double) -> Double {
    if a < 0 || b >= count || quantiles[a] == quantiles[b] { return edge }
    return line(x, a, b)
  }

  /// Quarters keep differences finite.
  private func line(_ x: Double, _ a: Int, _ b: Int) -> Double {
    let share = (x / 4 - quantiles[a] / 4) / (quantiles[b] / 4 - quantiles[a] / 4)
    // Underflow of the quarters leaves no width to interpolate in.
    return share.isNaN ? scores[a] : scores[a] + share * (scores[b] - scores[a])
  }

  /// The quantile at normal score z.
  func quantile(_ z: Double) -> Double {
    var above = 0
    while above < count, scores[above] < z { above += 1 }
    if above < count, scores[above] == z { return quantiles[above] }
    if above == 0 && hasLowerMass { return -.infinity }
    if above == count && hasUpperMass { return .infinity }
    guard count > 1 else { return quantiles[0] }
    let b = min(max(above, 1), count - 1)
    let (start, end) = (quantiles[b - 1], quantiles[b])
    if start == end { return start }
    let share = (z - scores[b - 1]) / (scores[b] - scores[b - 1])
    let value = above == 0 || above == count ? start + share * (end - start) : (1 - share) * start + share * end
    let limit = Double.greatestFiniteMagnitude
    if above == 0 { return max(min(value, start), -limit) }
    if above == count { return min(max(value, end), limit) }
    return min(max(value, start), end)
  }
}
