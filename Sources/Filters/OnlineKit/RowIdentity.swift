import FilterKit
import Groundwork
import Tables

/// What tells answered rows apart until their targets come: the columns of `--id`, or else series, time, and when the truth is known.
package struct RowIdentity {
  private let key: FieldKey
  /// Whether the time is part of it.
  private let usesTime: Bool
  private var knownColumn: TimeColumn?
  private let knownIsPart: Bool
  private let header: Header
  private let buffer = ByteBuffer(capacity: 256)
  private let names: [String]

  package init(_ header: Header, id: [Int]?, by: [Int], order: TimeColumn?, known: TimeColumn?) {
    self.header = header
    key = FieldKey(columns: id ?? by)
    usesTime = id == nil && order != nil
    knownColumn = known
    knownIsPart = id == nil && known != nil
    names =
      (id ?? by).map { header.names[$0] }
      + [usesTime ? order?.column : nil, knownIsPart ? known?.column : nil].compactMap { $0 }.map { header.names[$0] }
  }

  /// When a row's truth is known; nil where no column tells. Throws where it is missing, or before the row's time.
  package mutating func known(_ row: Row, _ time: Moment?) throws -> Moment? {
    guard let column = knownColumn?.column else { return nil }
    func failure(_ cause: String, _ remedy: String) -> Failure { Failure(.badData, cause, at: .init(column: header.names[column]), remedy: remedy) }
    guard let known = try knownColumn!.read(row) else {
      throw failure("the time at which the truth is known is missing", "every row needs one")
    }
    guard let time, known.kind == time.kind else {
      throw failure("\"\(printable(row.text(column)))\" is \(known.kind.title), and the time of --order is not", "write both alike")
    }
    if known.isOver(before: time) {
      throw failure("\"\(printable(row.text(column)))\" is before the row's own time", "a truth is known after its forecast")
    }
    return known
  }

  package mutating func name(_ row: Row, _ time: Moment?) throws -> FieldText {
    buffer.removeAll()
    key.append(row, into: buffer)
    for moment in [usesTime ? time : nil, knownIsPart ? try knownColumn!.read(row) : nil].compactMap({ $0 }) {
      if buffer.count > 0 || key.columns.count == 1 { buffer.append(UInt8(ascii: ",")) }
      buffer.append(moment.canonicalText.bytes)
    }
    return FieldText(buffer.bytes)
  }

  /// "place,date = north,2024-01-31"
  package func title(_ name: FieldText) -> String { "\(names.joined(separator: ",")) = \(printable(name.description))" }
}
