import Groundwork
import Quantiles
import Tables

/// Decides whether the numbers in a table's names are percents or fractions: one of the two for all of them.
struct LevelScale {
  /// How writers of percents shorten them.
  let ways: [Shortening]
  let told: [Double]?
  let isAsked: (String) -> Bool
  let input: String
  /// Whether other names of the table hold percents.
  var besidePercents = false

  /// A column with a number in its name.
  struct Member {
    let column: Int
    let name: String
    let model: String
    let text: Substring

    var percent: LevelText { LevelText(text, isPercent: true)! }
    /// Of a fraction all decimals are written.
    var fraction: LevelText { LevelText(exactly: min(LevelText(text)!.value, 2)) }
    /// A number below 1 with a point, which may be either; whole numbers and what lies above 1 are percents.
    var isSmall: Bool { text.contains(".") && LevelText(text)!.value < 1 && LevelText(text)!.digits > 0 }
  }

  func read(_ members: [Member]) throws -> [NamedQuantile] {
    let arePercents = try arePercents(members)
    return members.map { NamedQuantile(column: $0.column, model: $0.model, level: arePercents ? $0.percent : $0.fraction) }
  }

  /// The scale at which more of the `told` levels are there. Where none is told, fractions where all numbers may be some, and percents where
  /// none may; where some may, percents if each of these has its complement in its model, as 0.5 has 99.5. Throws otherwise.
  private func arePercents(_ members: [Member]) throws -> Bool {
    let small = members.filter(\.isSmall)
    if small.isEmpty { return true }
    if let told, let choice = choice(told, members) { return choice }
    if small.count == members.count, !besidePercents { return false }
    for member in small where isAsked(member.model) {
      let complement = Level.one - member.percent.level.key
      if members.contains(where: { $0.model == member.model && $0.percent.level.key == complement }) { continue }
      let level = levelText(member.fraction.value)
      if let other = members.first(where: { $0.percent.level == member.fraction.level && $0.model == member.model }) {
        throw Failure(
          .badData, "columns \"\(other.name)\" and \"\(member.name)\" hold the same level \(level), as a percent and as a fraction",
          at: .init(input: input, line: 1), remedy: "drop or rename one of them, or tell the levels that are meant with --levels")
      }
      throw Failure(
        .badData, "the level may be \(level) or, as other columns have percents, \(levelText(member.percent.value))",
        at: .init(input: input, line: 1, column: member.name), remedy: "tell the levels that are meant with --levels")
    }
    return true
  }

  /// Whether more of the told levels are there as percents; nil where as many are as fractions.
  private func choice(_ told: [Double], _ members: [Member]) -> Bool? {
    let asked = members.filter { isAsked($0.model) }
    let levels = Set(told.map { Level($0) })
    let percents = asked.count { member in
      let percent = member.percent
      return levels.contains(percent.level)
        || ways.contains { way in told.contains { way.digits(of: $0, decimals: percent.decimals) == percent.digits } }
    }
    let fractions = asked.count { levels.contains($0.fraction.level) }
    return percents == fractions ? nil : percents > fractions
  }
}
