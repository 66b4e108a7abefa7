import FilterKit
import Groundwork
import Methods
import Tables

/// What `--fail-if` takes: `COLUMN OPERATOR NUMBER`, such as `wis > 0.3`.
struct FailureCondition {
  let column: String
  private let isMet: (Double, Double) -> Bool
  private let operation: String
  private let bound: Double

  private static let operations: [(String, (Double, Double) -> Bool)] = [("<=", { $0 <= $1 }), (">=", { $0 >= $1 }), ("<", { $0 < $1 }), (">", { $0 > $1 })]

  /// Throws a usage `Failure` for any other text.
  init(_ text: String) throws {
    let malformed = Failure(.usage, "--fail-if '\(text)': not a condition", remedy: "write a column, one of < <= > >=, and a number: 'wis > 0.3'")
    guard let at = text.firstIndex(where: { $0 == "<" || $0 == ">" }) else { throw malformed }
    let (operation, isMet) = FailureCondition.operations.first { text[at...].hasPrefix($0.0) }!
    func trimmed(_ part: Substring) -> String { part.split(separator: " ").joined(separator: " ") }
    column = trimmed(text[..<at])
    guard !column.isEmpty, let bound = Double(trimmed(text[at...].dropFirst(operation.count))), bound.isFinite else { throw malformed }
    self.operation = operation
    self.isMet = isMet
    self.bound = bound
  }

  var text: String { "\(column) \(operation) \(shortestText(bound))" }

  /// Throws where a report of these columns, the first `keys` of which name the group, has no such number.
  func check(columns: [String], keys: Int) throws {
    let numbers = Array(columns.dropFirst(keys))
    guard !numbers.contains(column) else { return }
    throw Failure(.usage, "--fail-if '\(text)': there is no score \"\(column)\"", remedy: suggestion(for: column, among: numbers))
  }

  /// What is wrong, in a line that names the first group that meets the condition; nil where none does. A missing score meets none:
  /// `missing` tells of those.
  func violation(_ report: Report) -> String? {
    let met = values(report).filter { isMet($0.value, bound) }
    guard let first = met.first else { return nil }
    let others = met.count == 1 ? "" : ", and \(met.count - 1) more group\(met.count == 2 ? "" : "s")"
    return "\(text): it is \(shortestText(first.value)) for \(first.group)\(others)"
  }

  /// Groups whose score is missing and so could not be judged.
  func missing(_ report: Report) -> String? {
    let groups = values(report).filter(\.value.isNaN)
    guard let first = groups.first else { return nil }
    let others = groups.count == 1 ? "" : ", and \(groups.count - 1) more group\(groups.count == 2 ? "" : "s")"
    return "'\(text)' was not judged for \(first.group)\(others): the score is missing"
  }

  private func values(_ report: Report) -> [(group: String, value: Double)] {
    let index = report.columns[report.keys...].firstIndex(of: column)!
    return report.rows.map { row in
      switch row[index] {
      case .number(let value): (report.group(row), value)
      case .count(let count): (report.group(row), Double(count))
      case .text: (report.group(row), .nan)
      }
    }
  }
}
