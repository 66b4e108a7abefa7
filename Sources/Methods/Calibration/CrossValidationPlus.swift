import Groundwork
import MethodKit
import Quantiles

/// CV+ for quantiles (Barber, Candès, Ramdas, Tibshirani 2021, "Predictive inference with the jackknife+", §3, with the scores of
/// conformalized quantile regression as in Fakoor, Kim, Mueller, Smola, Tibshirani 2023, §5): calibration without a row that the
/// models behind the answer have not seen.
///
/// Row i of fold k(i) scores by the models without that fold. For the pair of levels (α/2, 1 − α/2)
///
///     E_i = max(ℓ^{−k(i)}(x_i) − y_i, y_i − u^{−k(i)}(x_i)),
///
/// and a new x, with a copy of its quantiles by the models without each fold, gets the interval
///
///     [ the ⌊α(n + 1)⌋-th smallest of ℓ^{−k(i)}(x) − E_i,  the ⌈(1 − α)(n + 1)⌉-th smallest of u^{−k(i)}(x) + E_i ],
///
/// without an end where the rank does not exist. If rows are exchangeable it covers with probability at least
/// 1 − 2α − min{2(1 − 1/K)/(n/K + 1), (1 − K/n)/(K + 1)} ≥ 1 − 2α − √(2/n) (Theorem 4), and about 1 − α where models are stable.
/// With weights, sums of weights with the new row's at ±∞ take the place of ranks (Prinster, Liu, Saria 2022, "JAWS: Auditing
/// predictive uncertainty under covariate shift", §4).
///
/// The formula can give a lower end above the upper one, which is no value at all, or, where most scores are −∞, ends at the wrong
/// infinities. Such ends go to the outermost copy, and levels are then put in order outwards from the median: every move widens.
/// The median and levels without a partner are medians of their copies. A level that a copy lacks is missing.
public struct CrossValidationPlus: CopyCalibrator {
  public static let description = MethodDescription(
    name: "cv+", summary: "CV+ for tables of qfit --cv-plus or --nested: models need not be stable under the loss of a fold")

  public static var fitted: any FittedCopyCalibrator.Type { FittedCrossValidationPlus.self }

  public init(settings: Settings) {}

  /// O(n log n) for each pair of levels.
  public func fit(_ training: CalibrationTraining, folds: [Int], among all: [Int], threads: Int = 1) throws -> any FittedCopyCalibrator {
    let levels = training.levels
    let pairs = LevelPairs(levels).pairs
    let rowsOfFold = all.map { fold in folds.indices.filter { folds[$0] == fold } }
    let scale = training.weights.map { PowerOfTwo.inverseWhereExtreme(of: $0.max() ?? 1) } ?? 1
    let width = levels.count
    let lists = try parallelMap(pairs.count * all.count, threads: threads) { job -> SortedScores in
      let (pair, rows) = (pairs[job / all.count], rowsOfFold[job % all.count])
      let scores = training.quantiles.values.withUnsafeBufferPointer { values in
        rows.map { i in
          let (below, above) = (values[i * width + pair.lower] - training.target[i], training.target[i] - values[i * width + pair.upper])
          return below.isNaN || above.isNaN ? .nan : max(below, above)
        }
      }
      return SortedScores(scores, weights: training.weights.map { weights in rows.map { weights[$0] * scale } })
    }
    return FittedCrossValidationPlus(
      levels: levels, folds: all, lists: pairs.indices.map { k in Array(lists[k * all.count..<(k + 1) * all.count]) },
      scale: training.weights == nil ? nil : scale * training.weightUnit, typicalWeight: training.typicalWeight)
  }
}

/// The sorted scores of each fold, for each pair of levels.
public struct FittedCrossValidationPlus: FittedCopyCalibrator {
  public let levels: [Double]
  public let folds: [Int]
  private let pairs: LevelPairs
  private let order: OutwardOrder
  /// `lists[pair][fold]`.
  private let lists: [[SortedScores]]
  /// What weights are multiplied with; nil where rows have none.
  private let scale: Double?
  private let typicalWeight: Double

  fileprivate init(levels: [Double], folds: [Int], lists: [[SortedScores]], scale: Double?, typicalWeight: Double) {
    self.levels = levels
    self.folds = folds
    self.lists = lists
    self.scale = scale
    self.typicalWeight = typicalWeight
    pairs = LevelPairs(levels)
    order = OutwardOrder(levels: levels)
  }

  public func without(fold: Int) -> Self {
    let kept = folds.indices.filter { folds[$0] != fold }
    return Self(
      levels: levels, folds: kept.map { folds[$0] }, lists: lists.map { list in kept.map { list[$0] } }, scale: scale, typicalWeight: typicalWeight)
  }

