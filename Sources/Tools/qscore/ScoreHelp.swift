import ArgumentParser
import Scoring

/// A family of scores that is reported only where its flag asks for it, `--crps`; a flag for each of the registry.
struct RequestedScore: EnumerableFlag {
  let name: String

  static var allCases: [RequestedScore] { scoreRegistry.filter { $0.description.request != nil }.map { RequestedScore(name: $0.description.name) } }

  var flag: String { "--" + name }

  static func name(for score: RequestedScore) -> NameSpecification { .customLong(score.name) }

  static func help(for score: RequestedScore) -> ArgumentHelp? {
    scoreRegistry.first { $0.description.name == score.name }?.description.request.map { ArgumentHelp(stringLiteral: $0) }
  }
}

extension QScore {
  private static func lines(_ isTaken: (ScoreDescription) -> Bool) -> [ScoreDescription.Line] {
    scoreRegistry.map { $0.description }.filter(isTaken).flatMap { $0.lines }
  }

  /// The columns that are always reported, and what they are.
  static var reportedColumns: [(name: String, summary: String)] {
    lines { $0.request == nil }.map { line in (line.columns.map { $0.name }.joined(separator: ", "), line.summary) }
  }

  /// Those that are not in units of the target.
  static var columnsWithoutUnit: [String] {
    lines { _ in true }.flatMap { $0.columns }.filter { $0.unit == .none }.map { $0.name }
  }
}
