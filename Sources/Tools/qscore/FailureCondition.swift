import FilterKit
import Groundwork
import MethodKit
import Tables

/// What `--fail-if` takes: `COLUMN OPERATOR BOUND`, the bound a number or another column, such as `wis > 0.3` or `coverage < joint_lower`.
struct FailureCondition {
  private enum Bound {
    case number(Double)
    case column(String)
  }

  private let column: String
  private let isMet: @Sendable (Double, Double) -> Bool
  private let operation: String
  private let bound: Bound

  private static let operations: [(String, @Sendable (Double, Double) -> Bool)] = [
    ("<=", { $0 <= $1 }), (">=", { $0 >= $1 }), ("<", { $0 < $1 }), (">", { $0 > $1 }),
  ]

  /// Throws a usage `Failure` for any other text.
  init(_ text: String) throws {
    let malformed = Failure(
      .usage, "--fail-if '\(printable(text))': not a condition", remedy: "write a column, one of < <= > >=, and a number or a column: 'wis > 0.3'")
    guard let at = text.firstIndex(where: { $0 == "<" || $0 == ">" }) else { throw malformed }
    let (operation, isMet) = FailureCondition.operations.first { text[at...].hasPrefix($0.0) }!
    func trimmed(_ part: Substring) -> String { part.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
    column = trimmed(text[..<at])
    let right = trimmed(text[at...].dropFirst(operation.count))
    guard !column.isEmpty, !right.isEmpty, !right.contains(where: { $0 == "<" || $0 == ">" || $0 == "=" }) else { throw malformed }
    if let number = Double(right) {
      guard number.isFinite else { throw malformed }
      bound = .number(number)
    } else {
      bound = .column(right)
    }
    self.operation = operation
    self.isMet = isMet
  }

  var text: String {
    switch bound {
    case .number(let number): "\(column) \(operation) \(shortestText(number))"
    case .column(let name): "\(column) \(operation) \(name)"
    }
  }

  /// Throws where a report of these columns, the first `labels` of which name the group, has no such numbers.
  func check(columns: [String], labels: Int) throws {
    let numbers = Array(columns.dropFirst(labels))
    var named = [column]
    if case .column(let name) = bound { named.append(name) }
    for name in named where !numbers.contains(name) {
      throw Failure(.usage, "--fail-if '\(text)': there is no score \"\(name)\"", remedy: suggestion(for: name, among: numbers))
    }
  }

  /// What is wrong, in a line that names the first group that meets the condition; nil where none does. A missing score meets none:
  /// `missing` tells of those.
  func violation(_ report: Report) -> String? {
    let met = report.rows.filter { isMet(value(column, $0, report), bound($0, report)) }
    guard let first = met.first else { return nil }
    let (own, right) = (value(column, first, report), bound(first, report))
    var found = shortestText(own)
    if case .column = bound { found += ", and the bound \(shortestText(right))," }
    return "\(text): it is \(found) for \(report.group(first))\(FailureCondition.others(met.count))"
  }

  /// Groups whose score is missing and so could not be judged; `all` where that is every group, if there is any.
  func missing(_ report: Report) -> (message: String, all: Bool)? {
    let unknown = report.rows.filter { value(column, $0, report).isNaN || bound($0, report).isNaN }
    guard let first = unknown.first else { return report.rows.isEmpty ? ("'\(text)' was not judged: nothing was scored", true) : nil }
    let group = "\(report.group(first))\(FailureCondition.others(unknown.count))"
    return ("'\(text)' was not judged for \(group): the score is missing", unknown.count == report.rows.count)
  }

  private static func others(_ count: Int) -> String { count == 1 ? "" : ", and \(counted(count - 1, "more group"))" }

  private func bound(_ row: [ReportTable.Cell], _ report: Report) -> Double {
    switch bound {
    case .number(let number): number
    case .column(let name): value(name, row, report)
    }
  }

  private func value(_ column: String, _ row: [ReportTable.Cell], _ report: Report) -> Double {
    switch row[report.columns[report.labels...].firstIndex(of: column)!] {
    case .number(let value), .key(let value): value
    case .count(let count): Double(count)
    case .text, .field, .bytes: .nan
    }
  }
}