  /// Selection from K sorted lists, so O(K² log n) or so for each pair (see `shiftedQuantile`): 10⁴ rows, 11 pairs and 10⁵ scores in 5 folds
  /// take 1.3 seconds of a core.
  public func answer(_ copies: UnsafePointer<Double>, weight: Double, into answer: UnsafeMutableBufferPointer<Double>) {
    let (count, width) = (folds.count, levels.count)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * count) { memory in
      let (lower, upper) = (memory.baseAddress!, memory.baseAddress! + count)
      func isMissing(_ level: Int) -> Bool { (0..<count).contains { copies[$0 * width + level].isNaN } }
      for level in pairs.unpaired + [pairs.median].compactMap({ $0 }) {
        for f in 0..<count { lower[f] = copies[f * width + level] }
        answer[level] = isMissing(level) ? .nan : median(UnsafeMutableBufferPointer(start: lower, count: count), isAbove: levels[level] > 0.5)
      }
      for (k, pair) in pairs.pairs.enumerated() {
        let needed = needed(k, weight: weight)
        for f in 0..<count { (lower[f], upper[f]) = (-copies[f * width + pair.lower], copies[f * width + pair.upper]) }
        // The lower end is that of the upper with signs changed: −Q{E_i − ℓ}, whose rank n + 1 − ⌊α(n + 1)⌋ is ⌈(1 − α)(n + 1)⌉.
        var below = isMissing(pair.lower) ? .nan : -shiftedQuantile(lists[k], shifts: lower, needed: needed)
        var above = isMissing(pair.upper) ? .nan : shiftedQuantile(lists[k], shifts: upper, needed: needed)
        if below == .infinity { below = -(0..<count).reduce(-.infinity) { max($0, lower[$1]) } }
        if above == -.infinity { above = (0..<count).reduce(-.infinity) { max($0, upper[$1]) } }
        (answer[pair.lower], answer[pair.upper]) = (below + 0, above + 0)
      }
    }
    order.apply(to: answer)
  }

  /// Of the middle two of an even number the middle; of opposite infinities, which have none, the outer.
  private func median(_ values: UnsafeMutableBufferPointer<Double>, isAbove: Bool) -> Double {
    let half = values.count / 2
    let upper = orderStatistic(values, rank: half + 1)
    if values.count % 2 == 1 { return upper }
    let lower = values[..<half].max()!
    if lower == upper { return lower }
    let middle = lower / 2 + upper / 2
    return middle.isNaN ? (isAbove ? upper : lower) : middle
  }

  private func coverage(_ k: Int) -> Level { ConformalBound(pairs.pairs[k], of: levels).coverage }

  /// The weight that scores up to an end must have.
  private func needed(_ k: Int, weight: Double) -> Double {
    guard let scale else { return Double(ConformalRank.rank(coverage: coverage(k), rows: rows(k))) }
    let total = lists[k].reduce(0) { $0 + $1.weight } + weight * scale
    // Rounded sums must not decide exact ties: coverage gives way by 10⁻¹² at most.
    return total > 0 ? Double(coverage(k).key) * total * (1 - 1e-12) / Double(Level.one) : .infinity
  }

  private func rows(_ k: Int) -> Int { lists[k].reduce(0) { $0 + $1.scores.count } }

  /// Of each pair: how far an interval whose copies agree is moved, and the rows that scored.
  public var corrections: [Correction] {
    let none = [Double](repeating: 0, count: folds.count)
    return pairs.pairs.enumerated().map { k, pair in
      let found = none.withUnsafeBufferPointer { shiftedQuantile(lists[k], shifts: $0.baseAddress!, needed: needed(k, weight: typicalWeight)) }
      let amount = found == -.infinity ? 0 : found + 0
      return Correction(
        lowerLevel: levels[pair.lower], upperLevel: levels[pair.upper], amount: amount, effect: "moved outwards by about \(text(of: amount))",
        rows: rows(k),
        rowsNeeded: ConformalRank.minimumRows(coverage: coverage(k)))
    }
  }

  public var summary: [(key: String, value: String)] {
    [
      ("folds", "\(folds.count)"), ("rows", "\(lists.indices.map(rows).max() ?? 0)"),
      ("unbounded", "\(corrections.count { $0.amount == .infinity })"),
    ]
  }

  public func fits(hasWeights: Bool) -> Bool { scale != nil || !hasWeights }

  public func encode(into writer: inout ByteWriter) {
    writer.write(levels)
    writer.write(folds)
    writer.write([scale].compactMap { $0 })
    writer.write(typicalWeight)
    for list in lists.joined() { list.encode(into: &writer) }
  }

  public init(decoding reader: inout ByteReader) throws {
    let levels = try reader.readArray(of: Double.self)
    let folds = try reader.readArray(of: Int.self)
    let scale = try reader.readArray(of: Double.self)
    let typicalWeight = try reader.readDouble()
    guard Levels.areProper(levels), !folds.isEmpty, folds[0] >= 0, zip(folds, folds.dropFirst()).allSatisfy({ $0 < $1 }), scale.count < 2,
      scale.allSatisfy({ $0 > 0 && $0.isFinite }),
      typicalWeight >= 0, typicalWeight.isFinite
    else { throw ByteReader.damaged }
    let lists = try LevelPairs(levels).pairs.map { _ in try folds.map { _ in try SortedScores(decoding: &reader) } }
    guard lists.joined().allSatisfy({ ($0.before == nil) == scale.isEmpty }), lists.allSatisfy({ $0.reduce(0) { $0 + $1.weight }.isFinite }) else {
      throw ByteReader.damaged
    }
    self.init(levels: levels, folds: folds, lists: lists, scale: scale.first, typicalWeight: typicalWeight)
  }
}
