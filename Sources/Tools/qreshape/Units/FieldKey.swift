import Tables

/// The fields of some columns as one key: their content, separated by commas and quoted where it is needed, so that different
/// contents are different keys, whatever format they came in.
struct FieldKey {
  let columns: [Int]

  /// `kept` says how many bytes of a content count; those after them are left out of the key.
  @inline(__always)
  func append(_ row: Row, into buffer: ByteBuffer, kept: (UnsafeBufferPointer<UInt8>) -> Int = { $0.count }) {
    for (i, column) in columns.enumerated() {
      if i > 0 { buffer.append(UInt8(ascii: ",")) }
      let raw = row.raw(column)
      if row.format == .ndjson, raw.elementsEqual("null".utf8) { continue }
      row.withContent(column) { content in
        FieldWriter.appendField(UnsafeBufferPointer(rebasing: content[..<kept(content)]), delimiter: UInt8(ascii: ","), to: buffer)
      }
    }
  }
}
