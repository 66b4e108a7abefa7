import Glibc
import Groundwork
import Scoring
import Testing

/// What the tests and intervals of a comparison promise, by simulation under the null hypothesis: seeded, with exact binomial bounds that hold in 999
/// of 1000 seeds where the promise does. `scripts/promises/compare.py` does the same at length, through the tool.
@Suite struct ComparisonPromiseTests {
  /// Standard normal numbers (Box and Muller).
  private static func normal(_ random: inout RandomStream) -> Double {
    (-2 * log(1 - random.uniform())).squareRoot() * cos(2 * .pi * random.uniform())
  }

  private static func exponential(_ random: inout RandomStream) -> Double { -log(1 - random.uniform()) }

  /// Differences with mean zero.
  enum Process: Sendable {
    case independent, skewed
    /// The sum of this many shocks in a row, as the errors of forecasts that many steps ahead.
    case moving(Int)
    case autoregressive(Double)

    func draw(_ n: Int, _ random: inout RandomStream) -> [Double] {
      switch self {
      case .independent: return (0..<n).map { _ in normal(&random) }
      case .skewed: return (0..<n).map { _ in exponential(&random) - 1 }
      case .moving(let length):
        let shocks = (0..<n + length - 1).map { _ in normal(&random) }
        return (0..<n).map { shocks[$0..<$0 + length].reduce(0, +) }
      case .autoregressive(let memory):
        var value = normal(&random) / (1 - memory * memory).squareRoot()
        return (0..<n).map { _ in
          value = memory * value + normal(&random)
          return value
        }
      }
    }
  }

  /// How many of `repetitions` p-values are at most 0.05.
  private func rejections(_ repetitions: Int, _ process: Process, _ n: Int, seed: UInt64, _ p: ([Double]) -> Double) -> Int {
    (0..<repetitions).reduce(0) { count, repetition in
      var random = RandomStream(seed: seed, stream: UInt64(repetition))
      return count + (p(process.draw(n, &random)) <= 0.05 ? 1 : 0)
    }
  }

  /// Whether `count` of `repetitions` is what a chance within `range` brings.
  private func isWithin(_ range: ClosedRange<Double>, _ count: Int, of repetitions: Int) -> Bool {
    count >= binomialQuantile(0.0005, count: repetitions, probability: range.lowerBound)
      && count <= binomialQuantile(0.9995, count: repetitions, probability: range.upperBound)
  }

  // MARK: Diebold and Mariano

  /// With Student's t with n − 1 degrees of freedom and h − 1 autocovariances these are .05 .35 .25 .12 .21 .12 and .26.
  @Test(arguments: [
    (Process.independent, 20, 1), (.moving(4), 20, 1), (.autoregressive(0.5), 20, 1), (.moving(4), 20, 4), (.moving(8), 20, 8), (.moving(8), 50, 8),
    (.autoregressive(0.5), 100, 1),
  ])
  func dieboldMarianoKeepsItsSize(_ process: Process, _ n: Int, _ horizon: Int) {
    let count = rejections(4000, process, n, seed: 14) { dieboldMarianoTest($0, horizon: horizon) }
    #expect(isWithin(0.03...0.07, count, of: 4000), "\(count)")
  }

  @Test func dieboldMarianoSeesADifference() {
    let count = rejections(1000, .independent, 50, seed: 15) { dieboldMarianoTest($0.map { $0 + 0.6 }) }
    #expect(isWithin(0.8...1 - 1e-9, count, of: 1000), "\(count)")
  }

  // MARK: Permutations and Wilcoxon

  /// Differences of blocks are independent where those of rows are not: rows of a block share a shock.
  @Test func permutationsOfBlocksKeepTheirSizeAndThoseOfDependentRowsDoNot() {
    let repetitions = 1000
    var (ofRows, ofBlocks) = (0, 0)
    for repetition in 0..<repetitions {
      var random = RandomStream(seed: 16, stream: UInt64(repetition))
      let blocks = (0..<20).map { _ in
        let shock = Self.normal(&random)
        return (0..<5).map { _ in shock + Self.normal(&random) }
      }
      ofRows += permutationTest(blocks.flatMap { $0 }, permutations: 199) <= 0.05 ? 1 : 0
      ofBlocks += permutationTest(blocks.map { $0.reduce(0, +) }, permutations: 199) <= 0.05 ? 1 : 0
    }
    #expect(isWithin(0.03...0.06, ofBlocks, of: repetitions), "\(ofBlocks)")
    #expect(!isWithin(0.03...0.2, ofRows, of: repetitions), "\(ofRows)")
  }

  /// Autoregressive rows: what the manual says that p_permutation does to them.
  @Test func permutationsOfASeriesRejectTooOften() {
    let count = rejections(1000, .autoregressive(0.5), 100, seed: 17) { permutationTest($0, permutations: 199) }
    #expect(isWithin(0.2...0.35, count, of: 1000), "\(count)")
  }

