import Calibration
import Groundwork
import MethodKit
import Quantiles
import TestSupport
import Testing

private let everyMethod: [(String, [(key: String, value: String)])] = [
  ("cqr", []), ("cqr-m", []), ("cqr-r", []), ("asymmetric", []), ("asymmetric", [("bound", "upper")]), ("asymmetric", [("bound", "lower")]),
  ("residual", []), ("residual", [("scale", "width")]), ("distributional", []), ("weighted", []),
]

private func scoreCalibrator(_ method: (String, [(key: String, value: String)])) throws -> any ScoreCalibrator {
  let type = calibratorRegistry.first { $0.description.name == method.0 }!
  return type.init(settings: try Settings(method.1, of: type.description)) as! any ScoreCalibrator
}

private func bytes(_ fitted: any FittedCalibrator) -> [UInt8] {
  var writer = ByteWriter()
  fitted.encode(into: &writer)
  return writer.bytes
}

@Suite struct ScoreSummaryTests {
  /// Any split of the rows, in any order, gives the bytes of the whole: ties, zeros of both signs, infinities and gaps included.
  @Test func anySplitGivesTheCalibrationOfTheWhole() throws {
    var random = RandomStream(seed: 1)
    let levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    for method in everyMethod {
      for weights in [false, true] {
        for n in [0, 1, 30, 200] {
          let values = (0..<n * levels.count).map { _ -> Double in
            let kind = random.below(25)
            return kind < 2 ? .nan : kind == 24 ? .infinity : kind == 23 ? -.infinity : Double(random.below(9)) - 4
          }
          let whole = CalibrationTraining(
            levels: levels, quantiles: Matrix(rows: n, columns: levels.count, values: values),
            target: (0..<n).map { _ in Double(random.below(9)) - 4 },
            weights: weights ? (0..<n).map { _ in [0, 0.1, 0.3, 2][random.below(4)] } : nil)
          let calibrator = try scoreCalibrator(method)
          let expected = bytes(try calibrator.fit(whole, context: FitContext()))
          for _ in 0..<3 {
            var order = Array(0..<n)
            random.shuffle(&order)
            let cuts = [0] + (0..<3).map { _ in n == 0 ? 0 : random.below(n + 1) }.sorted() + [n]
            let parts = try zip(cuts, cuts.dropFirst()).map { try calibrator.scores(whole.selecting(Array(order[$0..<$1]))) }
            let merged = parts[0].indices.map { k in ScoreSummary(merging: parts.map { $0[k] }) }
            #expect(bytes(try calibrator.fit(merged, levels: levels, typicalWeight: weights ? 1 : nil)) == expected, "\(method) \(n)")
          }
        }
      }
    }
  }

  /// The threshold of a sketch is never below that of all scores, and at most `rankError` order statistics above, however sketches
  /// came to be merged; and sketches stay as small as they say.
  @Test func sketchesOnlyWidenAndByNoMoreThanTheySay() throws {
    var random = RandomStream(seed: 2)
    let calibrator = SplitConformal<ConformalizedQuantileRegression>()
    for (capacity, parts, size) in [(16, 1, 5000), (16, 40, 300), (64, 30, 1000), (2, 5, 200), (7, 100, 17)] {
      for kind in 0..<3 {
        var all: [Double] = []
        var merged = ScoreSummary([])
        var sketches: [ScoreSummary] = []
        for p in 0..<parts {
          let scores = (0..<size).map { i in kind == 0 ? random.uniform() : kind == 1 ? Double(random.below(20)) : Double(p * size + i) }
          all += scores
          var sketch = ScoreSummary(scores)
          sketch.compact(to: capacity)
          #expect(sketch.rankError < max(1, 2 * size / capacity + 1) && sketch.count == size)
          sketches.append(sketch)
          merged = ScoreSummary(merging: [merged, sketch])
          merged.compact(to: capacity)
        }
        var atOnce = ScoreSummary(merging: sketches)
        atOnce.compact(to: capacity)
        let n = all.count
        let sorted = all.sorted()
        #expect(atOnce.rankError <= sketches.reduce(0) { $0 + $1.rankError } + 2 * n / capacity)
        for sketch in [merged, atOnce] {
          #expect(sketch.count == n)
          var heights = 2
          while n >> heights > capacity { heights += 1 }
          #expect(sketch.size <= capacity * (heights + 1))
          for percent in 1...99 {
            let level = Levels.rounded(Double(percent) / 200)
            let rank = ConformalRank.rank(coverage: Level(key: Level.one - 2 * Level(level).key), rows: n)
            let found = try calibrator.fit([sketch], levels: [level, Levels.rounded(1 - level)], typicalWeight: nil).corrections[0].amount
            func exact(_ rank: Int) -> Double { rank > n ? .infinity : sorted[rank - 1] }
            #expect(found >= exact(rank) && found <= exact(rank + sketch.rankError), "\(capacity) \(parts) \(percent)")
          }
        }
      }
    }
  }

  @Test func mergingSketchesDoesNotDependOnTheirOrder() {
    var random = RandomStream(seed: 3)
    var sketches = (0..<9).map { _ in
      var sketch = ScoreSummary((0..<500).map { _ in Double(random.below(100)) })
      sketch.compact(to: 32)
      return sketch
    }
    func merged() -> ScoreSummary {
      var all = ScoreSummary(merging: sketches)
      all.compact(to: 32)
      return all
    }
    let expected = merged()
    for _ in 0..<5 {
      random.shuffle(&sketches)
      #expect(merged() == expected)
    }
  }

  @Test func encodedSummariesReadBackAndDamagedOnesNeverCrash() throws {
    var random = RandomStream(seed: 4)
    var sketch = ScoreSummary((0..<300).map { _ in random.uniform() })
    sketch.compact(to: 16)
    let exact = ScoreSummary([3, .nan, -0.0, .infinity, 1])
    let weighted = ScoreSummary([3, 1, 2, 1], weights: [1, 2, 0, 0.5])
    #expect(exact.count == 4 && weighted.count == 3 && sketch.isSketch && !exact.isSketch)
    for summary in [sketch, exact, weighted] {
      var writer = ByteWriter()
      summary.encode(into: &writer)
      var reader = ByteReader(writer.bytes)
      #expect(try ScoreSummary(decoding: &reader) == summary)
      #expect(reader.isAtEnd)
      for length in 0..<writer.bytes.count {
        var reader = ByteReader(Array(writer.bytes[..<length]))
        #expect(throws: Failure.self) { try ScoreSummary(decoding: &reader) }
      }
      for _ in 0..<DamageTrials.count(2000) {
        var reader = ByteReader(DamageTrials.damaged(writer.bytes, &random))
        guard let decoded = try? ScoreSummary(decoding: &reader) else { continue }
        _ = try? SplitConformal<ConformalizedQuantileRegression>().fit([decoded], levels: [0.1, 0.9], typicalWeight: decoded.hasWeights ? 1 : nil)
          .calibrated([0, 1])
      }
    }
  }
}
