import Groundwork
import Tables

/// Writes the fields of a row that pass through, under their names in the output, and the observed value that belongs to it.
final class PassWriter {
  let names: [String]
  let writer: FieldWriter
  private let header: Header
  private let columns: [Int]
  private let isRenamed: [Bool]
  /// Neighbouring columns whose bytes are copied together; where formats differ, each column.
  private let stretches: [(first: Int, last: Int)]
  /// NDJSON: `"name":` of each column, and of the observed value.
  private let keys: [[UInt8]]
  private let truth: (table: TruthTable, key: FieldKey)?
  private let key = ByteBuffer(capacity: 256)

  /// - Parameters:
  ///   - columns: what passes through, in order, and what it is called in the output.
  ///   - truth: observed values that are joined, the columns to join on, and what they are called.
  init(header: Header, writer: FieldWriter, columns: [(column: Int, name: String)], truth: (table: TruthTable, key: FieldKey, name: String)?) {
    self.header = header
    self.writer = writer
    self.columns = columns.map(\.column)
    isRenamed = columns.map { header.names[$0.column] != $0.name }
    names = columns.map(\.name) + (truth.map { [$0.name] } ?? [])
    self.truth = truth.map { ($0.table, $0.key) }
    let copies = writer.input == writer.output && !writer.writesObjects
    stretches = columns.map(\.column).reduce(into: []) { stretches, column in
      if copies, let last = stretches.last?.last, last == column - 1 { stretches[stretches.count - 1].last = column } else { stretches.append((column, column)) }
    }
    keys = names.map { name in
      let buffer = ByteBuffer(capacity: 64)
      appendJSONString(name, to: buffer)
      return Array(buffer.bytes) + [UInt8(ascii: ":")]
    }
  }

  var isEmpty: Bool { names.isEmpty }

  /// The names as fields of a header line.
  func writeNames(into buffer: ByteBuffer) {
    for (i, name) in names.enumerated() {
      if i > 0 { buffer.append(writer.delimiter) }
      if i < columns.count, !isRenamed[i] { writer.appendName(header, columns[i], into: buffer) } else { writer.append(name, into: buffer) }
    }
  }

  /// The fields of a row, or the members of its object, without what stands around them. False where no observed value belongs to
  /// it: it is missing then.
  func write(_ row: Row, into buffer: ByteBuffer) -> Bool {
    let start = buffer.count
    for (i, stretch) in stretches.enumerated() {
      if writer.writesObjects {
        if writer.isAbsent(row, stretch.first) { continue }
        if buffer.count > start { buffer.append(UInt8(ascii: ",")) }
        buffer.append(keys[i])
        writer.append(row, stretch.first, into: buffer)
      } else {
        if i > 0 { buffer.append(writer.delimiter) }
        if stretch.first == stretch.last { writer.append(row, stretch.first, into: buffer) } else { copy(row, stretch, buffer) }
      }
    }
    guard let truth else { return true }
    if writer.writesObjects ? buffer.count > start : !columns.isEmpty { buffer.append(writer.delimiter) }
    if writer.writesObjects { buffer.append(keys[keys.count - 1]) }
    key.removeAll()
    truth.key.append(row, into: key)
    let value = truth.table.find(key.bytes)
    if let value { buffer.append(value) } else if writer.writesObjects { buffer.append("null") }
    return value != nil
  }

  private func copy(_ row: Row, _ stretch: (first: Int, last: Int), _ buffer: ByteBuffer) {
    let first = row.raw(stretch.first).baseAddress!
    let last = row.raw(stretch.last)
    buffer.append(first, count: first.distance(to: last.baseAddress!) + last.count)
  }
}
