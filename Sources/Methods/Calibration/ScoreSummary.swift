import Groundwork

/// The scores of one bound, kept so that those of several tables can be put together: all of them, or a sketch of them.
///
/// A sketch is a hierarchy of compactors (Manku, Rajagopalan, Lindsay 1998, "Approximate medians and other quantiles in one pass
/// and with limited memory"; Karnin, Lang, Liberty 2016, "Optimal quantile approximation in streams") that always keeps the larger
/// one of two neighbours. A score at height h stands for 2^h scores: itself and 2^h − 1 that are not greater. So the weight of what
/// is kept up to x is never more than the number of scores up to x, and less by at most `rankError`, which is counted on the way:
///
///     s_(k) ≤ value(atRank: k) ≤ s_(k + rankError)
///
/// for the order statistics s of all scores, always. As a threshold it can only widen intervals.
///
/// With capacity c, n scores compacted at once take at most c + log₂(n/c) + 1 numbers with a rank error below 2n/c; each later merge
/// into N scores adds less than 2N/c to the errors of its parts, and no sketch takes more than c (2 + log₂(N/c)) numbers.
public struct ScoreSummary: BinaryCodable, Equatable, Sendable {
  /// Scores at each height, increasing, −0 as 0; never NaN.
  private var heights: [[Double]]
  /// Of the scores at height 0, where rows have weights: increasing among equal scores.
  private var weights: [Double]?
  /// Upper limit of how many scores up to any x are not counted there.
  public private(set) var rankError = 0

  /// Scores kept by `compact` at each height unless told otherwise.
  public static let defaultCapacity = 4096

  /// All `scores` but those that are NaN or, with `weights`, weigh nothing. O(n log n).
  public init(_ scores: [Double], weights: [Double]? = nil) {
    guard let weights else {
      heights = [scores.filter { !$0.isNaN }.map { $0 + 0 }.sorted()]
      return
    }
    precondition(weights.count == scores.count)
    let entries = scores.indices.filter { !scores[$0].isNaN && weights[$0] > 0 }.map { (scores[$0] + 0, weights[$0]) }.sorted { $0 < $1 }
    heights = [entries.map(\.0)]
    self.weights = entries.map(\.1)
  }

  public var hasWeights: Bool { weights != nil }

  /// Whether it has been compacted to fewer scores.
  public var isSketch: Bool { heights.count > 1 }

  /// Number of scores it stands for.
  public var count: Int { heights.enumerated().reduce(0) { $0 + $1.element.count << $1.offset } }

  /// Number of scores it holds.
  public var size: Int { heights.reduce(0) { $0 + $1.count } }

  /// All of `parts`, which all have weights or none. The order does not matter.
  public init(merging parts: [ScoreSummary]) {
    precondition(parts.allSatisfy { $0.hasWeights == parts[0].hasWeights })
    if parts.first?.hasWeights == true {
      self.init(parts.flatMap { $0.heights[0] }, weights: parts.flatMap { $0.weights! })
      return
    }
    self.init([])
    heights = (0..<max(1, parts.map(\.heights.count).max() ?? 1)).map { h in
      var all = parts.flatMap { h < $0.heights.count ? $0.heights[h] : [] }
      all.sort()
      return all
    }
    rankError = parts.reduce(0) { min($0 + $1.rankError, ByteReader.counterLimit) }
  }

  /// Keeps at most `capacity` scores at each height, at least 2, halving what is more. Not for scores with weights.
  public mutating func compact(to capacity: Int = defaultCapacity) {
    precondition(weights == nil && capacity >= 2)
    var h = 0
    while h < heights.count {
      if heights[h].count > capacity {
        let all = heights[h]
        // A score without a neighbour stays, the largest, so that no score is lost.
        let pairs = all.count / 2
        heights[h] = all.count % 2 == 1 ? [all[all.count - 1]] : []
        if h + 1 == heights.count { heights.append([]) }
        heights[h + 1] = (heights[h + 1] + (0..<pairs).map { all[2 * $0 + 1] }).sorted()
        rankError += 1 << h
      }
      h += 1
    }
  }

  /// The least score kept whose weight, with that of the lesser ones, is at least `rank`; +∞ where `rank` exceeds `count`.
  func value(atRank rank: Int) -> Double {
    if heights.count == 1 { return rank > heights[0].count ? .infinity : heights[0][rank - 1] }
    let all = heights.indices.flatMap { h in heights[h].map { (score: $0, weight: 1 << h) } }.sorted { $0.score < $1.score }
    var below = 0
    for entry in all {
      below += entry.weight
      if below >= rank { return entry.score }
    }
    return .infinity
  }

  /// The scores with their weights as `WeightedScores` has them.
  var weighted: WeightedScores? { weights.map { WeightedScores(heights[0], weights: $0) } }

  public func encode(into writer: inout ByteWriter) {
    writer.write(heights.count)
    for scores in heights { writer.write(scores) }
    writer.write(rankError)
    writer.write(weights != nil)
    if let weights { writer.write(weights) }
  }

  public init(decoding reader: inout ByteReader) throws {
    let count = try reader.readCount(ofAtLeast: 8)
    guard (1...40).contains(count) else { throw ByteReader.damaged }
    heights = try (0..<count).map { h in
      let scores = try reader.readArray(of: Double.self)
      guard scores.allSatisfy({ !$0.isNaN }), zip(scores, scores.dropFirst()).allSatisfy({ $0 <= $1 }), scores.count < 1 << (44 - h) else {
        throw ByteReader.damaged
      }
      return scores
    }
    rankError = try reader.readInt()
    guard rankError >= 0, rankError < 1 << 44, count > 1 || rankError == 0 else { throw ByteReader.damaged }
    if try reader.readBool() {
      let weights = try reader.readArray(of: Double.self)
      guard count == 1, weights.count == heights[0].count, weights.allSatisfy({ $0 > 0 && $0 < .infinity }) else { throw ByteReader.damaged }
      self.weights = weights
    }
  }
}
