import Groundwork
import Quantiles
import Scoring
import Testing

private let levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
private let quantiles = [-1.5, -0.75, 0.25, 1.0, 2.5, 3.0, 5.25]

private func scores(_ levels: [Double], _ quantiles: [Double], _ target: Double, _ intervals: [Interval] = Interval.standard) -> [String: Double] {
  let scorer = Scorer(levels: levels, intervals: intervals)
  return Dictionary(uniqueKeysWithValues: zip(scorer.columns, scorer.evaluate(quantiles: quantiles, target: target)))
}

private func close(_ a: Double, _ b: Double, _ scale: Double = 1) -> Bool { abs(a - b) <= 1e-12 * max(scale, abs(a), abs(b)) }

/// Rows with levels symmetric or not, with a median or not, quantiles sorted or not.
private func randomRows(_ count: Int, sorted: Bool, seed: UInt64) -> [(levels: [Double], quantiles: [Double], target: Double)] {
  var random = RandomStream(seed: seed)
  return (0..<count).map { _ in
    var keys = Set((0..<1 + random.below(30)).map { _ in 1 + random.below(99) })
    if random.below(2) == 0 { for key in keys { keys.insert(100 - key) } }
    if random.below(2) == 0 { keys.insert(50) }
    let levels = keys.sorted().map { Levels.rounded(Double($0) / 100) }
    var quantiles = levels.map { _ in (random.uniform() * 40).rounded() / 4 }
    if sorted { quantiles.sort() }
    return (levels, quantiles, (random.uniform() * 44).rounded() / 4 - 0.5)
  }
}

/// Squared error of the fourth of seven quantiles.
private struct SquaredError: Score {
  static let description = ScoreDescription(
    name: "squares", summary: "squared error", direction: .less, lines: [.init([("squares", .none)], "squared error")], request: "Report squares.")
  let columns = ["squares"]
  init(levels: [Double], intervals: [Interval]) {}
  func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    values[0] = (target - quantiles[3]) * (target - quantiles[3])
  }
}

