import Calibration
import Groundwork
import MethodKit
import Quantiles
import Testing

private let inf = Double.infinity

/// Labelled rows with their folds, and rows to be answered with a copy for each fold.
private struct Sample {
  let levels: [Double]
  let folds: [Int]
  let training: CalibrationTraining
  let foldOfRow: [Int]
  /// K × m of each new row.
  let copies: [[Double]]

  func fitted() throws -> any FittedCopyCalibrator {
    try CrossValidationPlus(settings: Settings(of: CrossValidationPlus.description)).fit(training, folds: foldOfRow, among: folds)
  }

  func answer(_ fitted: any FittedCopyCalibrator, _ row: [Double], weight: Double = 1) -> [Double] {
    var result = [Double](repeating: 0, count: levels.count)
    result.withUnsafeMutableBufferPointer { fitted.answer(row, weight: weight, into: $0) }
    return result
  }
}

/// Rows with ties and crossings and, where asked for, infinite and missing quantiles, and whole weights.
private func hostile(
  rows: Int, new: Int, folds: [Int], levels: [Double], infinite: Bool, missing: Bool, weights: Bool, range: Int = 9, seed: UInt64
) -> Sample {
  var random = RandomStream(seed: seed)
  func value() -> Double {
    let kind = random.below(40)
    if missing && kind == 0 { return .nan }
    if infinite && kind < 4 { return kind < 2 ? inf : -inf }
    return Double(random.below(range) - range / 2)
  }
  let training = CalibrationTraining(
    levels: levels, quantiles: Matrix(rows: rows, columns: levels.count, values: (0..<rows * levels.count).map { _ in value() }),
    target: (0..<rows).map { _ in Double(random.below(range) - range / 2) }, weights: weights ? (0..<rows).map { _ in Double(random.below(4)) } : nil)
  return Sample(
    levels: levels, folds: folds, training: training, foldOfRow: (0..<rows).map { _ in folds[random.below(folds.count)] },
    copies: (0..<new).map { _ in (0..<folds.count * levels.count).map { _ in value() } })
}

/// CV+ as it is written down: every ℓ^{−k(i)}(x) − E_i and u^{−k(i)}(x) + E_i, sorted; opposite infinities give the wider end.
private func plain(_ sample: Sample, _ copies: [Double]) -> [Double] {
  let m = sample.levels.count
  let pairs = LevelPairs(sample.levels)
  var answer = [Double](repeating: .nan, count: m)
  for level in pairs.unpaired + [pairs.median].compactMap({ $0 }) {
    let values = sample.folds.indices.map { copies[$0 * m + level] }
    guard !values.contains(where: \.isNaN) else { continue }
    let sorted = values.sorted()
    let (a, b) = (sorted[(values.count - 1) / 2], sorted[values.count / 2])
    answer[level] = a == b ? a : (a / 2 + b / 2).isNaN ? (sample.levels[level] > 0.5 ? b : a) : a / 2 + b / 2
  }
  for pair in pairs.pairs {
    var (lower, upper): ([Double], [Double]) = ([], [])
    for i in sample.training.target.indices {
      let y = sample.training.target[i]
      let (a, b) = (sample.training.quantiles[i, pair.lower] - y, y - sample.training.quantiles[i, pair.upper])
      if a.isNaN || b.isNaN { continue }
      let k = sample.folds.firstIndex(of: sample.foldOfRow[i])!
      let (l, u) = (copies[k * m + pair.lower] - max(a, b), copies[k * m + pair.upper] + max(a, b))
      lower.append(l.isNaN ? -inf : l)
      upper.append(u.isNaN ? inf : u)
    }
    // α = 2τ in units of 10⁻⁹.
    let n = lower.count
    let alpha = 2 * Level(sample.levels[pair.lower]).key
    let (low, high) = (alpha * (n + 1) / Level.one, ((Level.one - alpha) * (n + 1) + Level.one - 1) / Level.one)
    let (ls, us) = (sample.folds.indices.map { copies[$0 * m + pair.lower] }, sample.folds.indices.map { copies[$0 * m + pair.upper] })
    if !ls.contains(where: \.isNaN) { answer[pair.lower] = low < 1 ? -inf : lower.sorted()[low - 1] }
    if !us.contains(where: \.isNaN) { answer[pair.upper] = high > n ? inf : upper.sorted()[high - 1] }
    if answer[pair.lower] == inf { answer[pair.lower] = ls.min()! }
    if answer[pair.upper] == -inf { answer[pair.upper] = us.max()! }
  }
  answer.withUnsafeMutableBufferPointer { OutwardOrder(levels: sample.levels).apply(to: $0) }
  return answer
}

