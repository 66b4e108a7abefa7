import ArgumentParser
import Scoring

/// A family of scores that is reported only where its flag asks for it, `--crps`; a flag for each of the registry.
struct RequestedScore: EnumerableFlag {
  let name: String

  static var allCases: [RequestedScore] { ScoreDescription.requested().map { RequestedScore(name: $0.name) } }

  var flag: String { "--" + name }

  static func name(for score: RequestedScore) -> NameSpecification { .customLong(score.name) }

  static func help(for score: RequestedScore) -> ArgumentHelp? {
    ScoreDescription.requested().first { $0.name == score.name }?.request.map { ArgumentHelp(stringLiteral: $0) }
  }
}

extension QScore {
  /// The columns that are always reported, and what they are.
  static var reportedColumns: [(name: String, summary: String)] {
    ScoreDescription.lines { $0.request == nil }.map { line in (line.columns.map { $0.name }.joined(separator: ", "), line.summary) }
  }

  /// Those that are not in units of the target.
  static var columnsWithoutUnit: [String] {
    ScoreDescription.lines().flatMap { $0.columns }.filter { $0.unit == .none }.map { $0.name }
  }
}
