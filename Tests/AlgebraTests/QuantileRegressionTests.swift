import Glibc
import Groundwork
import Quantiles
import Testing

import Algebra

@Suite struct QuantileRegressionTests {
  @Test func speed() throws {
    for n in [300, 3000, 100_000] {
      let p = 10
      var random = RandomStream(seed: 3)
      var x = Matrix(rows: n, columns: p + 1)
      var y = [Double](repeating: 0, count: n)
      for i in 0..<n {
        x[i, 0] = 1
        var s = 0.0
        for j in 1...p {
          x[i, j] = random.uniform() + random.uniform() - 1
          s += x[i, j]
        }
        y[i] = s + (1 + 0.5 * x[i, 1]) * log(random.uniform() / (1 - random.uniform()))
      }
      for levels in [Levels.hub, try Levels.parse("99")] {
        let clock = ContinuousClock()
        var fit: QuantileRegression?
        let time = try clock.measure { fit = try QuantileRegression(design: x, target: y, levels: levels, threads: 2) }
        print(n, levels.count, time, fit!.pivots, fit!.certificates.map(\.violation).max()!)
      }
    }
  }
}
