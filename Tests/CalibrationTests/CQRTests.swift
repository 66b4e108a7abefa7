import Calibration
import Groundwork
import MethodKit
import Quantiles
import TestSupport
import Testing

private let inf = Double.infinity

/// A table with ties, crossings, infinities and, where asked for, missing quantiles.
private func randomTraining(rows: Int, levels: [Double], missing: Bool = false, ties: Bool = true, seed: UInt64) -> CalibrationTraining {
  var random = RandomStream(seed: seed)
  func value() -> Double { ties ? Double(random.below(9)) - 4 : random.uniform() * 8 - 4 }
  let quantiles = (0..<rows * levels.count).map { _ -> Double in
    let kind = random.below(20)
    if missing && kind < 3 { return .nan }
    return kind == 19 && ties ? (random.below(2) == 0 ? inf : -inf) : value()
  }
  return CalibrationTraining(
    levels: levels, quantiles: Matrix(rows: rows, columns: levels.count, values: quantiles), target: (0..<rows).map { _ in value() })
}

private func fit(_ training: CalibrationTraining, threads: Int = 1) throws -> any FittedCalibrator {
  try SplitConformal<ConformalizedQuantileRegression>().fit(training, context: FitContext(threads: threads))
}

/// Scores of the rows that have both ends, sorted.
private func plainScores(_ training: CalibrationTraining, _ lower: Int, _ upper: Int) -> [Double] {
  training.target.indices.compactMap { i in
    let (l, u) = (training.quantiles[i, lower], training.quantiles[i, upper])
    return l.isNaN || u.isNaN ? nil : max(l - training.target[i], training.target[i] - u)
  }.sorted()
}

private func same(_ a: [Double], _ b: [Double]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN } }

/// The same method without its own leave-one-out.
private struct PlainCQR: Calibrator {
  static let description = ConformalizedQuantileRegression.description
  init(settings: Settings) {}
  func fit(_ training: CalibrationTraining, context: FitContext) throws -> any FittedCalibrator {
    try SplitConformal<ConformalizedQuantileRegression>().fit(training, context: context)
  }
  func decode(_ reader: inout ByteReader) throws -> any FittedCalibrator { try SplitConformal<ConformalizedQuantileRegression>().decode(&reader) }
}

@Suite struct CQRTests {
  /// α = 2τ = a/100: the rank is the least k with 100k ≥ (100 − a)(n + 1), found by counting.
  @Test func correctionIsTheExactOrderStatistic() throws {
    for n in 0...50 {
      for percent in [1, 2, 5, 10, 20, 30, 33, 40, 50] {
        let level = Levels.rounded(Double(percent) / 200)
        let training = randomTraining(rows: n, levels: [level, Levels.rounded(1 - level)], seed: UInt64(100 * n + percent))
        let scores = plainScores(training, 0, 1)
        var rank = 0
        while 100 * rank < (100 - percent) * (n + 1) { rank += 1 }
        let expected = rank > n ? inf : scores[rank - 1] == -inf ? 0 : scores[rank - 1]
        let correction = try fit(training).corrections[0]
        #expect(correction.amount == expected)
        #expect(correction.rows == n)
      }
    }
  }

  @Test func ranksAreExactForEveryLevelOfNineDecimals() {
    // (1 - 2 * 0.35) * 10 is above 3 in doubles, and would round up to rank 4.
    #expect(ConformalRank.rank(coverage: Level(key: 300_000_000), rows: 9) == 3)
    // python3: math.ceil((1 - Fraction(2 * key, 10**9)) * (n + 1))
    #expect(ConformalRank.rank(coverage: Level(key: 999_999_998), rows: 1_000_000_000) == 999999999)
    #expect(ConformalRank.rank(coverage: Level(key: 2), rows: 10) == 1)
    #expect(ConformalRank.rank(coverage: Level(key: 950_000_000), rows: 1 << 40) == 1044536046389)
  }

  @Test func minimumRowsIsWhereTheCorrectionBecomesFinite() throws {
    for (level, rows) in [(0.01, 49), (0.99, 49), (0.025, 19), (0.05, 9), (0.1, 4), (0.25, 1), (0.15, 3), (0.49, 1)] {
      #expect(ConformalRank.minimumRows(coverage: Level(key: abs(Level.one - 2 * Level(level).key))) == rows)
      let pair = [min(level, 1 - level), max(level, 1 - level)].map(Levels.rounded)
      #expect(try fit(randomTraining(rows: rows, levels: pair, ties: false, seed: 1)).corrections[0].amount < inf)
      #expect(try fit(randomTraining(rows: rows - 1, levels: pair, ties: false, seed: 1)).corrections[0].amount == inf)
      #expect(try fit(randomTraining(rows: rows - 1, levels: pair, seed: 1)).corrections[0].rowsNeeded == rows)
    }
  }