@Suite struct ScoreTests {
  @Test func columnsStandInTheirOrder() {
    #expect(
      Scorer(levels: [0.5], intervals: []).columns == ["wis", "dispersion", "overprediction", "underprediction", "pinball", "bias", "ae_median"])
    #expect(
      Scorer(levels: levels, intervals: [Interval(percent: 50)!, Interval(percent: 97.5)!]).columns.suffix(4) == [
        "interval_coverage_50", "interval_width_50", "interval_coverage_97.5", "interval_width_97.5",
      ])
  }

  /// What families say of themselves is what they write, and a family that only the list knows is written like the others.
  @Test func descriptionsAreThoseOfTheColumns() {
    for type in scoreRegistry + [SquaredError.self] {
      let score = type.init(levels: levels, intervals: [Interval(percent: 90)!])
      #expect(type.description.lines.flatMap(\.columns).map(\.name) == score.columns)
      #expect(!type.description.summary.isEmpty && type.description.lines.allSatisfy { !$0.summary.isEmpty })
      #expect(score.losses == (type.description.direction == .less ? score.columns : []))
    }
    let names = scoreRegistry.map { $0.description.name }
    #expect(Set(names).count == names.count)
  }

  @Test func familiesWithARequestAreWrittenOnlyOnRequest() {
    let always = Scorer(levels: levels, intervals: [])
    #expect(!always.columns.contains("crps") && Scorer(levels: levels, intervals: [], requested: ["crps"]).columns == always.columns + ["crps"])
    let registry = scoreRegistry + [SquaredError.self]
    #expect(Scorer(levels: levels, intervals: [], registry: registry).columns == always.columns)
    let scorer = Scorer(levels: levels, intervals: [], requested: ["squares"], registry: registry)
    #expect(scorer.columns == always.columns + ["squares"] && scorer.losses.last == "squares")
    #expect(scorer.evaluate(quantiles: quantiles, target: 3).last == 4)
  }

  /// scoringrules 0.10: 2/7 of the sum over levels of `quantile_score(y, q, level)`.
  @Test(arguments: [(-2.0, 1.9357142857142857), (0.5, 0.43571428571428583), (1.0, 0.3642857142857143), (4.0, 1.5071428571428573), (7.25, 4.4)])
  func agreesWithScoringrules(_ target: Double, _ wis: Double) {
    let row = scores(levels, quantiles, target)
    #expect(close(row["wis"]!, wis))
    #expect(row["pinball"]! == row["wis"]! / 2)
  }

  /// Bracher et al. 2021, equation 3: (½|y − median| + Σ α/2 · IS_α) / (K + ½).
  @Test func wisIsTheWeightedSumOfIntervalScores() {
    for target in [-2.0, 0.5, 1.0, 4.0, 7.25] {
      var sum = abs(target - quantiles[3]) / 2
      for k in 0..<3 {
        let alpha = 2 * levels[k]
        let (lower, upper) = (quantiles[k], quantiles[6 - k])
        sum += alpha / 2 * (upper - lower + 2 / alpha * max(0, lower - target) + 2 / alpha * max(0, target - upper))
      }
      #expect(close(scores(levels, quantiles, target)["wis"]!, sum / 3.5))
    }
  }

  /// Dispersion, over- and underprediction of the same row by hand: 2/7 of Σ τ(u − ℓ), of Σ (ℓ − y)₊, and of what is left.
  @Test func partsHaveTheirMeaning() {
    let below = scores(levels, quantiles, -2)
    #expect(close(below["dispersion"]!, 2.0 / 7 * (0.05 * 6.75 + 0.1 * 3.75 + 0.25 * 2.25)))
    #expect(close(below["overprediction"]!, 2.0 / 7 * (0.5 + 1.25 + 2.25 + 0.5 * 3)))
    #expect(below["underprediction"] == 0)
    let unpaired = scores([0.2, 0.7], [1, 3], 5)
    #expect(unpaired["dispersion"] == 0 && unpaired["overprediction"] == 0)
    #expect(close(unpaired["underprediction"]!, 0.2 * 4 + 0.7 * 2))
  }

  @Test func pinballIsThePlainMeanAndPartsAddUp() {
    for row in randomRows(500, sorted: false, seed: 21) + randomRows(500, sorted: true, seed: 22) {
      let values = scores(row.levels, row.quantiles, row.target)
      #expect(close(values["wis"]!, weightedIntervalScore(levels: row.levels, quantiles: row.quantiles[...], target: row.target)))
      #expect(close(values["wis"]!, values["dispersion"]! + values["overprediction"]! + values["underprediction"]!, 10))
    }
  }

  @Test func biasIsThePlainDefinition() {
    for row in randomRows(500, sorted: false, seed: 23) + randomRows(500, sorted: true, seed: 24) {
      let bias = scores(row.levels, row.quantiles, row.target)["bias"]!
      guard let below = row.levels.lastIndex(where: { $0 <= 0.5 }), let above = row.levels.firstIndex(where: { $0 >= 0.5 }) else {
        #expect(bias.isNaN)
        continue
      }
      let share = below == above ? 0 : (0.5 - row.levels[below]) / (row.levels[above] - row.levels[below])
      let median = row.quantiles[below] + share * (row.quantiles[above] - row.quantiles[below])
      if abs(median - row.target) < 1e-9 { continue }
      let ends = [(0, -Double.infinity)] + Array(zip(row.levels, row.quantiles)) + [(1, .infinity)]
      let expected =
        row.target < median
        ? 1 - 2 * ends.filter { $0.1 <= row.target }.map(\.0).max()!
        : 1 - 2 * ends.filter { $0.1 >= row.target }.map(\.0).min()!
      #expect(bias == expected)
    }
  }

  /// Values that scoringutils' own tests of `bias_quantile` expect (epiforecasts/scoringutils, test-metrics-quantile.R).
  @Test(arguments: [
    ([0.1, 0.5, 0.9], [1.0, 2, 3], 2.0, 0.0), ([0.1, 0.5, 0.9], [0, 1, 2], 2, -0.8), ([0.1, 0.3, 0.7, 0.9], [1, 2, 4, 5], 1, 0.8),
    ([0.1, 0.3, 0.7, 0.9], [1, 2, 4, 5], 5, -0.8), ([0.1, 0.3, 0.5, 0.7], [1, 2, 3, 4], 3, 0), ([0.1, 0.3, 0.7, 0.9], [2, 3, 4, 5], 1, 1),
    ([0.1, 0.3, 0.5, 0.7], [1, 2, 3, 4], 6, -1), ([0.5], [1], 1, 0),
  ])
  func biasAgreesWithScoringutils(_ levels: [Double], _ quantiles: [Double], _ target: Double, _ expected: Double) {
    #expect(close(scores(levels, quantiles, target)["bias"]!, expected))
  }

  /// The longest of these: 23 levels of a death forecast.
  @Test func biasAgreesWithScoringutilsOnHubLevels() {
    let quantiles = [
      705.5, 1127, 4006.25, 4341.5, 4709, 4821.996, 5340.5, 5451, 5703.5, 6087.014, 6329.5, 6341, 6352.5, 6594.986, 6978.5, 7231, 7341.5, 7860.004,
      7973, 8340.5, 8675.75, 11555, 11976.5,
    ]
    #expect(close(scores(Levels.hub, quantiles, 8062)["bias"]!, -0.8))
  }

  @Test func coverageCountsBothEnds() {
    for (target, covered) in [(-1.5, 1.0), (5.25, 1), (-1.51, 0), (5.26, 0), (0, 1)] {
      #expect(scores(levels, quantiles, target)["interval_coverage_90"] == covered)
    }
    let row = scores(levels, quantiles, 0)
    #expect(row["interval_width_90"] == 6.75 && row["interval_width_80"] == 3.75 && row["interval_width_50"] == 2.25)
    #expect(row["interval_coverage_50"] == 0 && row["interval_coverage_80"] == 1)
    #expect(row["ae_median"] == 1)
  }

  @Test func whatLevelsLackIsMissing() {
    let row = scores([0.1, 0.9], [1, 2], 1.5)
    #expect(row["ae_median"]!.isNaN && row["interval_coverage_95"]!.isNaN && row["interval_width_95"]!.isNaN)
    #expect(row["interval_width_80"] == 1)
    #expect(scores([0.6, 0.9], [1, 2], 1.5)["bias"]!.isNaN)
  }

  @Test func infiniteQuantilesScoreWithoutNaN() {
    let inf = Double.infinity
    for row in [
      [-inf, 0, inf, inf], [-inf, -inf, -inf, -inf], [inf, inf, inf, inf], [-inf, -inf, inf, inf], [inf, -inf, inf, -inf], [inf, inf, -inf, -inf],
      [-1e308, -1e308, 1e308, 1e308],
    ] {
      for target in [-1e308, 0, 1e308] {
        for (column, value) in scores([0.05, 0.25, 0.75, 0.95], row, target, [Interval(percent: 50)!, Interval(percent: 90)!])
        where column != "ae_median" {
          #expect(!value.isNaN, "\(column) of \(row) at \(target)")
        }
      }
    }
  }
}

