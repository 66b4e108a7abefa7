import Groundwork
import Tables

/// Observed values that are joined to rows: fields of the rows' own column that are missing are filled, or a column is appended.
struct TruthJoin {
  let table: TruthTable
  let key: FieldKey
  /// The rows' own column of observed values.
  let fills: Int?
}

/// Finds the observed value of rows. Each worker has a reader of its own.
final class TruthReader {
  let join: TruthJoin
  private let header: Header
  private let key = ByteBuffer(capacity: 256)
  private let numbers = NumberReader()
  private let leastMissed = ByteBuffer(capacity: 64)
  private var hasMissed = false

  init(_ join: TruthJoin, _ header: Header) {
    self.join = join
    self.header = header
  }

  private func find(_ row: Row) -> TruthTable.Value? {
    key.removeAll()
    join.key.append(row, into: key)
    return join.table.find(key.bytes)
  }

  /// The text of a row's observed value, as the output writes it.
  func text(_ row: Row) -> UnsafeBufferPointer<UInt8>? {
    if let value = find(row) { return join.table.text(of: value) }
    if !hasMissed || UnitRecord.compare(key.bytes, leastMissed.bytes) < 0 {
      hasMissed = true
      leastMissed.removeAll()
      leastMissed.append(key.bytes)
    }
    return nil
  }

  /// The least key of the rows that found none, in the order of bytes, which no thread and no block changes.
  var missed: String? { hasMissed ? String(decoding: leastMissed.bytes, as: UTF8.self) : nil }

  /// Whether a row has an observed value of its own.
  func isFilled(_ row: Row) -> Bool { join.fills.map { row.number($0, numbers) != .missing } ?? false }

  /// Throws where a row has an observed value and the joined one is another.
  func check(_ row: Row) throws {
    guard let column = join.fills else { return }
    let own = try row.finiteNumber(column, numbers, header)
    guard !own.isNaN, let joined = find(row)?.number, !joined.isNaN, joined != own else { return }
    throw Failure(
      .badData, "\(shortestText(own)) was observed, and \(shortestText(joined)) by --truth", at: .init(column: header.names[column]),
      remedy: "join on more columns with --on, or leave the column out with --exclude")
  }
}
