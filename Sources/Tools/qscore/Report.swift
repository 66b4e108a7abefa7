import FilterKit
import Tables

/// What a run says: a table whose first columns tell which group a row is about.
struct Report {
  let columns: [String]
  /// Number of those first columns.
  let labels: Int
  let rows: ReportRows

  init(columns: [String], labels: Int, rows: ReportRows) { (self.columns, self.labels, self.rows) = (columns, labels, rows) }

  init(columns: [String], labels: Int, rows: [[ReportTable.Cell]]) {
    self.init(columns: columns, labels: labels, rows: ReportRows(count: rows.count) { rows[$0] })
  }

  /// The report on rows that were read: a header alone is answered by a header alone.
  func answering(_ counts: RowCounts) -> Report { counts.read > 0 ? self : Report(columns: columns, labels: labels, rows: []) }

  func write(_ session: FilterSession) throws { try ReportTable(columns: columns).write(rows, session: session) }

  /// `model a, place north`: the group of a row. A model without a name is only told where nothing else is.
  func group(_ row: [ReportTable.Cell]) -> String {
    let parts = zip(columns, row).prefix(labels).compactMap { column, cell in
      switch cell {
      case .text(""), .field(""), .bytes(""): column == "model" ? nil : "\(column) empty"
      case .text(let text): "\(column) \(text)"
      case .field(let text), .bytes(let text): "\(column) \(text)"
      case .count(let count): "\(column) \(count)"
      case .number(let value), .key(let value): "\(column) \(shortestText(value))"
      }
    }
    return parts.isEmpty ? "the group without a name" : parts.joined(separator: ", ")
  }
}

/// The rows of a report, each made when it is asked for: those of a million groups are never in memory together.
struct ReportRows: RandomAccessCollection {
  let count: Int
  private let row: (Int) -> [ReportTable.Cell]

  init(count: Int, row: @escaping (Int) -> [ReportTable.Cell]) {
    self.count = count
    self.row = row
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }
  subscript(i: Int) -> [ReportTable.Cell] { row(i) }
}
