import Groundwork
import Quantiles
import Tables

/// Levels whose names were rounded to two decimals, where that can be undone.
enum RoundedLevels {
  private static let half = 5_000_001

  /// The levels that were meant by the names of one group, increasing.
  ///
  /// - `told` levels are taken where exactly one rounds to the name.
  /// - Without them, 23 names that are the forecast hubs' levels rounded stand for these.
  /// - Other names that .025 or .975 may have been rounded to, 0.02, 0.03, 0.97 and 0.98, are refused, but in a grid of hundredths.
  static func repaired(_ levels: [Double], told: [Double]?, failure: (String, String) -> Failure) throws -> [Double] {
    if let told { return try levels.map { try nearest($0, told, failure) } }
    let isHub = levels.count == Levels.hub.count && zip(levels, Levels.hub).allSatisfy { abs(Levels.key($0) - Levels.key($1)) <= half }
    if isHub { return Levels.hub }
    let keys = Set(levels.map(Levels.key))
    let step = 10_000_000
    for level in levels where [2, 3, 97, 98].contains(Double(Levels.key(level)) / Double(step)) {
      if keys.contains(Levels.key(level) - step), keys.contains(Levels.key(level) + step) { continue }
      throw failure("the level \(levelText(level)) may be \(level < 0.5 ? "0.025" : "0.975") rounded", "tell the levels that are meant with --levels")
    }
    return levels
  }

  private static func nearest(_ level: Double, _ told: [Double], _ failure: (String, String) -> Failure) throws -> Double {
    let near = told.filter { abs(Levels.key($0) - Levels.key(level)) <= half }
    if near.isEmpty || near.contains(where: { Levels.key($0) == Levels.key(level) }) { return level }
    guard near.count == 1 else {
      throw failure("the level \(levelText(level)) may be \(near.map(levelText).joined(separator: " or "))", "name the columns with all decimals")
    }
    return near[0]
  }
}