  /// For distinct exchangeable scores the coverage given the calibration rows is Beta(k, n + 1 − k), k = ⌈(1 − α)(n + 1)⌉
  /// (Vovk 2012): with scores uniform on (0, 1) it is Q itself. The bounds are four standard errors of 3,000 repetitions.
  @Test(arguments: [(20, 0.1), (31, 0.05), (10, 0.25)])
  func coverageFollowsTheBetaLaw(_ n: Int, _ level: Double) throws {
    var random = RandomStream(seed: 61)
    let repetitions = 3000
    var sum = 0.0
    var sumOfSquares = 0.0
    for _ in 0..<repetitions {
      let training = CalibrationTraining(
        levels: [level, 1 - level], quantiles: Matrix(rows: n, columns: 2), target: (0..<n).map { _ in random.uniform() })
      let row = try fit(training).calibrated([0, 0])
      #expect(row[0] == -row[1])
      sum += row[1]
      sumOfSquares += row[1] * row[1]
    }
    let rank = Double(ConformalRank.rank(coverage: Level(key: Level.one - 2 * Level(level).key), rows: n))
    let total = Double(n + 1)
    let expected = rank / total
    let variance = expected * (1 - expected) / (total + 1)
    let mean = sum / Double(repetitions)
    #expect(expected >= 1 - 2 * level && expected <= 1 - 2 * level + 1 / total)
    #expect(abs(mean - expected) < 4 * (variance / Double(repetitions)).squareRoot())
    #expect(abs((sumOfSquares / Double(repetitions) - mean * mean) / variance - 1) < 0.15)
  }

  /// Fresh rows of a wrong forecast are covered as promised at every pair, and pairs are nested.
  @Test func wrongForecastsAreMovedToTheirCoverage() throws {
    var random = RandomStream(seed: 62)
    let levels = Levels.hub
    func sample(_ n: Int) -> CalibrationTraining {
      var values: [Double] = []
      var target: [Double] = []
      for _ in 0..<n {
        let x = random.uniform()
        target.append(x + (0..<6).reduce(0) { sum, _ in sum + random.uniform() })
        values += levels.map { x + 2.7 + ($0 - 0.5) }
      }
      return CalibrationTraining(levels: levels, quantiles: Matrix(rows: n, columns: levels.count, values: values), target: target)
    }
    let fitted = try fit(sample(2000))
    let fresh = sample(4000)
    var covered = [Int](repeating: 0, count: 11)
    for i in 0..<4000 {
      let row = fitted.calibrated(Array(fresh.quantiles.row(i)))
      #expect(zip(row, row.dropFirst()).allSatisfy { $0 <= $1 })
      for k in 0..<11 where row[k] <= fresh.target[i] && fresh.target[i] <= row[22 - k] { covered[k] += 1 }
    }
    for k in 0..<11 {
      let nominal = 1 - 2 * levels[k]
      // Four standard errors of the share, and of the calibration's own randomness.
      let error = (nominal * (1 - nominal) * (1 / 4000.0 + 1 / 2000.0)).squareRoot()
      #expect(Double(covered[k]) / 4000 >= nominal - 4 * error)
    }
  }

  @Test func leaveOneOutEqualsAllFits() throws {
    for (seed, missing) in [(71, false), (72, true), (73, true)] as [(UInt64, Bool)] {
      for n in [1, 2, 3, 9, 10, 19, 20, 40] {
        let training = randomTraining(rows: n, levels: [0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 0.95], missing: missing, seed: seed)
        let without = try SplitConformal<ConformalizedQuantileRegression>().leaveOneOut(training, context: FitContext())
        for i in 0..<n {
          let expected = try fit(training.selecting((0..<n).filter { $0 != i }))
          let actual = try without(i)
          #expect(actual.corrections == expected.corrections)
          let row = Array(training.quantiles.row(i))
          #expect(same(actual.calibrated(row), expected.calibrated(row)))
        }
      }
    }
  }

