import Algebra
import Groundwork
import Testing

@Suite struct WeightedBreakpointsTests {
  @Test func minimiserIsThatOfAScanInOrder() {
    var random = RandomStream(seed: 4)
    for trial in 0..<500 {
      let count = random.below(60)
      let coarse = trial % 2 == 0
      var kinks = WeightedBreakpoints()
      for row in 0..<count { kinks.append(step: coarse ? Double(random.below(6)) : random.uniform(), rise: Double(1 + random.below(4)), row: row) }
      let sorted = kinks.items.sorted { ($0.step, $0.row) < ($1.step, $1.row) }
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
}
