import Glibc
import Groundwork
import Scoring
import Testing

private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 * max(abs(a), abs(b)) }

/// Scores of k models, some of them missing.
private func randomScores(_ rows: Int, models k: Int, missing: Double, seed: UInt64) -> [Double] {
  var random = RandomStream(seed: seed)
  return (0..<rows * k).map { i in
    let score = random.uniform() * Double(1 + i % k)
    return random.uniform() < missing ? .nan : score
  }
}

@Suite struct PairwiseSkillTests {
  /// Three models by hand: rows (2, 1, –), (4, 1, 8), (–, 3, 4).
  @Test func ratiosAreOfMeansOnCommonRows() {
    let skill = PairwiseSkill(scores: [2, 1, .nan, 4, 1, 8, .nan, 3, 4], models: 3)
    #expect(skill.commonRows == [2, 2, 1, 2, 3, 2, 1, 2, 2])
    #expect(skill.ratio(0, 1) == 3 && skill.ratio(0, 2) == 0.5 && skill.ratio(1, 2) == 2.0 / 6 && skill.ratio(2, 1) == 3)
    #expect(close(skill.relativeSkill(0), pow(1.5, 1.0 / 3)))
    #expect(close(skill.relativeSkill(1), pow(1.0 / 9, 1.0 / 3)))
    #expect(close(skill.relativeSkill(2), pow(6, 1.0 / 3)))
  }

  /// Mean wis of three forecasts of hospital admissions, all of the same weeks, and what R's scoringutils makes of them
  /// (hubverse-org/hubEvals, tests/testthat/testdata/exp_pairwise_scores.csv, location 25).
  @Test func agreesWithScoringutils() {
    let skill = PairwiseSkill(scores: [179.944642857143, 162.6875, 139.369642857143], models: 3)
    for (i, expected) in [1.12612125846186, 1.01812340354839, 0.872196666228429].enumerated() {
      #expect(abs(skill.relativeSkill(i) - expected) < 1e-13)
    }
    #expect(abs(skill.relativeSkill(1) / skill.relativeSkill(0) - 0.904097490299596) < 1e-13)
    #expect(abs(skill.relativeSkill(2) / skill.relativeSkill(0) - 0.774513987436612) < 1e-13)
  }

  @Test(arguments: [0.0, 0.2, 0.5])
  func relativeSkillsMultiplyToOne(_ missing: Double) {
    for seed in 1...20 {
      let k = 2 + seed % 5
      let skill = PairwiseSkill(scores: randomScores(80, models: k, missing: missing, seed: UInt64(seed)), models: k)
      #expect(abs((0..<k).reduce(1) { $0 * skill.relativeSkill($1) } - 1) < 1e-12)
    }
  }

  @Test func modelsWithoutCommonRowsAreLeftOut() {
    let skill = PairwiseSkill(scores: [1, .nan, 2, .nan, 3, 6], models: 3)
    #expect(skill.ratio(0, 1).isNaN && skill.commonRows[1] == 0)
    #expect(close(skill.relativeSkill(0), 0.5.squareRoot()))
  }

  @Test func aModelWithoutRowsHasNoSkill() {
    let skill = PairwiseSkill(scores: [1, .nan, 2, 3, .nan, 4], models: 3)
    #expect(skill.relativeSkill(1).isNaN && skill.ratio(1, 1).isNaN && skill.ratio(0, 1).isNaN)
    #expect(close(skill.relativeSkill(2), 1.5.squareRoot()))
  }

  @Test func ordersOfRowsDoNotMatter() {
    let scores = randomScores(50, models: 3, missing: 0.1, seed: 5)
    let reversed = (0..<50).reversed().flatMap { scores[$0 * 3..<$0 * 3 + 3] }
    #expect(
      (0..<3).map(PairwiseSkill(scores: scores, models: 3).relativeSkill) == (0..<3).map(PairwiseSkill(scores: reversed, models: 3).relativeSkill))
  }
}

