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
  private func bootstrap(_ scores: [Double], models k: Int, resamples: Int = 400, threads: Int = 1, units: [Int32]? = nil) -> SkillBootstrap {
    let units = units ?? [Int32](0..<Int32(scores.count / k))
    return SkillBootstrap(scores: scores, models: k, units: units, unitCount: Int(units.max()!) + 1, resamples: resamples, seed: 9, threads: threads)
  }

  /// A resample's ratios are those of the tournament over the rows as often as they were drawn: ratios of equal models are 1 in each.
  @Test func equalModelsHaveNoSpread() {
    let scores = randomScores(60, models: 1, missing: 0.2, seed: 6).flatMap { [$0, $0] }
    let interval = bootstrap(scores, models: 2).interval { $0.ratio(0, 1) }
    #expect(interval.lower == 1 && interval.upper == 1)
  }

  @Test func oneUnitIsTheTableItself() {
    let scores = randomScores(40, models: 3, missing: 0.3, seed: 7)
    let whole = PairwiseSkill(scores: scores, models: 3)
    for resample in bootstrap(scores, models: 3, resamples: 3, units: [Int32](repeating: 0, count: 40)).resamples {
      for i in 0..<3 { #expect(close(resample.relativeSkill(i), whole.relativeSkill(i)) && close(resample.ratio(i, 1), whole.ratio(i, 1))) }
    }
  }

  @Test func threadsDoNotMatter() {
    let scores = randomScores(90, models: 3, missing: 0.1, seed: 8)
    let (one, four) = (bootstrap(scores, models: 3), bootstrap(scores, models: 3, threads: 4))
    #expect(zip(one.resamples, four.resamples).allSatisfy { $0.relativeSkill(1) == $1.relativeSkill(1) })
  }

  /// Ratios of means of 200 pairs, true ratio 1: some 95 % of intervals hold it.
  @Test func intervalsHoldTheTrueRatioAboutAsOftenAsTheySay() {
    let held = (0..<300).reduce(0) { count, seed in
      var random = RandomStream(seed: 1000 + UInt64(seed))
      let scores = (0..<400).map { _ in -log(1 - random.uniform()) }
      let interval = bootstrap(scores, models: 2, resamples: 200).interval { $0.ratio(0, 1) }
      return count + (interval.lower <= 1 && 1 <= interval.upper ? 1 : 0)
    }
    // Binomial(300, 0.95) lies within 270 … 298 with probability above 0.9995; percentile intervals lack one or two points.
    #expect((265...298).contains(held), "\(held)")
  }
}
