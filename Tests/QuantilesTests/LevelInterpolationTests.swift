import Quantiles
import Testing

@Suite struct LevelInterpolationTests {
  @Test func normalQuantilesAreExactAtEveryLevelBetween() {
    let source = [0.05, 0.3, 0.5, 0.9]
    let target = [0.05, 0.1, 0.25, 0.3, 0.4999, 0.6, 0.89, 0.9]
    let result = LevelInterpolation(from: source, to: target)(source.map { 7 - 3 * NormalDistribution.quantile(1 - $0) })
    for (level, value) in zip(target, result) { #expect(abs(value - (7 + 3 * NormalDistribution.quantile(level))) < 1e-13) }
  }

  @Test func beyondTheOutermostLevelsIsMissing() {
    let result = LevelInterpolation(from: [0.1, 0.9], to: [0.05, 0.1, 0.5, 0.9, 0.95])([1, 2])
    #expect(result.map(\.isNaN) == [true, false, false, false, true])
    #expect(result[2] == 1.5)
  }

  /// Levels match by nine decimals; a source in any order is the same source.
  @Test func levelsMatchByKeyInAnyOrder() {
    let third = 0.1 + 0.2
    let map = LevelInterpolation(from: [0.7, third, 0.5], to: [0.3, 0.4, 0.5, 0.7])
    let sorted = LevelInterpolation(from: [third, 0.5, 0.7], to: [0.3, 0.4, 0.5, 0.7])
    #expect(map([9, 1, 4]) == sorted([1, 4, 9]))
    #expect(map([9, 1, 4])[0] == 1 && map([9, 1, 4])[3] == 9)
    #expect(LevelInterpolation(from: [0.3, 0.5], to: [third, 0.5]).isIdentity)
    #expect(!map.isIdentity)
  }

  @Test func answersStayBetweenTheirNeighbours() {
    let map = LevelInterpolation(from: [0.1, 0.9], to: (10...90).map { Double($0) / 100 })
    for (a, b) in [(0.1, 0.3), (-1.7e308, 1.7e308), (2, -1), (-.infinity, 3), (-.infinity, .infinity), (0.1, 0.1)] {
      let values = map([a, b])
      #expect(values.allSatisfy { $0 >= min(a, b) && $0 <= max(a, b) })
      for (x, y) in zip(values, values.dropFirst()) { #expect(a <= b ? x <= y : x >= y) }
    }
  }

  @Test func aMissingNeighbourIsMissing() {
    let result = LevelInterpolation(from: [0.1, 0.5, 0.9], to: [0.1, 0.3, 0.5, 0.7, 0.9])([1, .nan, 3])
    #expect(result.map(\.isNaN) == [false, true, true, true, false])
  }

  @Test func unionHoldsEachLevelOnce() {
    #expect(Levels.union([[0.5, 0.1 + 0.2], [0.3, 0.9], []]) == [0.3, 0.5, 0.9])
  }
}
