import FilterKit
import Tables

/// Rows that hold no quantiles: counted, and kept in a file where one is asked for.
final class RestRows {
  private let file: ReplacedFile?
  private let lineEnd: [UInt8]

  init(path: String?, _ header: Header, _ format: TableFormat) throws {
    file = try path.map { try ReplacedFile($0) }
    let writer = FieldWriter(input: format, output: format)
    lineEnd = writer.lineEnd(header)
    guard let file, format != .ndjson else { return }
    let buffer = ByteBuffer()
    for column in 0..<header.count {
      if column > 0 { buffer.append(writer.delimiter) }
      writer.appendName(header, column, into: buffer)
    }
    buffer.append(lineEnd)
    try file.output.write(lines: buffer.bytes)
  }

  func write(_ rows: Rows, _ indices: [Int]) throws {
    guard let file else { return }
    for i in indices { try file.output.write(lines: rows[i].record, lineEnd: lineEnd) }
  }

  /// Makes the rows the file.
  func close() throws { try file?.commit() }
}
