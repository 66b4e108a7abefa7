import Groundwork
import Quantiles
import Testing

@Suite struct IsotonicTests {
  /// Rows of 1 to 40 values with ties, as base models and aggregates give them.
  private func randomRows(_ count: Int, seed: UInt64) -> [[Double]] {
    var random = RandomStream(seed: seed)
    return (0..<count).map { _ in
      let m = 1 + random.below(40)
      let noise = random.uniform() * 3
      return (0..<m).map { j in
        let value = Double(j) / Double(m) + noise * (random.uniform() - 0.5)
        return random.below(3) == 0 ? (value * 4).rounded() / 4 : value
      }
    }
  }

  private func isNonDecreasing(_ row: [Double]) -> Bool { zip(row, row.dropFirst()).allSatisfy { $0 <= $1 } }

  private func pinball(_ row: [Double], _ target: Double) -> Double {
    row.indices.reduce(0) { $0 + pinballLoss(level: Double($1 + 1) / Double(row.count + 1), target: target, quantile: row[$1]) }
  }

  @Test(arguments: IsotonicOperator.allCases)
  func answersAreNonDecreasingAndStay(_ isotonic: IsotonicOperator) {
    for row in randomRows(500, seed: 1) {
      let once = isotonic.applied(to: row, anchor: row.count / 2)
      #expect(isNonDecreasing(once))
      #expect(isotonic.applied(to: once, anchor: row.count / 2) == once)
    }
  }

  @Test(arguments: IsotonicOperator.allCases)
  func changeIsReportedWhereThereIsOne(_ isotonic: IsotonicOperator) {
    for row in randomRows(300, seed: 2) + [[1, 2, 2, 3], [2, 1]] {
      var result = row
      let changed = result.withUnsafeMutableBufferPointer { isotonic.apply(to: $0, anchor: 0) }
      #expect(changed == (result != row))
      #expect(changed != isNonDecreasing(row))
    }
  }

  /// Proposition 1 of the paper.
  @Test(arguments: [IsotonicOperator.sort, .pava])
  func neverIncreasesPinballLoss(_ isotonic: IsotonicOperator) {
    var random = RandomStream(seed: 3)
    for row in randomRows(300, seed: 3) {
      let result = isotonic.applied(to: row)
      for target in row + (0..<10).map({ _ in 4 * random.uniform() - 2 }) {
        #expect(pinball(result, target) <= pinball(row, target) + 1e-12)
      }
    }
  }

  /// Proposition 2 of the paper.
  @Test(arguments: [IsotonicOperator.sort, .pava])
  func neverIncreasesDistanceToMonotoneTruth(_ isotonic: IsotonicOperator) {
    var random = RandomStream(seed: 4)
    for row in randomRows(300, seed: 4) {
      let truth = row.map { _ in 3 * random.uniform() - 1 }.sorted()
      let result = isotonic.applied(to: row)
      for power in 1...4 {
        func distance(_ a: [Double]) -> Double {
          zip(a, truth).reduce(0) { sum, pair in sum + (0..<power).reduce(1) { product, _ in product * abs(pair.0 - pair.1) } }
        }
        #expect(distance(result) <= distance(row) + 1e-12)
      }
    }
  }

  /// The projection is max over a ≤ i of min over b ≥ i of the mean of row[a...b] (Robertson, Wright, Dykstra 1988, §1.4).
  @Test func pavaIsTheMinMaxFormula() {
    for row in randomRows(200, seed: 5) {
      let result = IsotonicOperator.pava.applied(to: row)
      for i in row.indices {
        let expected = (0...i).map { a in
          (i..<row.count).map { b in row[a...b].reduce(0, +) / Double(b - a + 1) }.min()!
        }.max()!
        #expect(abs(result[i] - expected) < 1e-12)
      }
    }
  }

  @Test func pavaPoolsHugeValuesWithoutOverflow() {
    let big = Double.greatestFiniteMagnitude
    #expect(IsotonicOperator.pava.applied(to: [big, big, -big]) == [big / 3, big / 3, big / 3])
    #expect(IsotonicOperator.pava.applied(to: [big, big / 2, big]).allSatisfy { $0.isFinite })
    #expect(IsotonicOperator.pava.applied(to: [4, 3, 2]) == [3, 3, 3])
  }

  @Test func infinitiesHaveTheirPlace() {
    let inf = Double.infinity
    for isotonic in IsotonicOperator.allCases {
      #expect(isotonic.applied(to: [-inf, 1, 2, inf], anchor: 1) == [-inf, 1, 2, inf])
    }
    #expect(IsotonicOperator.sort.applied(to: [inf, 1, -inf]) == [-inf, 1, inf])
    #expect(IsotonicOperator.pava.applied(to: [1, -inf, 5, inf, 3]) == [-inf, -inf, 5, inf, inf])
    #expect(IsotonicOperator.pava.applied(to: [inf, 1, -inf, 0]) == [-inf, 0, 1, inf])
    #expect(IsotonicOperator.minmax.applied(to: [inf, 1, -inf], anchor: 1) == [1, 1, 1])
  }

  @Test func sortIsAPermutationAndThePermutationSorts() {
    for row in randomRows(300, seed: 6) {
      #expect(IsotonicOperator.sort.applied(to: row) == row.sorted())
      let expected = row.indices.sorted { (row[$0], $0) < (row[$1], $1) }
      #expect(Isotonic.sortingPermutation(of: row) == expected)
    }
  }

  /// Quadratic time would take some ten seconds here.
  @Test func longReversedRowsAreSortedInTime() {
    let row = (0..<300_000).map { Double(-$0 / 2) }
    #expect(IsotonicOperator.sort.applied(to: row) == row.sorted())
    let permutation = Isotonic.sortingPermutation(of: row)
    #expect(permutation.prefix(4) == [299_998, 299_999, 299_996, 299_997])
    #expect(permutation.map { row[$0] } == row.sorted())
    #expect(isNonDecreasing(IsotonicOperator.pava.applied(to: row)))
  }

  @Test func minMaxSweepsFromTheAnchor() {
    #expect(IsotonicOperator.minmax.applied(to: [3, 1, 2, 1.5, 4, 3], anchor: 2) == [1, 1, 2, 2, 4, 4])
  }

  @Test func anchorIsTheLevelNearestTheMedianTheLowerOnATie() {
    #expect(Isotonic.anchor(Levels.hub) == 11)
    #expect(Isotonic.anchor([0.4, 0.6]) == 0)
    #expect(Isotonic.anchor([0.1, 0.2]) == 1)
    #expect(Isotonic.anchor([0.9]) == 0)
  }

  @Test(arguments: IsotonicOperator.allCases)
  func shortestRowsAreLeftAlone(_ isotonic: IsotonicOperator) {
    #expect(isotonic.applied(to: [2]) == [2])
    #expect(isotonic.applied(to: []) == [])
  }
}
