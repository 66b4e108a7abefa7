import Glibc
import Groundwork
import Quantiles
import Scoring
import Testing

private let hub = [0.01, 0.025] + (1...19).map { Levels.rounded(Double($0) / 20) } + [0.975, 0.99]

/// Probabilities of 0, 1, 2, …
private func poisson(_ mean: Double) -> [Double] {
  (0...Int(mean + 12 * mean.squareRoot() + 12)).map { exp(-mean + Double($0) * log(mean) - lgamma(Double($0) + 1)) }
}
private func geometric(_ p: Double) -> [Double] { (0...Int(40 / p)).map { p * pow(1 - p, Double($0)) } }

private func quantile(_ chances: [Double], _ level: Double) -> Double {
  var sum = 0.0
  for (y, chance) in chances.enumerated() {
    sum += chance
    if sum >= level { return Double(y) }
  }
  return Double(chances.count - 1)
}

private func bounds(_ levels: [Double], _ quantiles: [Double], _ target: Double) -> [(least: Double, most: Double)] {
  var values = [Double](repeating: 0, count: 2 * levels.count)
  CountCoverage(levels: levels, points: levels).evaluate(quantiles: quantiles, target: target, stride: 2, into: &values)
  return levels.indices.map { (values[2 * $0], values[2 * $0 + 1]) }
}

@Suite struct CountCoverageTests {
  /// Over the distribution itself, the mean of the bounds holds the level: exactly, whatever the levels and the distribution.
  @Test(arguments: [hub, [0.5], [0.1, 0.9], [0.001, 0.2, 0.21, 0.999]])
  func boundsHoldTheLevelForTheRightDistribution(_ levels: [Double]) {
    for chances in [poisson(1), poisson(0.05), poisson(3.7), poisson(60), geometric(0.2), geometric(0.9), [0.5, 0.5], [1]] {
      let quantiles = levels.map { quantile(chances, $0) }
      var (least, most) = ([Double](repeating: 0, count: levels.count), [Double](repeating: 0, count: levels.count))
      for (y, chance) in chances.enumerated() {
        for (j, bound) in bounds(levels, quantiles, Double(y)).enumerated() {
          least[j] += chance * bound.least
          most[j] += chance * bound.most
        }
      }
      for j in levels.indices { #expect(least[j] <= levels[j] + 1e-9 && most[j] >= levels[j] - 1e-9) }
    }
  }

  /// "Of calibrated counts all levels lie in the band": in 400 tables of 300 rows no more lie outside than binomially 5 %, while shares at or below
  /// the quantiles, as continuous targets have them, lie outside in every one. Forecasts that are too low by 0.6 standard deviations are seen.
  @Test func calibratedCountsLieInTheBand() {
    let (n, tables) = (300, 400)
    let band = JointCoverageBand(levels: hub)
    let ends = hub.indices.map { band.shares($0, count: n) }
    var random = RandomStream(seed: 11)
    func shareOfTables(truth: [Double], forecast: [Double], ofCounts: Bool) -> Int {
      let quantiles = hub.map { quantile(forecast, $0) }
      let rows = truth.indices.map { bounds(hub, quantiles, Double($0)) }
      return (0..<tables).count { _ in
        var (least, most) = ([Double](repeating: 0, count: hub.count), [Double](repeating: 0, count: hub.count))
        for _ in 0..<n {
          let y = Int(quantile(truth, random.uniform()))
          for j in hub.indices {
            least[j] += ofCounts ? rows[y][j].least : Double(y) <= quantiles[j] ? 1 : 0
            most[j] += ofCounts ? rows[y][j].most : Double(y) <= quantiles[j] ? 1 : 0
          }
        }
        return hub.indices.contains { j in
          let coverage = min(max(hub[j], least[j] / Double(n)), most[j] / Double(n))
          return coverage < ends[j].lower || coverage > ends[j].upper
        }
      }
    }
    for mean in [0.3, 1, 8] {
      let chances = poisson(mean)
      #expect(shareOfTables(truth: chances, forecast: chances, ofCounts: true) <= binomialQuantile(0.999, count: tables, probability: 0.05))
      #expect(shareOfTables(truth: poisson(mean + 0.6 * mean.squareRoot()), forecast: chances, ofCounts: true) > tables / 2, "\(mean)")
    }
    #expect(shareOfTables(truth: poisson(1), forecast: poisson(1), ofCounts: false) == tables)
  }

  @Test func byHand() {
    // y = 2 is the quantile at 0.4 and 0.6: F(1) in [0.2, 0.4), F(2) in [0.6, 0.8).
    let values = bounds([0.2, 0.4, 0.6, 0.8], [1, 2, 2, 3], 2)
    #expect(values[0] == (0, 0) && values[3] == (1, 1))
    #expect(values[1].least == 0 && abs(values[1].most - 0.5) < 1e-12)
    #expect(abs(values[2].least - 0.5) < 1e-12 && values[2].most == 1)
    // Nothing is below 0.
    let zero = bounds([0.2, 0.4], [0, 1], 0)
    #expect(zero[0] == (0.5, 1) && zero[1] == (1, 1))
  }

  /// Bounds at points that are no levels hold them too, so the histogram of calibrated counts is flat, whatever the levels.
  @Test(arguments: [hub, [0.5], [0.1, 0.25, 0.5, 0.75, 0.9]])
  func boundsHoldEveryPoint(_ levels: [Double]) {
    let points = (1...20).map { Double($0) / 20 }
    for chances in [poisson(1), poisson(0.1), poisson(5), geometric(0.4)] {
      let coverage = CountCoverage(levels: levels, points: points)
      let quantiles = levels.map { quantile(chances, $0) }
      var (means, row) = ([Double](repeating: 0, count: 40), [Double](repeating: 0, count: 40))
      for (y, chance) in chances.enumerated() {
        coverage.evaluate(quantiles: quantiles, target: Double(y), stride: 2, into: &row)
        for k in means.indices {
          #expect(k < 2 || row[k] >= row[k - 2])
          means[k] += chance * row[k]
        }
      }
      for (j, point) in points.enumerated() { #expect(means[2 * j] <= point + 1e-9 && means[2 * j + 1] >= point - 1e-9) }
    }
  }
}