private func areSame(_ a: [Double], _ b: [Double]) -> Bool { zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN } }

@Suite struct CrossValidationPlusTests {
  private let levels = [0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 0.95, 0.99]

  @Test func answersAreTheOrderStatisticsOfAllShiftedScores() throws {
    for seed in 0..<120 as Range<UInt64> {
      let rows = [0, 1, 2, 5, 9, 19, 40, 100, 300][Int(seed % 9)]
      let folds = [[0, 1], [0, 1, 2], [1, 4, 7, 20], [0, 1, 2, 3, 4]][Int(seed / 3 % 4)]
      let levels = seed % 5 == 0 ? [0.1, 0.3, 0.7, 0.9] : self.levels
      let sample = hostile(
        rows: rows, new: 20, folds: folds, levels: levels, infinite: seed % 2 == 1, missing: seed % 4 > 1, weights: false,
        range: seed % 3 == 0 ? 9 : 1_000_000, seed: seed)
      let fitted = try sample.fitted()
      for copies in sample.copies {
        let (found, wanted) = (sample.answer(fitted, copies), plain(sample, copies))
        #expect(areSame(found, wanted), "seed \(seed): \(found), not \(wanted)")
        // Every value is missing or a number, and present levels are in order.
        #expect(zip(found.filter { !$0.isNaN }, found.filter { !$0.isNaN }.dropFirst()).allSatisfy { $0 <= $1 })
      }
    }
  }

