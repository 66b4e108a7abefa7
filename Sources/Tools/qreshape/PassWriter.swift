import Tables

/// Writes the fields of a row that pass through, under their names in the output, and the observed value that belongs to it.
final class PassWriter {
  let names: [String]
  let writer: FieldWriter
  /// Observed values that are joined.
  let truth: TruthReader?
  private let header: Header
  private let columns: [Int]
  private let isRenamed: [Bool]
  /// Neighbouring columns whose bytes are copied together; where formats differ, each column.
  private let stretches: [(first: Int, last: Int)]
  /// NDJSON: `"name":` of each column, and of the observed value.
  private let keys: [[UInt8]]

  /// - Parameters:
  ///   - columns: what passes through, in order, and what it is called in the output.
  ///   - join: observed values that are joined, and what their column is called where it is appended.
  init(header: Header, writer: FieldWriter, columns: [(column: Int, name: String)], join: TruthJoin?, joinedName: String) {
    self.header = header
    self.writer = writer
    self.columns = columns.map(\.column)
    isRenamed = columns.map { header.names[$0.column] != $0.name }
    let fills = join?.fills
    names = columns.map(\.name) + (join != nil && fills == nil ? [joinedName] : [])
    truth = join.map { TruthReader($0, header) }
    let copies = writer.input == writer.output && !writer.writesObjects
    stretches = columns.map(\.column).reduce(into: []) { stretches, column in
      if copies, let last = stretches.last?.last, last == column - 1, column != fills, last != fills {
        stretches[stretches.count - 1].last = column
      } else {
        stretches.append((column, column))
      }
    }
    keys = names.map(jsonKey)
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
    let isFilled = truth?.isFilled(row) ?? true
    let joined = isFilled ? nil : truth!.text(row)
    let fills = isFilled ? nil : truth!.join.fills
    for (i, stretch) in stretches.enumerated() {
      let value = stretch.first == fills ? joined : nil
      if writer.writesObjects {
        if value == nil, writer.isAbsent(row, stretch.first) { continue }
        if buffer.count > start { buffer.append(UInt8(ascii: ",")) }
        buffer.append(keys[i])
      } else if i > 0 {
        buffer.append(writer.delimiter)
      }
      if let value {
        buffer.append(value)
      } else if stretch.first == stretch.last {
        writer.append(row, stretch.first, into: buffer)
      } else {
        copy(row, stretch, buffer)
      }
    }
    if let truth, truth.join.fills == nil { append(joined, isFirst: writer.writesObjects ? buffer.count == start : columns.isEmpty, buffer) }
    return isFilled || joined != nil
  }

  /// The observed value as a field behind the others.
  private func append(_ value: UnsafeBufferPointer<UInt8>?, isFirst: Bool, _ buffer: ByteBuffer) {
    if !isFirst { buffer.append(writer.delimiter) }
    if writer.writesObjects { buffer.append(keys[keys.count - 1]) }
    if let value { buffer.append(value) } else if writer.writesObjects { buffer.append("null") }
  }

  private func copy(_ row: Row, _ stretch: (first: Int, last: Int), _ buffer: ByteBuffer) {
    let first = row.raw(stretch.first).baseAddress!
    let last = row.raw(stretch.last)
    buffer.append(first, count: first.distance(to: last.baseAddress!) + last.count)
  }
}

/// `"name":`, as it stands before a member of an object.
func jsonKey(_ name: String) -> [UInt8] {
  let buffer = ByteBuffer(capacity: 64)
  appendJSONString(name, to: buffer)
  return Array(buffer.bytes) + [UInt8(ascii: ":")]
}
