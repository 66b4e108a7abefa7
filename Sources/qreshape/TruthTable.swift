import FilterKit
import Groundwork
import Tables

/// The fields of some columns as one key: their content, separated by commas and quoted where it is needed, so that different
/// contents are different keys, whatever format they came in.
struct FieldKey {
  let columns: [Int]

  func append(_ row: Row, into buffer: ByteBuffer) {
    for (i, column) in columns.enumerated() {
      if i > 0 { buffer.append(UInt8(ascii: ",")) }
      let raw = row.raw(column)
      if row.format == .ndjson, raw.elementsEqual("null".utf8) { continue }
      row.withContent(column) { FieldWriter.appendField($0, delimiter: UInt8(ascii: ","), to: buffer) }
    }
  }
}

/// Observed values by the fields of the columns they are joined on, held in memory.
final class TruthTable {
  /// What the observed values are called there.
  let column: String
  private var keys = ByteTable()
  /// The span of each value in `text`, and where it stands.
  private var values: [(start: Int, count: Int, input: String, line: Int)] = []
  private let text = ByteBuffer()

  /// Reads `path`. `target` names the column of observed values where it is there, else the usual names do, else `value`. Values are
  /// kept as the format `output` writes them. Throws where two rows with the same key differ.
  init(_ path: String, on columns: [String], target: String?, output: TableFormat) throws {
    var options = TableReader.Options()
    options.operands = [path]
    let reader = try TableReader(options)
    guard let header = reader.header else { throw Failure(.badData, "the file is empty", at: .init(input: path)) }
    let places = try columns.map { name in
      guard let column = header.index(of: name) else {
        throw Failure(.badData, "there is no column \"\(name)\" to join on", at: .init(input: path), remedy: "it has \(header.names.joined(separator: ", "))")
      }
      return column
    }
    // A hub's `target` says what is observed, and comes last.
    let names = (target.map { [$0] } ?? []) + FilterSession.targetNames.filter { $0 != "target" } + ["value", "target"]
    guard let value = names.lazy.compactMap({ header.index(of: $0) }).first(where: { !places.contains($0) }) else {
      throw Failure(.badData, "no column of observed values", at: .init(input: path), remedy: "name it with -y")
    }
    column = header.names[value]
    let worker = Worker(self, key: FieldKey(columns: places), value: value, header, FieldWriter(input: reader.format, output: output))
    _ = try RowPipeline(source: reader, format: reader.format, header: header, output: nil).run(threads: 1) { worker }
  }

  /// The observed value of a key, as the output writes it; nil where there is none.
  func find(_ key: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8>? {
    keys.find(key).map { UnsafeBufferPointer(start: UnsafePointer(text.base) + values[$0].start, count: values[$0].count) }
  }

  private final class Worker: RowWorker {
    private let table: TruthTable
    private let key: FieldKey
    private let value: Int
    private let header: Header
    private let writer: FieldWriter
    private let numbers = NumberReader()
    private let buffer = ByteBuffer(capacity: 256)

    init(_ table: TruthTable, key: FieldKey, value: Int, _ header: Header, _ writer: FieldWriter) {
      self.table = table
      self.key = key
      self.value = value
      self.header = header
      self.writer = writer
    }

    override func handle(_ row: Row, into output: ByteBuffer) throws { _ = try row.finiteNumber(value, numbers, header) }

    override func commit(_ rows: Rows) throws {
      let lines = rows.lines()
      for i in 0..<rows.count {
        buffer.removeAll()
        key.append(rows[i], into: buffer)
        let start = table.text.count
        writer.append(rows[i], value, into: table.text)
        let count = table.text.count - start
        let (number, isNew) = try table.keys.add(buffer.bytes)
        if isNew {
          table.values.append((start, count, rows.input, lines[i]))
          continue
        }
        let known = table.values[number]
        let isSame = known.count == count && (0..<count).allSatisfy { table.text.base[known.start + $0] == table.text.base[start + $0] }
        table.text.truncate(to: start)
        guard isSame else {
          throw Failure(
            .badData, "another value than line \(known.line) has for \(printable(String(decoding: buffer.bytes, as: UTF8.self)))",
            at: .init(input: rows.input, line: lines[i], column: header.names[value]), remedy: "join on more columns with --on")
        }
      }
    }
  }
}