  /// Lists whose scores are spread over 600 orders of magnitude, and shifts that part them.
  @Test func selectionDoesNotDependOnHowScoresAreSpread() throws {
    var random = RandomStream(seed: 11)
    for spread in [1.0, 40, 300] {
      let n = 2000
      let target = (0..<n).map { _ in
        (random.below(2) == 0 ? 1 : -1) * Double(sign: .plus, exponent: Int(spread * (2 * random.uniform() - 1)), significand: 1 + random.uniform())
      }
      let sample = Sample(
        levels: [0.05, 0.5, 0.95], folds: [0, 1, 2],
        training: CalibrationTraining(
          levels: [0.05, 0.5, 0.95], quantiles: Matrix(rows: n, columns: 3, values: (0..<3 * n).map { _ in random.uniform() }), target: target),
        foldOfRow: (0..<n).map { $0 % 7 == 0 ? 0 : $0 % 5 == 0 ? 1 : 2 },
        copies: (0..<40).map { _ in
          (0..<9).map { _ in (random.uniform() - 0.5) * Double(sign: .plus, exponent: Int(2 * spread * (random.uniform() - 0.5)), significand: 1) }
        })
      let fitted = try sample.fitted()
      for copies in sample.copies { #expect(areSame(sample.answer(fitted, copies), plain(sample, copies))) }
    }
  }

  /// Where the models without a fold agree, the ends move by the conformal quantile of all scores.
  @Test func copiesThatAgreeAreAnsweredByConformalizedQuantileRegression() throws {
    for (seed, weighted) in [(1, false), (2, true), (3, false), (4, true)] as [(UInt64, Bool)] {
      let sample = hostile(rows: 83, new: 0, folds: [0, 1, 2, 3], levels: levels, infinite: false, missing: true, weights: weighted, seed: seed)
      let cqr = try SplitConformal<ConformalizedQuantileRegression>().fit(sample.training, context: FitContext())
      let fitted = try sample.fitted()
      #expect(fitted.corrections.map(\.amount) == cqr.corrections.map(\.amount))
      #expect(fitted.corrections.map(\.rows) == cqr.corrections.map(\.rows))
      var random = RandomStream(seed: seed)
      for weight in [0.5, 1, 3] {
        let row = levels.map { 4 * $0 + random.uniform() }
        #expect(sample.answer(fitted, Array(repeating: row, count: 4).flatMap { $0 }, weight: weight) == cqr.calibrated(row, weight: weight))
      }
    }
  }

  @Test func rowsOfWholeWeightAreRowsThatStandAsOften() throws {
    for seed in 0..<20 as Range<UInt64> {
      let sample = hostile(rows: 60, new: 10, folds: [0, 1, 2], levels: levels, infinite: seed % 2 == 0, missing: true, weights: true, seed: seed)
      let often = sample.training.target.indices.flatMap { i in [Int](repeating: i, count: Int(sample.training.weights![i])) }
      let repeated = sample.training.selecting(often)
      let unweighted = Sample(
        levels: levels, folds: sample.folds, training: CalibrationTraining(levels: levels, quantiles: repeated.quantiles, target: repeated.target),
        foldOfRow: often.map { sample.foldOfRow[$0] }, copies: sample.copies)
      let (fitted, plainly) = (try sample.fitted(), try unweighted.fitted())
      for copies in sample.copies { #expect(areSame(sample.answer(fitted, copies), sample.answer(plainly, copies))) }
    }
  }

  @Test func leavingAFoldOutIsNotHavingIt() throws {
    let sample = hostile(rows: 90, new: 10, folds: [0, 1, 2, 3], levels: levels, infinite: true, missing: true, weights: false, seed: 5)
    let kept = sample.foldOfRow.indices.filter { sample.foldOfRow[$0] != 2 }
    let others = Sample(
      levels: levels, folds: [0, 1, 3], training: sample.training.selecting(kept), foldOfRow: kept.map { sample.foldOfRow[$0] }, copies: [])
    let (fitted, without) = (try others.fitted(), try sample.fitted().without(fold: 2))
    for copies in sample.copies {
      let three = Array(copies.prefix(3 * levels.count))
      #expect(areSame(others.answer(fitted, three), others.answer(without, three)))
    }
  }

  @Test func encodingKeepsEveryAnswer() throws {
    for weighted in [false, true] {
      let sample = hostile(rows: 70, new: 10, folds: [0, 2, 5], levels: levels, infinite: true, missing: true, weights: weighted, seed: 8)
      let fitted = try sample.fitted()
      var writer = ByteWriter()
      fitted.encode(into: &writer)
      var reader = ByteReader(writer.bytes)
      let read = try FittedCrossValidationPlus(decoding: &reader)
      #expect(reader.isAtEnd && read.folds == fitted.folds && read.corrections == fitted.corrections)
      for copies in sample.copies { #expect(areSame(sample.answer(read, copies), sample.answer(fitted, copies))) }
      for length in stride(from: 0, to: writer.bytes.count - 1, by: 7) {
        var cut = ByteReader(Array(writer.bytes[..<length]))
        #expect(throws: Failure.self) { try FittedCrossValidationPlus(decoding: &cut) }
      }
    }
  }

  /// Scores in disorder cannot have been written.
  @Test func decodingRefusesScoresInDisorder() throws {
    let sample = hostile(rows: 40, new: 0, folds: [0, 1], levels: [0.1, 0.9], infinite: false, missing: false, weights: false, seed: 3)
    var writer = ByteWriter()
    try sample.fitted().encode(into: &writer)
    var bytes = writer.bytes
    // Two levels, two folds, no scale and the typical weight come before the first list.
    let first = 8 + 2 * 8 + 8 + 2 * 8 + 8 + 8 + 8
    bytes.replaceSubrange(first..<first + 8, with: withUnsafeBytes(of: (1e9).bitPattern.littleEndian) { Array($0) })
    var reader = ByteReader(bytes)
    #expect(throws: Failure.self) { try FittedCrossValidationPlus(decoding: &reader) }
  }
}