@Suite struct LevelScoresTests {
  @Test func lossesAddUpToTheWeightedIntervalScore() {
    let perLevel = LevelScores(levels: levels)
    var values = [Double](repeating: 0, count: perLevel.count)
    perLevel.evaluate(quantiles: quantiles, target: 2.5, into: &values)
    let losses = stride(from: 0, to: values.count, by: 2).map { values[$0] }
    #expect(close(2 * losses.reduce(0, +) / 7, scores(levels, quantiles, 2.5)["wis"]!))
    #expect(stride(from: 1, to: values.count, by: 2).map { values[$0] } == [0, 0, 0, 0, 1, 1, 1])
  }
}

@Suite struct IntervalTests {
  @Test func listsAreRead() throws {
    #expect(try Interval.parse("50,90.0,97.5,99.99").map(\.name) == ["50", "90", "97.5", "99.99"])
    #expect(Interval(percent: 97.5)!.indices(in: [0.0125, 0.5, 0.9875])! == (0, 2))
  }

  @Test(arguments: ["", "0", "100", "-5", "50,", "50,50.0", "a", "nan", "inf", "1e-12"])
  func otherTextIsRefused(_ text: String) {
    #expect(throws: Failure.self) { try Interval.parse(text) }
  }

  @Test func standardIntervalsAreThoseTheLevelsHold() {
    #expect(Interval.standard(heldBy: Levels.hub).map(\.name) == ["50", "80", "90", "95"])
    #expect(Interval.standard(heldBy: (1...99).map { Double($0) / 100 }).map(\.name) == ["50", "80", "90"])
    #expect(Interval.standard(heldBy: [0.1, 0.8, 0.95]).isEmpty)
  }
}