@Suite struct SkillBootstrapTests {
  private func bootstrap(
    _ scores: [Double], models k: Int, of statistics: [SkillStatistic], resamples: Int = 400, threads: Int = 1, units: [Int32]? = nil
  ) -> SkillBootstrap {
    let units = units ?? [Int32](0..<Int32(scores.count / k))
    return SkillBootstrap(
      scores: scores, models: k, units: units, unitCount: Int(units.max()!) + 1, statistics: statistics, resamples: resamples, seed: 9,
      threads: threads)
  }

  @Test func equalModelsHaveNoSpread() {
    let scores = randomScores(60, models: 1, missing: 0.2, seed: 6).flatMap { [$0, $0] }
    let interval = bootstrap(scores, models: 2, of: [.ratio(0, 1)]).interval(.ratio(0, 1))
    #expect(interval.lower == 1 && interval.upper == 1)
  }

  @Test func aModelAgainstItselfHasNoSpread() {
    let scores = randomScores(60, models: 3, missing: 0.2, seed: 6)
    let drawn = bootstrap(scores, models: 3, of: [.ratio(1, 1), .scaledSkill(2, against: 2)])
    for statistic in [SkillStatistic.ratio(1, 1), .scaledSkill(2, against: 2)] { #expect(drawn.interval(statistic) == (1, 1)) }
  }

  /// Of two units half of all resamples are one of them twice, which tells no spread.
  @Test func twoUnitsTellNothing() {
    let interval = bootstrap([1, 2, 3, 4], models: 2, of: [.ratio(0, 1)]).interval(.ratio(0, 1))
    #expect(interval == (0, .infinity))
  }

  /// Where a model is perfect in every row the logarithm is infinite, and so it is in every resample.
  @Test func aPerfectModelStaysPerfect() {
    let interval = bootstrap([0, 2, 0, 4, 0, 1], models: 2, of: [.ratio(0, 1)]).interval(.ratio(0, 1))
    #expect(interval == (0, 0))
  }

  @Test func intervalsHoldWhatTheyAreAboutAndTurnWithTheRatio() {
    let scores = randomScores(80, models: 3, missing: 0.2, seed: 7)
    let skill = PairwiseSkill(scores: scores, models: 3)
    let statistics: [SkillStatistic] = [.ratio(0, 1), .ratio(1, 0), .relativeSkill(2), .scaledSkill(2, against: 0)]
    let drawn = bootstrap(scores, models: 3, of: statistics)
    for statistic in statistics {
      let (lower, upper) = drawn.interval(statistic)
      #expect(lower < statistic.value(skill) && statistic.value(skill) < upper && upper / lower < 4)
    }
    let (ours, theirs) = (drawn.interval(.ratio(0, 1)), drawn.interval(.ratio(1, 0)))
    #expect(abs(ours.lower * theirs.upper - 1) < 1e-12 && abs(ours.upper * theirs.lower - 1) < 1e-12)
  }

  /// Rows of a unit count together: each row twice, in its unit, is the table itself.
  @Test func copiesOfRowsInTheirUnitsChangeNothing() {
    let scores = randomScores(40, models: 3, missing: 0.3, seed: 7)
    let statistics: [SkillStatistic] = [.ratio(0, 2), .relativeSkill(1)]
    let once = bootstrap(scores, models: 3, of: statistics)
    let twice = bootstrap(scores + scores, models: 3, of: statistics, units: [Int32](0..<40) + [Int32](0..<40))
    for statistic in statistics {
      #expect(
        close(once.interval(statistic).lower, twice.interval(statistic).lower)
          && close(once.interval(statistic).upper, twice.interval(statistic).upper))
    }
  }

  @Test func threadsDoNotMatter() {
    let scores = randomScores(90, models: 3, missing: 0.1, seed: 8)
    let drawn = [1, 4].map { bootstrap(scores, models: 3, of: [.relativeSkill(1)], threads: $0).interval(.relativeSkill(1)) }
    #expect(drawn[0] == drawn[1])
  }
}
