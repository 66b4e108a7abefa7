import Quantiles

/// A level as a column's name writes it: `digits` · 10^−`decimals`, so that it is known how exactly the name tells it.
struct LevelText {
  let digits: Int
  let decimals: Int

  /// A level of which nothing was cut off.
  init(exactly level: Double) {
    digits = Level(level).key
    decimals = 9
  }

  /// Reads digits and, where there is one, a point with digits behind it; of a percent, the point moves two places. nil for other text.
  init?(_ text: Substring, isPercent: Bool = false) {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 1 || !parts[1].isEmpty, text.utf8.count <= 20, let digits = Int(parts.joined()),
      parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } })
    else { return nil }
    self.digits = digits
    decimals = (parts.count == 2 ? parts[1].count : 0) + (isPercent ? 2 : 0)
  }

  static func power(_ decimals: Int) -> Double { (0..<decimals).reduce(1.0) { power, _ in power * 10 } }

  var value: Double { Double(digits) / LevelText.power(decimals) }
  /// What it says, proper or not; of large numbers, the largest there is.
  var level: Level { value < 2 ? Level(value) : Level(key: .max) }
  /// Strictly between 0 and 1, as levels are told apart.
  var isLevel: Bool { level.isProper }
}

/// Ways in which programs leave a level few decimals.
enum Shortening {
  /// C's printf and Python's format: the nearest decimal to the double itself.
  case formatted
  /// R's and numpy's round: 10^decimals · level to the nearest whole number, halves to even ones.
  case halvesToEven
  case halvesUp
  /// Python's `int(100 * level)`, which also loses a whole percent where the product comes out a little below it.
  case truncated

  var participle: String { self == .truncated ? "truncated" : "rounded" }

  /// The digits that are left of a level.
  func digits(of level: Double, decimals: Int) -> Int {
    let scale = LevelText.power(decimals)
    switch self {
    case .halvesToEven: return Int((level * scale).rounded(.toNearestOrEven))
    case .halvesUp: return Int((level * scale).rounded(.toNearestOrAwayFromZero))
    case .truncated: return Int(level * scale)
    case .formatted:
      let below = (level * scale).rounded(.down)
      // Exact up to its sign: whether the double lies above the half.
      let beyondHalf = (-below - 0.5).addingProduct(level, scale)
      return Int(below) + (beyondHalf > 0 || (beyondHalf == 0 && below.truncatingRemainder(dividingBy: 2) == 1) ? 1 : 0)
    }
  }
}