  /// Means are equal, and differences are not symmetric.
  @Test func wilcoxonTestsSymmetryAndPermutationsTestMeans() {
    let wilcoxon = rejections(1000, .skewed, 100, seed: 18) { wilcoxonSignedRankTest($0) }
    #expect(isWithin(0.35...0.6, wilcoxon, of: 1000), "\(wilcoxon)")
    let permutation = rejections(1000, .skewed, 100, seed: 18) { permutationTest($0, permutations: 199) }
    #expect(isWithin(0.03...0.07, permutation, of: 1000), "\(permutation)")
    let symmetric = rejections(1000, .independent, 100, seed: 18) { wilcoxonSignedRankTest($0) }
    #expect(isWithin(0.04...0.06, symmetric, of: 1000), "\(symmetric)")
  }

  // MARK: Intervals

  /// Of `repetitions` intervals of a ratio whose true value is 1, how many hold it: units of `rows` rows that share a factor.
  private func held(_ repetitions: Int, units: Int, rows: Int, seed: UInt64) -> Int {
    (0..<repetitions).reduce(0) { count, repetition in
      var random = RandomStream(seed: seed, stream: UInt64(repetition))
      var (scores, unitOfRow): ([Double], [Int32]) = ([], [])
      for unit in 0..<units {
        let factor = exp(0.7 * Self.normal(&random))
        for _ in 0..<rows {
          scores += [factor * Self.exponential(&random), factor * Self.exponential(&random)]
          unitOfRow.append(Int32(unit))
        }
      }
      let bootstrap = SkillBootstrap(
        scores: scores, models: 2, units: unitOfRow, unitCount: units, statistics: [.ratio(0, 1)], resamples: 199, seed: UInt64(repetition),
        threads: 1)
      let interval = bootstrap.interval(.ratio(0, 1))
      return count + (interval.lower <= 1 && 1 <= interval.upper ? 1 : 0)
    }
  }

  /// Percentile intervals hold 86 to 90 of 100.
  @Test(arguments: [(10, 1), (10, 5), (20, 3)])
  func studentisedIntervalsOfTenUnitsOrMoreHold95OfAHundred(_ units: Int, _ rows: Int) {
    let count = held(1000, units: units, rows: rows, seed: 19)
    #expect(isWithin(0.93...0.97, count, of: 1000), "\(count)")
  }

  /// Percentile intervals of three hold 75 of 100.
  @Test func intervalsOfThreeUnitsHoldNoFewer() {
    #expect(isWithin(0.94...1 - 1e-9, held(500, units: 3, rows: 4, seed: 20), of: 500))
  }

  // MARK: Recalibration

  /// Targets that are forecasts plus normal noise; forecasts of the quantile at 0.05 or ½ are moved by `shift`.
  private func gains(_ repetitions: Int, _ level: Double, shift: Double) -> (inSample: Double, crossFitted: [Double]) {
    let quantile = level == 0.5 ? 0 : -1.6448536269514722
    var (inSample, crossFitted) = (0.0, [Double]())
    for repetition in 0..<repetitions {
      var random = RandomStream(seed: 21, stream: UInt64(repetition))
      let centres = (0..<100).map { _ in 2 * Self.normal(&random) }
      let targets = centres.map { $0 + Self.normal(&random) }
      let forecasts = centres.map { $0 + quantile + shift }
      let parts = QuantileScoreDecomposition(level: level, forecasts: forecasts, targets: targets)
      inSample += parts.miscalibration / parts.score / Double(repetitions)
      crossFitted.append(recalibrationGain(level: level, forecasts: forecasts, targets: targets))
    }
    return (inSample, crossFitted)
  }

  /// Miscalibration in-sample is a third and a fifth of the loss; nothing is to be gained, which each single gain knows in 99 of 100 tables.
  @Test(arguments: [(0.05, 0.3), (0.5, 0.17)])
  func perfectForecastsGainNothingOnRowsThatDidNotTeach(_ level: Double, _ atLeast: Double) {
    let (inSample, crossFitted) = gains(200, level, shift: 0)
    #expect(inSample > atLeast && inSample < 0.5)
    #expect(isWithin(0.9...1 - 1e-9, crossFitted.filter { $0 < 0 }.count, of: 200))
  }

  /// Forecasts of the median that are 1 too high lose E|Z − 1| / 2 − E|Z| / 2 = 0.184, of which the correction's noise leaves some.
  @Test func wrongForecastsGainAndNoMoreThanThereIs() {
    let crossFitted = gains(100, 0.5, shift: 1).crossFitted
    let mean = crossFitted.reduce(0, +) / 100
    #expect(mean > 0.1 && mean < 0.184)
  }
}
