import Glibc
import Groundwork
import Quantiles
import Scoring
import Testing

private let hub = [0.01, 0.025] + (1...19).map { Levels.rounded(Double($0) / 20) } + [0.975, 0.99]

/// P(low_j ≤ N_j ≤ high_j for all j), where N_j of n uniform numbers are at or below level j: exactly, from level to level, as
/// N_{j+1} − N_j of the n − N_j above τ_j is binomial.
private func probabilityWithin(_ ranges: [ClosedRange<Int>], _ levels: [Double], _ n: Int) -> Double {
  var chances = [1.0]
  var (base, before) = (0, 0.0)
  for (range, level) in zip(ranges, levels) {
    let p = (level - before) / (1 - before)
    var next = [Double](repeating: 0, count: range.count)
    for (offset, chance) in chances.enumerated() {
      let (i, rest) = (base + offset, n - base - offset)
      for k in max(i, range.lowerBound)...max(i, range.upperBound) where range.contains(k) {
        let x = Double(k - i)
        let logarithm = lgamma(Double(rest) + 1) - lgamma(x + 1) - lgamma(Double(rest) - x + 1) + x * log(p) + (Double(rest) - x) * log1p(-p)
        next[k - range.lowerBound] += chance * exp(logarithm)
      }
    }
    (chances, base, before) = (next, range.lowerBound, level)
  }
  return chances.reduce(0, +)
}

private func ranges(_ band: JointCoverageBand, _ levels: [Double], _ n: Int) -> [ClosedRange<Int>] {
  levels.indices.map { j in
    let shares = band.shares(j, count: n)
    return Int((shares.lower * Double(n)).rounded())...Int((shares.upper * Double(n)).rounded())
  }
}

@Suite struct JointCoverageBandTests {
  /// "All levels of 95 % of calibrated forecasts lie in the band": never fewer, and not many more where there are many rows.
  @Test(arguments: [
    hub, [0.1, 0.9], [0.1, 0.5, 0.9], [0.05, 0.25, 0.5, 0.75, 0.95], (1...19).map { Double($0) / 20 }, [0.001, 0.01, 0.5, 0.99, 0.999],
  ])
  func holdsCalibratedForecastsAsOftenAsItSays(_ levels: [Double]) {
    let band = JointCoverageBand(levels: levels)
    for n in [1, 2, 5, 10, 30, 100, 300] {
      let outside = 1 - probabilityWithin(ranges(band, levels, n), levels, n)
      #expect(outside <= 0.05, "\(n) rows: \(outside)")
      if n == 300, levels[0] > 0.001 { #expect(outside > 0.03, "\(n) rows: \(outside)") }
    }
  }

  /// The same by drawing tables, the band of single levels beside it: 1,000 tables of 200 rows, of which a right band may lose as many as the
  /// binomial distribution gives with probability 0.999.
  @Test func holdsDrawnForecasts() {
    let (n, tables) = (200, 1000)
    let joint = JointCoverageBand(levels: hub)
    let (together, alone) = (hub.indices.map { joint.shares($0, count: n) }, hub.map { coverageBand(level: $0, count: n, outside: 0.05) })
    var (outsideJoint, outsideAlone, belowJoint) = (0, 0, 0)
    var random = RandomStream(seed: 6)
    for _ in 0..<tables {
      var counts = [Int](repeating: 0, count: hub.count)
      for _ in 0..<n {
        let u = random.uniform()
        for j in hub.indices where u <= hub[j] { counts[j] += 1 }
      }
      let shares = counts.map { Double($0) / Double(n) }
      func isOutside(_ band: [(lower: Double, upper: Double)]) -> Bool { zip(shares, band).contains { $0 < $1.lower || $0 > $1.upper } }
      if isOutside(together) { outsideJoint += 1 }
      if isOutside(alone) { outsideAlone += 1 }
      if zip(shares, together).contains(where: { $0 < $1.lower }) { belowJoint += 1 }
    }
    #expect(outsideJoint <= binomialQuantile(0.999, count: tables, probability: 0.05))
    #expect(belowJoint <= binomialQuantile(0.999, count: tables, probability: 0.025))
    // Why the band of single levels does not do for all.
    #expect(outsideAlone > 3 * tables / 20)
  }

  @Test func ofOneLevelIsTheBinomialBand() {
    #expect(abs(JointCoverageBand(levels: [0.3]).pointwise - 0.05) < 1e-8)
    for n in [1, 7, 100, 12345] {
      let shares = JointCoverageBand(levels: [0.3]).shares(0, count: n)
      #expect(shares == coverageBand(level: 0.3, count: n, outside: 0.05))
    }
  }

  /// Against the same integrals by scipy: 64-bit numbers of `scripts/promises/scores.py`.
  @Test func agreesWithOtherIntegration() {
    #expect(abs(JointCoverageBand(levels: hub).pointwise - 0.0036932342158) < 1e-8)
    #expect(abs(JointCoverageBand(levels: (1...99).map { Double($0) / 100 }).pointwise - 0.0021847248290) < 1e-8)
    #expect(abs(JointCoverageBand(levels: [0.1, 0.9]).pointwise - 0.0253889203177) < 1e-8)
  }

  /// Levels of any number and distance have a band, between that of one level and Bonferroni's.
  @Test func anyLevelsHaveABand() {
    for levels in [[1e-9, 1 - 1e-9], [0.5, 0.500000001, 0.500000002], (1...999).map { Double($0) / 1000 }, [0.000001, 0.5], [0.2, 0.2003, 0.9]] {
      let pointwise = JointCoverageBand(levels: levels).pointwise
      #expect(pointwise <= 0.05 && pointwise >= 0.05 / Double(levels.count) - 1e-9, "\(levels.count): \(pointwise)")
    }
  }
}
