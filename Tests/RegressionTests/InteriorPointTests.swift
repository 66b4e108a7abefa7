import Groundwork
import Quantiles
import Regression
import Testing

@Suite struct InteriorPointTests {
  @Test func itsObjectiveIsNearlyTheLeast() throws {
    var random = RandomStream(seed: 21)
    for (n, p) in [(60, 2), (500, 6), (2000, 9)] {
      let x = randomDesign(n, p, tied: false, &random)
      let y = randomTarget(x, tied: false, &random)
      let w = (0..<n).map { _ in 0.1 + random.uniform() }
      for level in [0.03, 0.5, 0.9] {
        let exact = try QuantileRegression(design: x, target: y, weights: w, levels: [level])
        let least = pinballObjective(x, y, w, exact.coefficients.row(0), level)
        let near = try #require(interiorPointQuantile(WhitenedRows(columns: p, design: x.values, target: y, weight: w), level: level))
        let objective = pinballObjective(x, y, w, near, level)
        #expect(objective >= least * (1 - 1e-12))
        #expect(objective <= least * (1 + 1e-5))
      }
    }
  }
}
