import Groundwork
import Quantiles
import Tables

/// Levels whose names may have lost decimals, where that can be undone.
struct ShortenedLevels {
  /// Of one group, increasing.
  let names: [LevelText]
  /// How the format's writers shorten, the usual way first.
  let ways: [Shortening]

  /// Levels in use that hundredths do not hold, and those whose product with 100 lies below the whole percent.
  private static let usual = [0.001, 0.005, 0.025, 0.125, 0.375, 0.625, 0.875, 0.975, 0.995, 0.999, 0.29, 0.57, 0.58]

  /// A name that may stand for another level than it says.
  struct Doubt {
    let name: Int
    let level: Double
    let way: Shortening
    /// Where what the name says is the likelier: 0.01, of which 0.005 is rarely rounded.
    let isSlight: Bool

    func cause(_ names: [LevelText]) -> String {
      let said = names[name]
      let other = levelText(level)
      let what = said.isLevel ? "the level \(levelText(said.value))" : "\(said.digits == 0 ? 0 : 1) is no level, and"
      return "\(what) may be \(other) \(way.participle)"
    }
  }

  /// Names in doubt, where nobody tells the levels: not those in a grid of hundredths, nor all 23 where they are the forecast hubs'.
  var doubts: [Doubt] {
    if hubs != nil { return [] }
    let hundredths = Set(names.filter { $0.decimals == 2 }.map(\.digits))
    return names.enumerated().compactMap { i, name in
      guard name.decimals == 2 || !name.isLevel else { return nil }
      let neighbours = [name.digits - 1, name.digits + 1].filter { (1...99).contains($0) }
      if name.isLevel, neighbours.allSatisfy(hundredths.contains) { return nil }
      for way in ways {
        let level = ShortenedLevels.usual.first { Level($0) != name.level && way.digits(of: $0, decimals: name.decimals) == name.digits }
        if let level { return Doubt(name: i, level: level, way: way, isSlight: [1, 99].contains(name.digits)) }
      }
      return nil
    }
  }

  /// The forecast hubs' levels, where the names are theirs, shortened in one of the ways.
  private var hubs: [Double]? {
    guard names.count == Levels.hub.count else { return nil }
    let isHub = ways.contains { way in zip(names, Levels.hub).allSatisfy { way.digits(of: $1, decimals: $0.decimals) == $0.digits } }
    return isHub ? Levels.hub : nil
  }

  /// The levels that were meant. Of `told` ones those that the names are left of, shortened in the way that explains most names; a
  /// name that tells one of them exactly is that one. Throws where a name may stand for two, and, where nothing is told, for a name
  /// in doubt; of slight doubts `warn` is told.
  func meant(told: [Double]?, warn: (String) -> Void, failure: (_ name: Int, _ cause: String, _ remedy: String) -> Failure) throws -> [Double] {
    if let told { return try matched(told, failure) }
    if let hubs { return hubs }
    for doubt in doubts {
      guard doubt.isSlight else { throw failure(doubt.name, doubt.cause(names), "tell the levels that are meant with --levels") }
      warn(doubt.cause(names))
    }
    return try names.enumerated().map { i, name in
      guard name.isLevel else { throw failure(i, "a quantile level is strictly between 0 and 1", "rename the column") }
      return Levels.rounded(name.value)
    }
  }

  private func matched(_ told: [Double], _ failure: (Int, String, String) -> Failure) throws -> [Double] {
    let matches = ways.map { way in
      names.map { name in (2..<9).contains(name.decimals) ? told.filter { way.digits(of: $0, decimals: name.decimals) == name.digits } : [] }
    }
    let explained = matches.map { $0.count { !$0.isEmpty } }
    let best = explained.indices.max { explained[$0] < explained[$1] || (explained[$0] == explained[$1] && $0 > $1) }
    return try names.enumerated().map { i, name in
      let near = best.map { matches[$0][i] } ?? []
      if near.isEmpty || near.contains(where: { Level($0) == name.level }) { return Levels.rounded(name.value) }
      guard near.count == 1 else {
        throw failure(
          i, "the level \(levelText(name.value)) may be \(near.map(levelText).joined(separator: " or "))", "name the columns with all decimals")
      }
      return near[0]
    }
  }
}
