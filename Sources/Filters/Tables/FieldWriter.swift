/// Writes fields of rows in the format of another table: as the bytes they are where the formats are the same, else anew with the
/// same content.
public struct FieldWriter {
  public let input: TableFormat
  public let output: TableFormat
  /// JSON numbers have a point, and fields of delimited text a comma.
  private let movesMarks: Bool

  public init(input: TableFormat, output: TableFormat) {
    self.input = input
    self.output = output
    movesMarks = NumberNotation.usesComma && (input == .ndjson) != (output == .ndjson)
  }

  public var writesObjects: Bool { output == .ndjson }

  /// What stands between two fields.
  public var delimiter: UInt8 {
    if case .separated(let delimiter) = output { return delimiter }
    return UInt8(ascii: ",")
  }

  /// What ends a line: as in the input where the formats are the same.
  public func lineEnd(_ header: Header) -> [UInt8] { input == output ? header.lineEndOrNewline : [10] }

  /// What ends the header line: nothing where it is the whole of a file without a line end.
  public func headerEnd(_ header: Header) -> [UInt8] { input == output ? header.lineEnd : [10] }

  /// A member that a row of NDJSON does not have.
  @inline(__always)
  public func isAbsent(_ row: Row, _ column: Int) -> Bool { input == .ndjson && row.raw(column).count == 0 }

  /// A field of a row. Missing is null in NDJSON and empty elsewhere.
  @inline(__always)
  public func append(_ row: Row, _ column: Int, into buffer: ByteBuffer) {
    let raw = row.raw(column)
    if input == output, raw.count > 0 || output != .ndjson { return buffer.append(raw) }
    append(raw: raw, into: buffer)
  }

  /// A field's bytes in the input's format, quotes included.
  public func append(raw: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    let isQuoted = raw.first == 0x22
    if raw.count == 0 || (input == .ndjson && raw.elementsEqual("null".utf8)) {
      if writesObjects { buffer.append("null") }
      return
    }
    if input == output { return buffer.append(raw) }
    if movesMarks, !isQuoted, raw.contains(NumberNotation.point), JSONText.isNumber(raw) { return append(pointed: raw, into: buffer) }
    if writesObjects, !isQuoted {
      if JSONText.isNumber(raw) { return buffer.append(raw) }
      if MissingText.matches(raw) { return buffer.append("null") }
    }
    guard isQuoted else { return append(content: raw, into: buffer) }
    let content = input == .ndjson ? JSONText.unescape(raw) : Row.unquote(raw)
    content.withUnsafeBufferPointer { append(content: $0, into: buffer) }
  }

  /// What would say another number in the output's notation: 1.234 of a JSON number is written 1,234, and 1.234 of a field, which is 1234
  /// there, is no JSON number.
  private func append(pointed raw: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    if writesObjects { return append(content: raw, into: buffer) }
    raw.map { $0 == NumberNotation.point ? NumberNotation.comma : $0 }.withUnsafeBufferPointer { append(content: $0, into: buffer) }
  }

  /// Text, quoted where the format needs it.
  public func append(content: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    if writesObjects { return JSONText.appendString(content, to: buffer) }
    FieldWriter.appendField(content, delimiter: delimiter, to: buffer)
  }

  public func append(_ text: String, into buffer: ByteBuffer) { Array(text.utf8).withUnsafeBufferPointer { append(content: $0, into: buffer) } }

  /// The name of an input's column as a field of a header line.
  public func appendName(_ header: Header, _ column: Int, into buffer: ByteBuffer) {
    if input == output { buffer.append(header.raw[column]) } else { append(header.names[column], into: buffer) }
  }

  /// Delimited text: the content, quoted where it holds a delimiter, a quote or a line end.
  public static func appendField(_ content: UnsafeBufferPointer<UInt8>, delimiter: UInt8, to buffer: ByteBuffer) {
    guard content.contains(where: { $0 == delimiter || $0 == 0x22 || $0 == 10 || $0 == 13 }) else { return buffer.append(content) }
    buffer.append(0x22)
    for byte in content {
      if byte == 0x22 { buffer.append(0x22) }
      buffer.append(byte)
    }
    buffer.append(0x22)
  }
}
