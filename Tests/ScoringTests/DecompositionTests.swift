import Groundwork
import Quantiles
import Scoring
import Testing

private func close(_ a: Double, _ b: Double, _ scale: Double = 1) -> Bool { abs(a - b) <= 1e-12 * max(scale, abs(a), abs(b)) }

/// Forecasts with many ties or none, targets likewise.
private func randomRows(_ count: Int, ties: Bool, seed: UInt64) -> (forecasts: [Double], targets: [Double]) {
  var random = RandomStream(seed: seed)
  func value() -> Double { ties ? Double(random.below(6)) : random.uniform() * 10 }
  let forecasts = (0..<count).map { _ in value() }
  return (forecasts, forecasts.map { $0 * 0.5 + value() })
}

private func loss(_ level: Double, _ targets: [Double], _ quantiles: [Double]) -> Double {
  zip(targets, quantiles).reduce(0) { $0 + pinballLoss(level: level, target: $1.0, quantile: $1.1) }
}

/// The least loss of any non-decreasing function of the forecast: some optimal one takes targets as its values, so a table of the
/// least loss up to each distinct forecast with values up to each target finds it.
private func leastIsotonicLoss(_ level: Double, _ forecasts: [Double], _ targets: [Double]) -> Double {
  let values = Set(targets).sorted()
  var best = [Double](repeating: 0, count: values.count)
  for forecast in Set(forecasts).sorted() {
    let own = zip(forecasts, targets).filter { $0.0 == forecast }.map(\.1)
    var least = Double.infinity
    for v in values.indices {
      least = min(least, best[v])
      best[v] = least + own.reduce(0) { $0 + pinballLoss(level: level, target: $1, quantile: values[v]) }
    }
  }
  return best.min()!
}

@Suite struct IsotonicQuantileRegressionTests {
  @Test(arguments: [0.025, 0.1, 0.3, 0.5, 0.75, 0.99])
  func lossIsTheLeastOfAnyIsotonicFunction(_ level: Double) {
    for seed in 1...40 {
      let (forecasts, targets) = randomRows(1 + seed, ties: seed % 2 == 0, seed: UInt64(seed))
      let fitted = IsotonicQuantileRegression(level: level, forecasts: forecasts, targets: targets).fitted
      #expect(close(loss(level, targets, fitted), leastIsotonicLoss(level, forecasts, targets), 10))
      for i in fitted.indices {
        for j in fitted.indices where forecasts[i] <= forecasts[j] {
          #expect(fitted[i] <= fitted[j])
          if forecasts[i] == forecasts[j] { #expect(fitted[i] == fitted[j]) }
        }
      }
    }
  }

  /// Rows pool into runs; what a run of falling targets gets is its lower quantile.
  @Test func aPoolHoldsItsLowerQuantile() {
    #expect(IsotonicQuantileRegression(level: 0.5, forecasts: [1, 2, 3, 4], targets: [4, 3, 2, 1]).fitted == [2, 2, 2, 2])
    #expect(IsotonicQuantileRegression(level: 0.25, forecasts: [1, 2, 3, 4], targets: [4, 3, 2, 1]).fitted == [1, 1, 1, 1])
    #expect(IsotonicQuantileRegression(level: 0.5, forecasts: [3, 1, 2], targets: [30, 10, 20]).fitted == [30, 10, 20])
    #expect(IsotonicQuantileRegression(level: 0.9, forecasts: [-.infinity, .infinity], targets: [1, 0]).fitted == [1, 1])
  }

  /// A weight of three is three rows of one, whichever way the levels tie.
  @Test(arguments: [0.025, 0.25, 0.5, 0.9])
  func wholeWeightsAreRepeatedRows(_ level: Double) {
    for seed in 1...40 {
      let (forecasts, targets) = randomRows(2 * seed, ties: seed % 2 == 0, seed: 200 + UInt64(seed))
      var random = RandomStream(seed: 300 + UInt64(seed))
      let counts = forecasts.map { _ in 1 + random.below(4) }
      func repeated(_ values: [Double]) -> [Double] { zip(values, counts).flatMap { [Double](repeating: $0, count: $1) } }
      let weights = counts.map(Double.init)
      let fitted = IsotonicQuantileRegression(level: level, forecasts: forecasts, targets: targets, weights: weights).fitted
      #expect(repeated(fitted) == IsotonicQuantileRegression(level: level, forecasts: repeated(forecasts), targets: repeated(targets)).fitted)
      let parts = QuantileScoreDecomposition(level: level, forecasts: forecasts, targets: targets, weights: weights)
      let same = QuantileScoreDecomposition(level: level, forecasts: repeated(forecasts), targets: repeated(targets))
      #expect(parts.rows == forecasts.count && close(parts.score, same.score, 10) && close(parts.miscalibration, same.miscalibration, 10))
      #expect(close(parts.discrimination, same.discrimination, 10) && close(parts.uncertainty, same.uncertainty, 10))
    }
  }
}

@Suite struct QuantileScoreDecompositionTests {
  @Test(arguments: [0.025, 0.3, 0.5, 0.9])
  func partsAreNotNegativeAndAddUp(_ level: Double) {
    for seed in 1...60 {
      let (forecasts, targets) = randomRows(3 * seed, ties: seed % 3 == 0, seed: UInt64(seed))
      let parts = QuantileScoreDecomposition(level: level, forecasts: forecasts, targets: targets)
      #expect(parts.miscalibration >= 0 && parts.discrimination >= 0 && parts.uncertainty >= 0)
      #expect(close(parts.score, parts.miscalibration - parts.discrimination + parts.uncertainty, 10))
      #expect(close(parts.score, loss(level, targets, forecasts) / Double(targets.count), 10))
    }
  }

