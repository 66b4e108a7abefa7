import Groundwork
import LinearAlgebra
import Testing

@Suite struct RidgeRegressionTests {
  /// Weighted, with z = (1, x, x²), of the rows in `kept`.
  private func regression(_ x: [Double], _ weights: [Double], threads: Int = 1) -> RidgeRegression {
    RidgeRegression(rows: x.count, columns: 3, weights: weights, threads: threads) { range, z in
      for i in range {
        let row = z + 3 * (i - range.lowerBound)
        (row[0], row[1], row[2]) = (1, x[i], x[i] * x[i])
      }
    }
  }

  /// Few rows: all but exact. Many: with one leverage for all, within the largest residual times the largest leverage, ½ · 9 / n.
  @Test(arguments: [(40, 2e-4), (4500, 1e-3)]) func predictionsAreThoseOfFitsWithoutTheRow(_ rows: Int, _ tolerance: Double) throws {
    var random = RandomStream(seed: 6)
    let x = (0..<rows).map { _ in 2 * random.uniform() - 1 }
    let y = x.map { 1 - $0 + 2 * $0 * $0 + random.uniform() - 0.5 }
    let weights = x.indices.map { _ in 0.5 + random.uniform() }
    let whole = try #require(regression(x, weights).fit(y))
    #expect(try #require(regression(x, weights, threads: 2).fit(y)).leftOut == whole.leftOut)
    for i in [0, 7, rows - 1] {
      let kept = x.indices.filter { $0 != i }
      let part = try #require(regression(kept.map { x[$0] }, kept.map { weights[$0] }).fit(kept.map { y[$0] }))
      let expected = part.coefficients[0] + part.coefficients[1] * x[i] + part.coefficients[2] * x[i] * x[i]
      // The penalty n λ of a row fewer is a little smaller.
      #expect(abs(whole.leftOut[i] - expected) < tolerance)
    }
  }
}
