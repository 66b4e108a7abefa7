import Groundwork
import Quantiles
import Testing

import Learners

/// Residuals with ties, of either sign.
private func residuals(_ count: Int, _ random: inout RandomStream) -> [Float] { (0..<count).map { _ in Float(random.below(40) - 15) / 4 } }

private func step(_ values: [Float], level: Double, caution: Double) -> Float {
  var copy = values
  return copy.withUnsafeMutableBufferPointer { cautiousQuantile($0, level: level, caution: caution) }
}

@Suite struct LeafStepsTests {
  @Test func aStepWithoutCautionMinimisesThePinballLoss() {
    var random = RandomStream(seed: 4)
    for count in [1, 2, 3, 10, 37] {
      let values = residuals(count, &random)
      func loss(_ q: Float, _ level: Double) -> Double {
        values.reduce(0) { $0 + pinballLoss(level: level, target: Double($1), quantile: Double(q)) }
      }
      for level in [0.01, 0.25, 0.5, 0.9, 0.99] {
        let least = values.map { loss($0, level) }.min()!
        #expect(loss(step(values, level: level, caution: 0), level) <= least + 1e-9)
      }
    }
  }

  @Test func cautionShortensAStepAndNeverTurnsIt() {
    var random = RandomStream(seed: 5)
    for _ in 0..<50 {
      let values = residuals(30, &random)
      for level in [0.05, 0.5, 0.9] {
        var last = step(values, level: level, caution: 0)
        for caution in [0.2, 0.5, 1, 2, 30] {
          let next = step(values, level: level, caution: caution)
          #expect(abs(next) <= abs(last) && next * last >= 0)
          last = next
        }
        #expect(last == 0)
      }
    }
  }

  @Test func equalWeightsChangeNothing() {
    var random = RandomStream(seed: 6)
    for _ in 0..<50 {
      let values = residuals(25, &random)
      for level in [0.1, 0.5, 0.77] {
        for caution in [0, 0.5] {
          #expect(
            cautiousQuantile(values.map { (residual: $0, weight: Float(1)) }, level: level, caution: caution)
              == step(values, level: level, caution: caution))
        }
      }
    }
  }
}
