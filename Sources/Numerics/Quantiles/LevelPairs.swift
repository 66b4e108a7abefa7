/// How a set of levels forms central intervals: symmetric pairs (τ, 1 − τ), the median, and levels without a partner.
public struct LevelPairs: Sendable {
  /// A pair of levels (τ, 1 − τ), τ < ½, by their indices.
  public struct Pair: Sendable {
    public let lower: Int
    public let upper: Int
    /// `Levels.key` of τ: τ in units of 10⁻⁹.
    public let lowerKey: Int
  }

  /// From the outermost to the innermost.
  public let pairs: [Pair]
  /// Index of the level ½.
  public let median: Int?
  /// Levels that are neither the median nor in a pair, increasing.
  public let unpaired: [Int]

  static let one = 1_000_000_000

  /// `levels` increasing, in (0, 1). O(m).
  public init(_ levels: [Double]) {
    let keys = levels.map(Levels.key)
    let position = Dictionary(zip(keys, keys.indices)) { first, _ in first }
    pairs = keys.indices.compactMap { j in
      guard 2 * keys[j] < LevelPairs.one, let partner = position[LevelPairs.one - keys[j]] else { return nil }
      return Pair(lower: j, upper: partner, lowerKey: keys[j])
    }
    median = keys.firstIndex { 2 * $0 == LevelPairs.one }
    unpaired = keys.indices.filter { 2 * keys[$0] != LevelPairs.one && position[LevelPairs.one - keys[$0]] == nil }
  }
}
