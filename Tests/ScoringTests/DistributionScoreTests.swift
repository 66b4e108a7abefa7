import Glibc
import Groundwork
import Quantiles
import Scoring
import Testing

private func close(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool { abs(a - b) <= tolerance * max(1, abs(a), abs(b)) }

private func score(_ score: ContinuousRankedProbabilityScore, _ quantiles: [Double], _ target: Double) -> Double {
  var value = [0.0]
  score.evaluate(quantiles: quantiles, target: target, into: &value)
  return value[0]
}

@Suite struct ContinuousRankedProbabilityScoreTests {
  private let even = (1...999).map { Double($0) / 1000 }

  @Test func evenLevelsShareTheWeightedIntervalScore() {
    let quantiles = even.map { NormalDistribution.quantile($0) }
    let wis = weightedIntervalScore(levels: even, quantiles: quantiles[...], target: 0.7)
    #expect(close(score(.init(levels: even), quantiles, 0.7), wis * 999 / 1000))
  }

  /// The closed form of the standard normal: y(2Φ(y) − 1) + 2φ(y) − 1/√π (Gneiting and Raftery 2007, §4.2).
  @Test(arguments: [-2.0, 0, 0.7, 3])
  func approachesTheNormalCRPS(_ y: Double) {
    let exact = y * (2 * NormalDistribution.cumulative(y) - 1) + 2 * NormalDistribution.density(y) - 1 / Double.pi.squareRoot()
    #expect(close(score(.init(levels: even), even.map { NormalDistribution.quantile($0) }, y), exact, 1e-3))
    // The hub's 23 levels, unevenly spaced, come within some percent too.
    #expect(close(score(.init(levels: Levels.hub), Levels.hub.map { NormalDistribution.quantile($0) }, y), exact, 0.02))
  }

  /// ∫ over [a, b] of (F(z) − 1{y ≤ z})² by a fine sum, F uniform on (0, 1).
  @Test(arguments: [(0.3, 0.5, Double.infinity), (0.8, 0.5, .infinity), (0.3, -.infinity, 0.5), (0.45, 0.2, 0.6), (5, 0.2, 0.6)])
  func thresholdsWeighThatPartOfTheIntegral(_ y: Double, _ lower: Double, _ upper: Double) {
    let steps = 20_000
    let exact = (0..<steps).reduce(0.0) { sum, step in
      let z = (Double(step) + 0.5) / Double(steps)
      let difference = z - (y <= z ? 1 : 0)
      return z < lower || z > upper ? sum : sum + difference * difference / Double(steps)
    }
    #expect(close(score(.init(levels: even, range: lower...upper), even, y), exact, 2e-3))
  }

  @Test func partsOfTheLineAddUp() {
    let quantiles = Levels.hub.map { NormalDistribution.quantile($0) }
    for y in [-3.0, -0.2, 0.4, 2] {
      let parts = [-Double.infinity ... -0.5, -0.5...1, 1 ... .infinity].map { score(.init(levels: Levels.hub, range: $0), quantiles, y) }
      #expect(close(parts.reduce(0, +), score(.init(levels: Levels.hub), quantiles, y)))
    }
  }

  @Test func infiniteQuantilesGiveNoNaN() {
    let inf = Double.infinity
    #expect(score(.init(levels: [0.1, 0.9]), [-inf, inf], 1) == inf)
    #expect(score(.init(levels: [0.1, 0.9], range: 0...2), [-inf, inf], 1).isFinite)
    #expect(score(.init(levels: [0.1, 0.9], range: 0 ... .infinity), [-inf, inf], 1) == inf)
  }
}

@Suite struct ProbabilityIntegralTransformTests {
  private func masses(_ levels: [Double], _ bins: Int, _ quantiles: [Double], _ target: Double) -> [Double] {
    var values = [Double](repeating: -1, count: bins)
    ProbabilityIntegralTransform(levels: levels, bins: bins).evaluate(quantiles: quantiles, target: target, into: &values)
    return values
  }

  /// Levels 0.25, 0.5, 0.75 with quantiles 1, 2, 3.
  @Test(
    arguments: [
      (0.5, [1, 0, 0, 0]), (1.5, [0, 1, 0, 0]), (9, [0, 0, 0, 1]), (2, [0, 0.5, 0.5, 0]), (1, [0.5, 0.5, 0, 0]), (3, [0, 0, 0.5, 0.5]),
    ] as [(Double, [Double])])
  func massLiesBetweenTheLevelsAroundTheTarget(_ target: Double, _ expected: [Double]) {
    #expect(masses([0.25, 0.5, 0.75], 4, [1, 2, 3], target) == expected)
    #expect(masses([0.25, 0.5, 0.75], 4, [3, 1, 2], target) == expected)
  }

  @Test func massSpreadsOverBinsInProportion() {
    #expect(masses([0.5], 5, [0], -1) == [0.4, 0.4, 0.2, 0, 0])
    #expect(masses([0.3, 0.9], 10, [0, 1], 0.5)[3...8].allSatisfy { $0 == 1.0 / 6 })
    // Three equal quantiles: from halfway below the first to halfway above the last.
    #expect(masses([0.2, 0.4, 0.6], 10, [0, 0, 0], 0) == [0, 1, 1, 1, 1, 1, 1, 1, 0, 0].map { $0 / 7 })
  }

  @Test func massesAddUpToOne() {
    var random = RandomStream(seed: 51)
    for _ in 0..<500 {
      let quantiles = Levels.hub.map { _ in Double(random.below(12)) }
      let masses = masses(Levels.hub, 1 + random.below(40), quantiles, Double(random.below(14)) - 1)
      #expect(close(masses.reduce(0, +), 1) && masses.allSatisfy { $0 >= 0 })
    }
  }

  /// Counts with a known distribution, whose quantiles are forecast: the histogram is flat on average.
  @Test func calibratedForecastsOfCountsAreFlat() {
    let levels = (1...19).map { Levels.rounded(Double($0) / 20) }
    var random = RandomStream(seed: 52)
    var sum = [Double](repeating: 0, count: 5)
    for _ in 0..<4000 {
      let count = 1 + random.below(30)
      let quantiles = levels.map { Double(Int((Double(count) * $0).rounded(.up)) - 1) }
      for (bin, mass) in masses(levels, 5, quantiles, Double(random.below(count))).enumerated() { sum[bin] += mass }
    }
    #expect(sum.allSatisfy { abs($0 / 4000 - 0.2) < 0.02 }, "\(sum)")
  }
}

@Suite struct LogShiftTests {
  @Test func logarithmsAreOfTheShiftedValue() {
    #expect(
      LogShift(offset: 1)!(0) == 0 && LogShift(offset: 0)!(1) == 0 && close(LogShift(offset: 1)!(9), log(10.0))
        && LogShift(offset: 1)!(.infinity) == .infinity)
  }

  @Test func whatHasNoLogarithmIsRefused() {
    #expect(
      LogShift(offset: 1)!.refusal(of: -0.5) != nil && LogShift(offset: 0)!.refusal(of: 0) != nil
        && LogShift(offset: 1)!.refusal(of: -.infinity) != nil)
    #expect(LogShift(offset: 1)!.refusal(of: 0) == nil && LogShift(offset: 0)!.refusal(of: .infinity) == nil)
    #expect(LogShift(offset: -1) == nil && LogShift(offset: .infinity) == nil && LogShift(offset: .nan) == nil)
  }
}
