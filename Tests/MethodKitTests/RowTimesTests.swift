import MethodKit
import Testing

@Suite struct RowTimesTests {
  @Test func aRowTeachesFromWhenItsTruthIsOutUntilItIsForgotten() {
    // Steps 0, 1, 2; the second row's truth is out two steps later; at step 3 and after the first step is forgotten.
    let times = RowTimes(steps: [0, 0, 1, 2], known: [1, 2, 2, 3], oldest: [0, 0, 0, 1])
    #expect((0...3).map { step in (0..<4).filter { times.teaches($0, at: step) } } == [[], [0], [0, 1, 2], [2, 3]])
    #expect(RowTimes(steps: [0, 2]).known == [1, 3])
  }

  /// Never across a time, increasing, and each within half the largest time of its share.
  @Test func blocksAreAsEvenAsWholeTimesAllow() {
    #expect(RowTimes(steps: [0, 1, 2, 3, 4, 5]).blocks(3, of: Array(0..<6)) == [0, 2, 4])
    #expect(RowTimes(steps: [0, 0, 0, 0, 1, 2]).blocks(2, of: Array(0..<6)) == [0, 1])
    #expect(RowTimes(steps: [0, 1, 2, 2, 2, 2]).blocks(2, of: Array(0..<6)) == [0, 2])
    #expect(RowTimes(steps: [3, 3, 5]).blocks(7, of: [0, 1, 2]) == [3, 5])
    var random = 1
    for _ in 0..<200 {
      let steps = (0..<40).map { _ -> Int in
        random = (random &* 1_103_515_245 &+ 12345) & 0x7FFF_FFFF
        return random >> 8 & 15
      }
      let starts = RowTimes(steps: steps).blocks(4, of: Array(0..<40))
      #expect(starts.count == min(4, Set(steps).count) && starts[0] == steps.min() && zip(starts, starts.dropFirst()).allSatisfy { $0 < $1 })
      #expect(Set(starts).isSubset(of: steps))
    }
  }

  @Test func splitsJudgeByWhatWasKnownBefore() {
    let times = RowTimes(steps: [0, 0, 1, 1, 2, 2], known: [1, 3, 2, 2, 3, 3])
    let splits = times.splits(3, of: Array(0..<6))
    #expect(splits.map(\.teaching) == [[0], [0, 2, 3]])
    #expect(splits.map(\.judged) == [[2, 3], [4, 5]])
    #expect(RowTimes(steps: [4, 4, 4]).splits(5, of: [0, 1, 2]).isEmpty)
    #expect(RowTimes(steps: [4, 4, 4]).lastSplit(share: 0.2, of: [0, 1, 2]) == nil)
    let last = times.lastSplit(share: 0.3, of: Array(0..<6))
    #expect(last?.teaching == [0, 2, 3] && last?.judged == [4, 5])
    // Nothing was known before the last time, so more of them are judged.
    let late = RowTimes(steps: [0, 1, 2], known: [1, 9, 9]).lastSplit(share: 0.3, of: [0, 1, 2])
    #expect(late?.teaching == [0] && late?.judged == [2])
    #expect(RowTimes(steps: [0, 1, 2], known: [2, 9, 9]).lastSplit(share: 0.7, of: [0, 1, 2])?.judged == [2])
  }
}
