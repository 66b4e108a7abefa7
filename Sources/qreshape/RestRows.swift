import FilterKit
import Glibc
import Groundwork
import Tables

/// Rows that hold no quantiles: counted, and kept in a file where one is asked for.
final class RestRows {
  private let file: OutputFile?
  private let lineEnd: [UInt8]

  init(path: String?, _ header: Header, _ format: TableFormat) throws {
    file = try path.map { try OutputFile(path: $0) }
    let writer = FieldWriter(input: format, output: format)
    lineEnd = writer.lineEnd(header)
    guard let file, format != .ndjson else { return }
    let buffer = ByteBuffer()
    for column in 0..<header.count {
      if column > 0 { buffer.append(writer.delimiter) }
      writer.appendName(header, column, into: buffer)
    }
    buffer.append(lineEnd)
    try file.write(lines: buffer.bytes)
  }

  func write(_ rows: Rows, _ indices: [Int]) throws {
    guard let file else { return }
    for i in indices { try file.write(lines: rows[i].record, lineEnd: lineEnd) }
  }

  func close() throws { try file?.close() }

  /// Throws where the file of `--rest` is one that is read, or one that is written for something else.
  static func check(_ path: String, inputs: [(name: String, path: String)], outputs: [(name: String, path: String?)]) throws {
    if path == "-" { throw Failure(.usage, "--rest -: the table goes to stdout", remedy: "give a file") }
    if let (name, _) = inputs.first(where: { isSameFile($0.path, path) }) { throw Failure(.usage, "--rest \(path): \(name) is an input too") }
    for (name, other) in outputs where other.map({ isSameFile($0, path) }) ?? false { throw Failure(.usage, "--rest and \(name) are the same file, \(path)") }
  }

  /// Whether two paths lead to one file; a device takes what several write.
  private static func isSameFile(_ a: String, _ b: String) -> Bool {
    var (x, y) = (stat(), stat())
    guard stat(a, &x) == 0, stat(b, &y) == 0 else { return a == b }
    return x.st_mode & S_IFMT == S_IFREG && x.st_dev == y.st_dev && x.st_ino == y.st_ino
  }
}
