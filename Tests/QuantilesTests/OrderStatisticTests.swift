import Groundwork
import Quantiles
import Testing

@Suite struct OrderStatisticTests {
  @Test func isTheElementOfTheSortedRow() {
    var random = RandomStream(seed: 51)
    for count in 1...60 {
      for kinds in [2, 5, 1000] {
        var values = (0..<count).map { _ in Double(random.below(kinds)) }
        values[0] = random.below(2) == 0 ? .infinity : -.infinity
        let sorted = values.sorted()
        for rank in 1...count { #expect(orderStatistic(of: values, rank: rank) == sorted[rank - 1]) }
      }
    }
  }

  @Test func singlePrecisionIsSelectedAlike() {
    var random = RandomStream(seed: 53)
    for count in 1...60 {
      let values = (0..<count).map { _ in Float(random.below(40) - 15) / 4 }
      let sorted = values.sorted()
      for rank in 1...count {
        var copy = values
        #expect(copy.withUnsafeMutableBufferPointer { orderStatistic($0, rank: rank) } == sorted[rank - 1])
      }
    }
  }

  /// Quadratic time would take minutes on some of these.
  @Test func hostileOrdersTakeNoLonger() {
    let n = 200_000
    let organPipe = (0..<n).map { Double(min($0, n - $0)) }
    let rows: [[Double]] = [
      (0..<n).map { Double($0) }, (0..<n).map { Double(-$0) }, [Double](repeating: 1, count: n), organPipe, organPipe.map { -$0 },
      (0..<n).map { Double($0 % 2) }, (0..<n).map { Double($0 % 1000) },
    ]
    for row in rows {
      let sorted = row.sorted()
      for rank in [1, n / 2, n - 1, n] { #expect(orderStatistic(of: row, rank: rank) == sorted[rank - 1]) }
    }
  }

  @Test func elementsAroundTheRankArePartitioned() {
    var random = RandomStream(seed: 52)
    for _ in 0..<100 {
      var values = (0..<50).map { _ in Double(random.below(20)) }
      let rank = 1 + random.below(50)
      let value = values.withUnsafeMutableBufferPointer { orderStatistic($0, rank: rank) }
      #expect(values[..<(rank - 1)].allSatisfy { $0 <= value } && values[rank...].allSatisfy { $0 >= value })
    }
  }
}

@Suite struct LevelPairsTests {
  @Test func everyLevelIsInOnePlace() {
    let pairs = LevelPairs([0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.99])
    #expect(pairs.pairs.map { [$0.lower, $0.upper, $0.level.key] } == [[0, 6, 10_000_000], [2, 4, 300_000_000]])
    #expect(pairs.median == 3)
    #expect(pairs.unpaired == [1, 5])
    #expect(LevelPairs(Levels.hub).pairs.count == 11)
    #expect(LevelPairs((1...98).map { Double($0) / 99 }).pairs.count == 49)
    #expect(LevelPairs([0.2]).unpaired == [0])
  }
}