  @Test func leaveOneOutOfAnyMethodIsTheFitWithoutTheRow() throws {
    let training = randomTraining(rows: 12, levels: [0.1, 0.25, 0.75, 0.9], seed: 74)
    let plain = try PlainCQR(settings: Settings(of: PlainCQR.description)).leaveOneOut(training, context: FitContext())
    let quick = try SplitConformal<ConformalizedQuantileRegression>().leaveOneOut(training, context: FitContext())
    for i in 0..<12 { #expect(try plain(i).corrections == quick(i).corrections) }
  }

  @Test func answersContainThePlainIntervalsAndAreOrdered() throws {
    let levelSets = [[0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95], [0.05, 0.25, 0.75, 0.95], [0.05, 0.4, 0.45, 0.95], [0.6, 0.7], [0.2, 0.3]]
    for (index, levels) in levelSets.enumerated() {
      for missing in [false, true] {
        let training = randomTraining(rows: 60, levels: levels, missing: missing, ties: index % 2 == 0, seed: UInt64(80 + index))
        let fitted = try fit(training)
        for i in 0..<60 {
          let row = Array(training.quantiles.row(i))
          let answer = fitted.calibrated(row)
          #expect(answer.map(\.isNaN) == row.map(\.isNaN))
          let present = answer.filter { !$0.isNaN }
          #expect(zip(present, present.dropFirst()).allSatisfy { $0 <= $1 })
          for correction in fitted.corrections {
            let lower = levels.firstIndex(of: correction.lowerLevel!)!
            let upper = levels.firstIndex(of: correction.upperLevel!)!
            if row[lower].isFinite { #expect(answer[lower] <= row[lower] - correction.amount) }
            if row[upper].isFinite { #expect(answer[upper] >= row[upper] + correction.amount) }
          }
        }
      }
    }
  }

  @Test func medianStaysAndUnpairedLevelsAreNotCorrected() throws {
    let training = CalibrationTraining(
      levels: [0.25, 0.3, 0.5, 0.75], quantiles: Matrix(rows: 3, columns: 4, values: [0, 1, 5, 6, 0, 1, 5, 6, 0, 1, 5, 6]), target: [8, 8, 8])
    let fitted = try fit(training)
    #expect(fitted.corrections == [Correction(lowerLevel: 0.25, upperLevel: 0.75, amount: 2, effect: "moved outwards by 2", rows: 3, rowsNeeded: 1)])
    #expect(fitted.calibrated([0, 1, 5, 6]) == [-2, 1, 5, 8])
    #expect(fitted.calibrated([4, 1, 5, 6]) == [1, 1, 5, 8])
  }

  @Test func intervalsThatShrinkPastTheirMiddleEndThere() throws {
    let training = CalibrationTraining(
      levels: [0.25, 0.75], quantiles: Matrix(rows: 3, columns: 2, values: [-5, 5, -5, 5, -5, 5]), target: [0, 0, 0])
    #expect(try fit(training).corrections[0].amount == -5)
    #expect(try fit(training).calibrated([1, 3]) == [2, 2])
  }

  @Test func hostileNumbersGiveNoNaN() throws {
    let levels = [0.05, 0.25, 0.75, 0.95]
    let rows: [[Double]] = [
      [-1e308, -1e308, 1e308, 1e308], [1e308, 1e308, -1e308, -1e308], [-inf, -inf, inf, inf], [inf, inf, -inf, -inf], [inf, inf, inf, inf],
      [-inf, -inf, -inf, -inf], [0, 0, 0, 0], [-inf, 0, 0, inf],
    ]
    for taught in rows {
      for target in [-1e308, 0, 1e308] {
        for n in [0, 1, 5, 40] {
          let quantiles = Matrix(rows: n, columns: 4, values: (0..<n).flatMap { _ in taught })
          let training = CalibrationTraining(levels: levels, quantiles: quantiles, target: [Double](repeating: target, count: n))
          let fitted = try fit(training)
          for row in rows {
            let answer = fitted.calibrated(row)
            #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 }, "\(taught) at \(target), then \(row): \(answer)")
          }
        }
      }
    }
  }

  @Test func threadsDoNotChangeTheCorrections() throws {
    let training = randomTraining(rows: 500, levels: Levels.hub, missing: true, seed: 90)
    #expect(try fit(training, threads: 1).corrections == fit(training, threads: 4).corrections)
  }

  @Test func encodedCalibrationsReadBack() throws {
    let training = randomTraining(rows: 30, levels: Levels.hub, missing: true, seed: 91)
    let fitted = try fit(training)
    var writer = ByteWriter()
    fitted.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let decoded = try SplitConformal<ConformalizedQuantileRegression>().decode(&reader)
    #expect(reader.isAtEnd)
    #expect(decoded.levels == fitted.levels && decoded.corrections == fitted.corrections)
    let row = Array(training.quantiles.row(3))
    #expect(same(decoded.calibrated(row), fitted.calibrated(row)))
  }

  /// Truncated bytes are a failure; bytes changed at random are a failure or a calibration that answers without NaN.
  @Test func damagedBytesNeverCrash() throws {
    let fitted = try fit(randomTraining(rows: 30, levels: [0.1, 0.3, 0.5, 0.7, 0.9], seed: 92))
    var writer = ByteWriter()
    fitted.encode(into: &writer)
    for length in 0..<writer.bytes.count {
      var reader = ByteReader(Array(writer.bytes[..<length]))
      #expect(throws: Failure.self) { try SplitConformal<ConformalizedQuantileRegression>().decode(&reader) }
    }
    var random = RandomStream(seed: 93)
    for _ in 0..<DamageTrials.count(3000) {
      var reader = ByteReader(DamageTrials.damaged(writer.bytes, &random))
      guard let decoded = try? SplitConformal<ConformalizedQuantileRegression>().decode(&reader) else { continue }
      let answer = decoded.calibrated(decoded.levels.map { $0 * 10 })
      #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 })
    }
  }
}
