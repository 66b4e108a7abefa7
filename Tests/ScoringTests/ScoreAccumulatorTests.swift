import Groundwork
import Quantiles
import Scoring
import Testing

@Suite struct ScoreAccumulatorTests {
  private func randomRows(_ count: Int, columns: Int, seed: UInt64) -> [[Double]] {
    var random = RandomStream(seed: seed)
    return (0..<count).map { _ in (0..<columns).map { k in (random.uniform() - 0.3) * (k == 1 ? 1e200 : 1) } }
  }

  @Test func meansAreThoseOfTheRows() {
    var accumulator = ScoreAccumulator(columns: 3)
    for row in [[1, 2, -4], [2, 2, 0.5]] as [[Double]] { accumulator.add(row) }
    #expect(accumulator.rows == 2)
    #expect(accumulator.means == [1.5, 2, -1.75])
    #expect(accumulator.mean(2) == -1.75)
  }

  @Test func anySplitOverMachinesGivesTheSameFields() {
    let rows = randomRows(1000, columns: 3, seed: 31)
    var whole = ScoreAccumulator(columns: 3)
    for row in rows { whole.add(row) }
    var random = RandomStream(seed: 32)
    for parts in [1, 2, 7, 50] {
      var partial = (0..<parts).map { _ in ScoreAccumulator(columns: 3) }
      for row in rows.reversed() { partial[random.below(parts)].add(row) }
      var merged = ScoreAccumulator(columns: 3)
      for part in partial { merged.merge(ScoreAccumulator(fields: part.fields)!) }
      #expect(merged.fields == whole.fields)
      #expect(merged.means == whole.means)
      #expect(merged.rows == 1000)
    }
  }

  @Test func weightsCountRowsThatManyTimes() {
    let rows = randomRows(20, columns: 2, seed: 33)
    var weighted = ScoreAccumulator(columns: 2)
    var repeated = ScoreAccumulator(columns: 2)
    for (i, row) in rows.enumerated() {
      weighted.add(row, weight: Double(i % 3))
      for _ in 0..<i % 3 { repeated.add(row) }
    }
    #expect(weighted.means == repeated.means)
    #expect(weighted.rows == 13)
  }

  /// Only ratios of weights matter, whatever their size and the split.
  @Test(arguments: [-1070, -1000, -300, 300, 1000, 1020])
  func weightsOfAnySizeGiveTheSameMeans(_ exponent: Int) {
    let rows = randomRows(200, columns: 3, seed: 34)
    // Few bits, which subnormal numbers hold too.
    let weights = rows.indices.map { Double(1 + $0 % 7) }
    let unit = Double(sign: .plus, exponent: exponent, significand: 1)
    var (plain, scaled, halves) = (
      ScoreAccumulator(columns: 3), ScoreAccumulator(columns: 3), [ScoreAccumulator(columns: 3), ScoreAccumulator(columns: 3)]
    )
    for (i, row) in rows.enumerated() {
      plain.add(row, weight: weights[i])
      scaled.add(row, weight: weights[i] * unit)
      halves[i % 2].add(row, weight: weights[i] * unit)
    }
    #expect(scaled.means == plain.means && (0..<3).map { scaled.mean($0) } == plain.means)
    var merged = ScoreAccumulator(fields: halves[1].fields)!
    merged.merge(ScoreAccumulator(fields: halves[0].fields)!)
    #expect(merged.fields == scaled.fields && merged.means == plain.means)
  }

  @Test func lightRowsCountForWhatTheyAreWorth() {
    var accumulator = ScoreAccumulator(columns: 2)
    accumulator.add([1, 0], weight: 1e308)
    accumulator.add([1, 0], weight: 1.5e308)
    accumulator.add([1e300, 1], weight: 1)
    accumulator.add([0, 3], weight: 5e-324)
    #expect(abs(accumulator.mean(0) - (1 + 0.4e-8)) < 1e-15)
    #expect(abs(accumulator.mean(1) - 4e-309) <= 5e-324)
    var equal = ScoreAccumulator(columns: 2)
    for _ in 0..<5 { equal.add([1, 1e308], weight: 1e308) }
    #expect(abs(equal.effectiveRows(weights: 1) - 5) < 1e-12)
  }

  @Test func missingValuesMakeTheirColumnMissing() {
    var accumulator = ScoreAccumulator(columns: 3)
    accumulator.add([1, .nan, .infinity])
    accumulator.add([3, 1, 1])
    #expect(accumulator.mean(0) == 2 && accumulator.mean(1).isNaN && accumulator.mean(2) == .infinity)
    #expect(ScoreAccumulator(columns: 1).mean(0).isNaN)
    #expect(accumulator.fields == ["2", "0x1p1", "0x1p2", "nan", "inf"])
  }

  @Test(arguments: [
    [], ["1"], ["-1", "0x1p0"], ["01", "0x1p0"], ["1", "1"], ["1", "-0x1p0"], ["1", "nan"], ["1", "inf"], ["1", "0x1p0", "2"],
    ["99999999999999999999", "0x1p0"], ["9223372036854775807", "0x1p0"],
  ])
  func otherFieldsAreRefused(_ fields: [String]) {
    #expect(ScoreAccumulator(fields: fields) == nil)
  }
}
