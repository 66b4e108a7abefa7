import Glibc
import Groundwork
import Quantiles
import Testing

@Suite struct WeightedQuantileTests {
  /// The definition, read off the page: an average of F⁻¹ over a fine grid of the window.
  private func plain(_ x: [Double], _ w: [Double], _ level: Double) -> Double {
    let total = w.reduce(0, +)
    let share = w.map { $0 / total }
    let size = 1 / share.reduce(0) { $0 + $1 * $1 }
    let steps = 20_000
    var sum = 0.0
    for s in 0..<steps {
      let u = (level * (size - 1) + (Double(s) + 0.5) / Double(steps)) / size
      var k = 0
      var below = share[0]
      while below < u && k < x.count - 1 {
        k += 1
        below += share[k]
      }
      sum += x[k]
    }
    return sum / Double(steps)
  }

  @Test func equalWeightsAgreeWithTypeSevenOfR() {
    // Rscript -e 'x<-c(1.5,2,2,3.25,7,11); print(quantile(x,c(.01,.1,.25,.5,.73,.9,.99)), digits=15)'
    let expected = [1.525, 1.75, 2, 2.625, 5.6875, 9, 10.8]
    let levels = [0.01, 0.1, 0.25, 0.5, 0.73, 0.9, 0.99]
    for weights in [nil, [Double](repeating: 1, count: 6), [Double](repeating: 3, count: 6), [Double](repeating: 1e300, count: 6)] {
      let answer = weightedQuantiles(sortedValues: [1.5, 2, 2, 3.25, 7, 11], weights: weights, levels: levels)
      for (a, e) in zip(answer, expected) { #expect(abs(a - e) < 1e-12) }
    }
  }

  @Test func theSweepAgreesWithTheDefinition() {
    var random = RandomStream(seed: 3)
    for _ in 0..<20 {
      let count = 1 + random.below(12)
      let x = (0..<count).map { _ in Double(random.below(9)) + random.uniform() }.sorted()
      let w = (0..<count).map { _ in random.below(4) == 0 ? 0.01 : random.uniform() + 0.1 }
      let levels = [0.02, 0.2, 0.5, 0.55, 0.9, 0.98]
      let answer = weightedQuantiles(sortedValues: x, weights: w, levels: levels)
      for (level, q) in zip(levels, answer) { #expect(abs(q - plain(x, w, level)) < 0.02) }
    }
  }

  @Test func quantilesNeverDecreaseAndStayWithinTheSample() {
    var random = RandomStream(seed: 4)
    let levels = try! Levels.parse("999")
    for scale in [1.0, 1e-300, 1.7e308] {
      let x = (0..<50).map { _ in (2 * random.uniform() - 1) * scale }.sorted()
      let w = (0..<50).map { _ in pow(10, 12 * random.uniform()) }
      let answer = weightedQuantiles(sortedValues: x, weights: w, levels: levels)
      #expect(answer.allSatisfy { $0 >= x.first! && $0 <= x.last! })
      #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 })
    }
  }

  @Test func valuesOfWeightZeroHaveNoInfluence() {
    let levels = try! Levels.parse("99")
    let with = weightedQuantiles(sortedValues: [-5, 1, 2, 2.5, 4, 90], weights: [0, 1, 2, 0, 3, 0], levels: levels)
    let without = weightedQuantiles(sortedValues: [1, 2, 4], weights: [1, 2, 3], levels: levels)
    for (a, b) in zip(with, without) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func equalValuesAreAnsweredExactly() {
    #expect(weightedQuantiles(sortedValues: [0.1, 0.1, 0.1], weights: [0.3, 0.1, 7], levels: Levels.hub).allSatisfy { $0 == 0.1 })
    #expect(weightedQuantiles(sortedValues: [1e300], levels: [0.5]) == [1e300])
  }
}
