import Glibc
import Groundwork
import Quantiles

/// Where the shares of targets at or below quantiles lie if forecasts are calibrated: for each of m levels a range of shares, so that those of
/// n independent rows lie within their ranges at all levels together with a given probability, at least.
///
/// Of n calibrated forecasts of a continuous target the numbers N_1 ≤ … ≤ N_m at or below the quantiles are those of n uniform numbers at or
/// below the levels τ_j: N_j is binomial, and the ranges are between its quantiles at γ/2 and 1 − γ/2, with one γ for all levels, as in
/// Säilynoja, Bürkner and Vehtari (2022, "Graphical test for discrete uniformity and its applications in goodness-of-fit evaluation and
/// multiple sample comparison", Statistics and Computing 32, §2). γ is that of the limit of many rows, where (N_j − nτ_j)/√n is a Brownian
/// bridge at the levels, a Markov chain whose joint probability is m integrals. Binomial quantiles are on the safe side by what a whole number
/// jumps by, which for few rows is more than what they differ from the limit by: of 5 to 3,000 rows at the default levels 0.6 to 4.5 of a hundred
/// calibrated tables leave a band of 95 % anywhere.
///
/// The bound of Dvoretzky, Kiefer, Wolfowitz and Massart is as wide in the middle, and many times as wide at extreme levels.
public struct JointCoverageBand: Sendable {
  /// γ: how often a single level's share may be out of its range, at most.
  public let pointwise: Double
  private let levels: [Double]

  /// `levels` increasing, in (0, 1), at least one. O(m · N) densities, where N, from 24 to some 400, grows as levels come closer; levels nearer
  /// to the one before than some 0.0009 τ(1 − τ) count as one with it.
  public init(levels: [Double], coverage: Double = 0.95) {
    self.levels = levels
    let level = 1 - coverage
    var kept = [levels[0]]
    for level in levels.dropFirst() where JointCoverageBand.step(kept[kept.count - 1], level).deviation >= 0.03 { kept.append(level) }
    // A single level, and all of them as if they had nothing in common.
    var least = -NormalDistribution.quantile(level / 2)
    var most = -NormalDistribution.quantile(level / Double(2 * kept.count))
    func excess(_ z: Double) -> Double { log(max(1 - JointCoverageBand.probability(within: z, kept), 1e-300) / level) }
    if kept.count > 1 {
      // The logarithm of the probability outside is nearly straight: regula falsi, in the Illinois form.
      var (atLeast, atMost) = (excess(least), excess(most))
      for _ in 0..<60 where most - least > 1e-11 && atLeast > atMost {
        let middle = min(max(least + (most - least) * atLeast / (atLeast - atMost), least), most)
        let value = excess(middle)
        if abs(value) < 1e-11 {
          most = middle
          break
        }
        if value > 0 {
          (least, atLeast, atMost) = (middle, value, atMost / 2)
        } else {
          (most, atMost, atLeast) = (middle, value, atLeast / 2)
        }
      }
    }
    // Down to what no machine's last bits of an exponential change.
    pointwise = (2 * NormalDistribution.cumulative(-most) * 0x1p32).rounded(.down) * 0x1p-32
  }

  /// The range of shares at level j of `count` ≥ 1 rows.
  public func shares(_ j: Int, count: Int) -> (lower: Double, upper: Double) {
    coverageBand(level: levels[j], count: count, outside: pointwise)
  }

  /// From level a to b the standardised bridge goes to r times where it was, give or take a normal deviation.
  private static func step(_ a: Double, _ b: Double) -> (correlation: Double, deviation: Double) {
    ((a * (1 - b) / (b * (1 - a))).squareRoot(), ((b - a) / (b * (1 - a))).squareRoot())
  }

  /// P(|B_j| ≤ z for all j) of the standardised Brownian bridge, by Gauss–Legendre quadrature from level to level.
  static func probability(within z: Double, _ levels: [Double]) -> Double {
    let steps = zip(levels, levels.dropFirst()).map { step($0, $1) }
    let narrowest = steps.reduce(1) { min($0, $1.deviation) }
    let (places, weights) = gaussLegendre(max(24, Int((z * .pi / narrowest).rounded(.up))))
    let points = places.map { $0 * z }
    var density = zip(points, weights).map { NormalDistribution.density($0) * $1 * z }
    var next = density
    for (correlation, deviation) in steps {
      for k in next.indices { next[k] = 0 }
      var first = 0
      for i in points.indices {
        let centre = correlation * points[i]
        while first < points.count, points[first] < centre - 8 * deviation { first += 1 }
        var k = first
        while k < points.count, points[k] <= centre + 8 * deviation {
          next[k] += density[i] * NormalDistribution.density((points[k] - centre) / deviation)
          k += 1
        }
      }
      for k in next.indices { density[k] = next[k] * weights[k] * z / deviation }
    }
    return min(1, density.reduce(0, +))
  }
}

/// The binomial quantiles at `outside` / 2 and 1 − `outside` / 2, as shares of `count` ≥ 1 rows: where the share of targets at or below the
/// quantile at `level` lies with probability 1 − `outside` at least, if it is right.
public func coverageBand(level: Double, count: Int, outside: Double) -> (lower: Double, upper: Double) {
  func share(_ probability: Double) -> Double { Double(binomialQuantile(probability, count: count, probability: level)) / Double(count) }
  return (share(outside / 2), share(1 - outside / 2))
}

/// Places, increasing in (−1, 1), and weights of the n-point rule, by Newton's method on the Legendre polynomial. O(n²).
private func gaussLegendre(_ n: Int) -> (places: [Double], weights: [Double]) {
  var (places, weights) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
  for k in 0..<(n + 1) / 2 {
    var x = cos(.pi * (Double(k) + 0.75) / (Double(n) + 0.5))
    var slope = 1.0
    for _ in 0..<10 {
      var (before, value) = (0.0, 1.0)
      for degree in 1...n { (before, value) = (value, (Double(2 * degree - 1) * x * value - Double(degree - 1) * before) / Double(degree)) }
      slope = Double(n) * (x * value - before) / (x * x - 1)
      let change = value / slope
      x -= change
      if abs(change) < 1e-15 { break }
    }
    (places[k], places[n - 1 - k]) = (-x, x)
    weights[k] = 2 / ((1 - x * x) * slope * slope)
    weights[n - 1 - k] = weights[k]
  }
  return (places, weights)
}
