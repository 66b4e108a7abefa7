import FilterKit
import Groundwork
import MethodKit
import Tables

extension PictureInput {
  /// Reads a report: for each row its model, where `-g` names it, what the columns before `end` say of the rows it is about, and the numbers
  /// of `columns`, which may be infinite.
  func readReport(_ columns: [String], before end: String, _ take: @escaping (_ model: String, _ key: Key, _ numbers: [Double]) throws -> Void)
    throws
  {
    try readReport(columns, before: end, except: nil) { model, key, numbers, _ in try take(model, key, numbers) }
  }

  /// Likewise, with the row itself, and with a column that says nothing of the rows it is about.
  func readReport(
    _ columns: [String], before end: String, except name: String?,
    _ take: @escaping (_ model: String, _ key: Key, _ numbers: [Double], _ row: Row) throws -> Void
  ) throws {
    let (header, reader) = (self.header, NumberReader())
    let numbers = columns.map { header.index(of: $0)! }
    let model = header.index(of: "model")!
    let last = header.index(of: end) ?? header.count
    let left = name.flatMap { header.index(of: $0) }
    let others = (0..<last).filter { $0 != model && $0 != left && !numbers.contains($0) }
    let names = others.map { header.names[$0] }
    let picked = pickedModels
    final class Seen { var models: [String] = [] }
    let seen = Seen()
    try forEachRow { row in
      let values = try numbers.map { try row.number($0, reader, header) }
      let name = row.text(model)
      if !seen.models.contains(where: { $0.hasSameBytes(as: name) }) { seen.models.append(name) }
      guard picked?.contains(name) ?? true else { return }
      try take(name, Key(columns: names, values: others.map { row.content($0) }), values, row)
    }
    for name in picked ?? [] where !seen.models.contains(where: { $0.hasSameBytes(as: name) }) {
      throw session.failure("no model \"\(name)\"", column: "model", remedy: suggestion(for: name, among: seen.models))
    }
  }
}

/// Numbers of a report that are what their column says; others are failures of the row.
enum ReportNumbers {
  static func level(_ value: Double) throws -> Double {
    guard value > 0, value < 1 else { throw Failure(.badData, "\(shortestText(value)) is not a level between 0 and 1", at: .init(column: "level")) }
    return value
  }

  static func rowCount(_ value: Double) throws -> Int {
    guard value >= 1, value == value.rounded(), value < 1e15 else {
      throw Failure(.badData, "\(shortestText(value)) is not a number of rows", at: .init(column: "n"))
    }
    return Int(value)
  }

  static func share(_ value: Double, column: String) throws -> Double {
    guard (0...1).contains(value) else { throw Failure(.badData, "\(shortestText(value)) is not a share of rows", at: .init(column: column)) }
    return value
  }
}
