import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

@Suite struct LinearPoolTests {
  private func pooled(_ levels: [Double], _ rows: [[[Double]]]) -> [Double] {
    let values = rows.flatMap { $0.flatMap { $0 } }
    let given = predictions(levels, rows: rows.count, models: rows[0].count, values)
    return try! fit(LinearPool.self, table(levels, [], [])).answer(given, features: nil).values
  }

  /// The mean of the distribution functions of N(−1, 1) and N(2, 2²) has these quantiles (bisection of it to 10⁻¹⁵).
  @Test func twoNormalsGiveTheQuantilesOfTheirMixture() {
    let levels = (1...19).map { Double($0) / 20 }
    let z = levels.map(NormalDistribution.quantile)
    let answer = pooled(levels, [[z.map { $0 - 1 }, z.map { 2 + 2 * $0 }]])
    for (level, q) in zip(levels, answer) {
      let mean = (NormalDistribution.cumulative(q + 1) + NormalDistribution.cumulative((q - 2) / 2)) / 2
      #expect(abs(mean - level) < 1e-13)
    }
    // Beyond the outermost levels of both, extrapolation is exact for normal distributions.
    let few = pooled(
      [0.4, 0.6], [[[-0.25334710313579978 - 1, 0.25334710313579978 - 1], [2 - 2 * 0.25334710313579978, 2 + 2 * 0.25334710313579978]]])
    for (level, q) in zip([0.4, 0.6], few) {
      #expect(abs((NormalDistribution.cumulative(q + 1) + NormalDistribution.cumulative((q - 2) / 2)) / 2 - level) < 1e-12)
    }
  }

  @Test func identicalModelsAreAnsweredToTheBit() {
    var random = RandomStream(seed: 3)
    let levels = (1...9).map { Double($0) / 10 }
    for _ in 0..<50 {
      let row = (0..<9).map { _ in random.uniform() * 100 - 50 }
      #expect(pooled(levels, [[row]]) == row.sorted())
      #expect(pooled(levels, [[row, row, row]]) == row.sorted())
    }
    let odd: [Double] = [-.infinity, -.infinity, 1, 1, 1, 2, 3, 3, .infinity]
    #expect(pooled(levels, [[odd, odd]]) == odd)
  }

  @Test func pointMassesStayWhereTheyAre() {
    // Two certain forecasts: each holds half of the mass.
    #expect(pooled([0.25, 0.5, 0.75], [[[1, 1, 1], [3, 3, 3]]]) == [1, 1, 3])
    // Half of the mass at nought, the other spread around nought.
    let answer = pooled([0.2, 0.4, 0.5, 0.6, 0.8], [[[0, 0, 0, 0, 0], [0.2, 0.4, 0.5, 0.6, 0.8].map(NormalDistribution.quantile)]])
    #expect(answer[1] == 0 && answer[2] == 0 && answer[3] == 0 && answer[0] < 0 && answer[4] > 0)
    #expect(abs(NormalDistribution.cumulative(answer[0]) / 2 - 0.2) < 1e-13)
  }

  @Test func missingAndSingleQuantilesAreAnswered() {
    let nan = Double.nan
    // A model with one quantile has no distribution; alone with its like it is averaged.
    #expect(pooled([0.25, 0.5, 0.75], [[[1, 2, 3], [nan, 9, nan]]]) == [1, 2, 3])
    let single = pooled([0.5, 0.75], [[[1, nan], [3, nan]]])
    #expect(single[0] == 2 && single[1].isNaN)
    #expect(pooled([0.5], [[[1], [3]]]) == [2])
    #expect(pooled([0.5, 0.75], [[[nan, nan], [nan, nan]]]).allSatisfy { $0.isNaN })
  }

  /// Answers lie between the models' quantiles, increase, and give back the level under the mean distribution function.
  @Test func answersAreOrderedAndBetweenTheModels() {
    var random = RandomStream(seed: 4)
    let levels = (1...99).map { Double($0) / 100 }
    for size in [1e-300, 1, 1e300] {
      for _ in 0..<20 {
        let rows = (0..<4).map { _ in levels.map { _ in size * (random.uniform() - 0.5) }.sorted() }
        let answer = pooled(levels, [rows])
        #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 })
        for t in levels.indices { #expect(answer[t] >= rows.map { $0[t] }.min()! && answer[t] <= rows.map { $0[t] }.max()!) }
      }
    }
  }
}