  /// Where no rounding is needed the parts add up to the bit.
  @Test(arguments: [0.25, 0.5, 0.75])
  func partsOfSmallIntegersAddUpExactly(_ level: Double) {
    var random = RandomStream(seed: 61)
    for _ in 0..<50 {
      let forecasts = (0..<64).map { _ in Double(random.below(20)) }
      let targets = forecasts.map { $0 + Double(random.below(9)) - 3 }
      let parts = QuantileScoreDecomposition(level: level, forecasts: forecasts, targets: targets)
      #expect(parts.score == parts.miscalibration - parts.discrimination + parts.uncertainty)
    }
  }

  @Test func extremesHaveTheirMeaning() {
    let targets = [3.0, 1, 4, 1, 5, 9, 2, 6]
    let perfect = QuantileScoreDecomposition(level: 0.3, forecasts: targets, targets: targets)
    #expect(perfect.score == 0 && perfect.miscalibration == 0 && perfect.discrimination == perfect.uncertainty)
    let marginal = QuantileScoreDecomposition(level: 0.3, forecasts: [Double](repeating: 2, count: 8), targets: targets)
    #expect(marginal.miscalibration == 0 && marginal.discrimination == 0 && marginal.score == marginal.uncertainty)
    let shifted = QuantileScoreDecomposition(level: 0.3, forecasts: targets.map { $0 + 7 }, targets: targets)
    #expect(shifted.miscalibration == shifted.score && shifted.discrimination == shifted.uncertainty)
    let reversed = QuantileScoreDecomposition(level: 0.3, forecasts: targets.map { -$0 }, targets: targets)
    #expect(reversed.discrimination == 0)
  }

  /// Weights of any size are those of their ratios; light rows beside heavy ones are as good as absent.
  @Test(arguments: [0x1p-1074, 0x1p-1000, 0x1p700, 0x1p1000, 0x1p1023])
  func onlyRatiosOfWeightsMatter(_ unit: Double) {
    let (forecasts, targets) = randomRows(60, ties: true, seed: 71)
    let weights = (0..<60).map { _ in 1.0 }
    func parts(_ weights: [Double]) -> [Double] {
      let parts = QuantileScoreDecomposition(level: 0.3, forecasts: forecasts, targets: targets, weights: weights)
      return [parts.score, parts.miscalibration, parts.discrimination, parts.uncertainty]
    }
    #expect(parts(weights.map { $0 * unit }) == parts(weights))
    let half = QuantileScoreDecomposition(level: 0.3, forecasts: Array(forecasts[..<30]), targets: Array(targets[..<30]))
    let mixed = parts((0..<60).map { $0 < 30 ? 1e308 : 1 })
    for (a, b) in zip(mixed, [half.score, half.miscalibration, half.discrimination, half.uncertainty]) { #expect(close(a, b)) }
  }

  @Test func nothingAndInfinityAreNoCrash() {
    let empty = QuantileScoreDecomposition(level: 0.5, forecasts: [], targets: [])
    #expect(empty.rows == 0 && empty.score.isNaN && empty.miscalibration.isNaN)
    let infinite = QuantileScoreDecomposition(level: 0.5, forecasts: [.infinity, 1], targets: [2, 1])
    #expect(infinite.miscalibration == .infinity && infinite.score == .infinity && infinite.discrimination == 0.25)
  }
}
