import FilterKit
import Groundwork
import Tables

/// What a run found.
enum Findings {
  /// The report, and messages on what was not scored.
  case report(Report, unscored: [String])
  /// Sums, to be merged later.
  case parts(Tally)
}

/// A run that ends with a report, which the conditions of `--fail-if` judge.
protocol JudgedTask: ReportingTask where Findings == qscore.Findings {
  var conditions: [FailureCondition] { get }
}

extension JudgedTask {
  func finishEmpty(_ session: FilterSession) throws {
    try session.finishEmpty()
    try refuseUnjudged()
  }

  /// Throws with status 1 where a condition cannot be judged, as nothing came.
  func refuseUnjudged() throws {
    if let condition = conditions.first { throw Failure(.unmetCondition, "'\(condition.text)' was not judged: the input is empty") }
  }

  /// Throws where columns of the report have one name, or a condition names none of its numbers.
  func check(_ columns: (names: [String], labels: Int)) throws {
    try checkNames(columns.names)
    for condition in conditions { try condition.check(columns: columns.names, labels: columns.labels) }
  }

  func checkNames(_ names: [String]) throws {
    var seen: Set<String> = []
    guard let name = names.first(where: { !seen.insert($0).inserted }) else { return }
    throw Failure(.usage, "--by \(name) names a column that the report has already", remedy: "rename the column of the table")
  }

  func write(_ findings: Findings, _ counts: RowCounts, _ session: FilterSession) throws -> Int {
    switch findings {
    case .parts(let tally): return try tally.writeParts(session, anyRows: counts.read > 0)
    case .report(let report, _):
      try report.write(session)
      return report.rows.count
    }
  }

  /// Tells what was not scored, and judges the report: throws with status 1 where a condition is met.
  func conclude(_ findings: Findings, _ session: FilterSession) throws {
    switch findings {
    case .parts(let tally): for message in tally.unscored(session.diagnostics.list) { session.diagnostics.warn(message) }
    case .report(let report, let unscored):
      for message in unscored { session.diagnostics.warn(message) }
      try judge(report, session)
    }
  }

  private func judge(_ report: Report, _ session: FilterSession) throws {
    var violations = conditions.compactMap { $0.violation(report) }
    for missing in conditions.compactMap({ $0.missing(report) }) {
      // Some groups may rest; where none was judged, what should have been scored did not come.
      if missing.all { violations.append(missing.message) } else { session.diagnostics.warn(missing.message) }
    }
    for violation in violations.dropLast() { session.diagnostics.say(violation) }
    if let last = violations.last { throw Failure(.unmetCondition, last) }
  }
}
