import Groundwork
import Regression
import Testing

@Suite struct WeightedBreakpointsTests {
  @Test func minimiserIsThatOfAScanInOrder() {
    var random = RandomStream(seed: 4)
    for trial in 0..<500 {
      let count = random.below(60)
      let coarse = trial % 2 == 0
      var kinks = WeightedBreakpoints()
      for row in 0..<count { kinks.append(step: coarse ? Double(random.below(6)) : random.uniform(), rise: Double(1 + random.below(4)), row: row) }
      let sorted = kinks.items[..<kinks.count].sorted { ($0.step, $0.row) < ($1.step, $1.row) }
      let start = -Double(random.below(3 * count + 2)) - 0.5
      var slope = start
      let expected = sorted.firstIndex { item in
        slope += item.rise
        return slope >= 0
      }
      let found = kinks.minimiser(slope: start)
      #expect(found == expected)
      if let found, let expected {
        #expect(kinks.items[found].row == sorted[expected].row)
        #expect(Set(kinks.items[..<found].map(\.row)) == Set(sorted[..<expected].map(\.row)))
      }
    }
  }

  @Test func collectedKinksAreThoseOfAPlainLoop() {
    var random = RandomStream(seed: 5)
    let n = 200
    let residuals = (0..<n).map { _ in Double(random.below(7) - 3) }
    let sides = residuals.indices.map { $0 % 11 == 0 ? Int8(0) : residuals[$0] != 0 ? (residuals[$0] > 0 ? 1 : -1) : $0 % 2 == 0 ? 1 : -1 }
    let motion = (0..<n).map { _ in Double(random.below(5) - 2) }
    let weights = (0..<n).map { _ in random.uniform() }
    var kinks = WeightedBreakpoints()
    kinks.collect(residuals: residuals, motion: motion, sides: sides, weights: weights, norms: [Double](repeating: 1, count: n), negligible: 1e-9)
    var plain = WeightedBreakpoints()
    for i in 0..<n where sides[i] != 0 && Double(sides[i]) * motion[i] > 0 {
      plain.append(step: abs(residuals[i]) / abs(motion[i]), rise: weights[i] * abs(motion[i]), row: i)
    }
    #expect(kinks.count == plain.count)
    for k in 0..<min(kinks.count, plain.count) {
      let (a, b) = (kinks.items[k], plain.items[k])
      #expect(a.step == b.step && a.rise == b.rise && a.row == b.row)
    }
  }
}
