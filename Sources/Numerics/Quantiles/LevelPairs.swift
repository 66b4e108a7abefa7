/// How a set of levels forms central intervals: symmetric pairs (τ, 1 − τ), the median, and levels without a partner.
public struct LevelPairs: Sendable {
  /// A pair of levels (τ, 1 − τ), τ < ½, by their indices.
  public struct Pair: Sendable {
    public let lower: Int
    public let upper: Int
    /// τ.
    public let level: Level
  }

  /// From the outermost to the innermost.
  public let pairs: [Pair]
  /// Index of the level ½.
  public let median: Int?
  /// Levels that are neither the median nor in a pair, increasing.
  public let unpaired: [Int]

  /// `levels` increasing, in (0, 1). O(m).
  public init(_ levels: [Double]) {
    let levels = levels.map { Level($0) }
    let position = Dictionary(zip(levels, levels.indices)) { first, _ in first }
    pairs = levels.indices.compactMap { j in
      guard levels[j] < .median, let partner = position[levels[j].complement] else { return nil }
      return Pair(lower: j, upper: partner, level: levels[j])
    }
    median = levels.firstIndex(of: .median)
    unpaired = levels.indices.filter { !levels[$0].isMedian && position[levels[$0].complement] == nil }
  }
}
