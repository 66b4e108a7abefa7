/// A quantile level τ ∈ (0, 1), known to nine decimals: two levels are the same where these agree.
public struct Level: Hashable, Comparable, Sendable {
  /// τ · 10⁹: what levels are matched by, and what files keep.
  public let key: Int

  /// How many keys the interval from 0 to 1 has.
  public static let one = 1_000_000_000
  public static let median = Level(key: one / 2)

  public init(key: Int) { self.key = key }

  /// The level nearest to `value`, which need not lie in (0, 1): see `isProper`. It must be finite and below 9·10⁹ in size.
  public init(_ value: Double) { key = Int((value * Double(Level.one)).rounded()) }

  /// The double nearest to the level's nine decimals.
  public var value: Double { Double(key) / Double(Level.one) }

  /// 1 − τ: the other end of the central interval that τ bounds.
  public var complement: Level { Level(key: Level.one - key) }

  /// Whether it lies strictly between 0 and 1.
  public var isProper: Bool { key > 0 && key < Level.one }

  public var isMedian: Bool { self == .median }

  /// The miscoverage α = 2 min(τ, 1 − τ) of the central interval that τ bounds.
  public var miscoverage: Double { Double(2 * min(key, complement.key)) / Double(Level.one) }

  /// The coverage 1 − α of the central interval that τ bounds.
  public var coverage: Double { Double(Level.one - 2 * min(key, complement.key)) / Double(Level.one) }

  /// |τ − τ′| · 10⁹.
  public func distance(to other: Level) -> Int { abs(key - other.key) }

  public static func < (a: Level, b: Level) -> Bool { a.key < b.key }
}
