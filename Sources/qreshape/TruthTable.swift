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
///
/// Of a hub's target data, rows for other output types than quantiles (column `output_type`) are passed over, and of values that were
/// revised (column `as_of`, a date) the newest counts.
final class TruthTable {
  /// What the observed values are called there.
  let column: String
  private var keys = ByteTable()
  /// The span of each value in `text`, and where it stands.
  private var values: [(start: Int, count: Int, asOf: String, input: String, line: Int)] = []
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
    func other(_ name: String) -> Int? { header.index(of: name).flatMap { places.contains($0) || $0 == value ? nil : $0 } }
    let worker = Worker(
      self, key: FieldKey(columns: places), value: value, outputType: other("output_type"), asOf: other("as_of"), header,
      FieldWriter(input: reader.format, output: output))
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
    private let outputType: Int?
    private let asOf: Int?
    private let header: Header
    private let writer: FieldWriter
    private let numbers = NumberReader()
    private let buffer = ByteBuffer(capacity: 256)

    init(_ table: TruthTable, key: FieldKey, value: Int, outputType: Int?, asOf: Int?, _ header: Header, _ writer: FieldWriter) {
      self.table = table
      self.key = key
      self.value = value
      self.outputType = outputType
      self.asOf = asOf
      self.header = header
      self.writer = writer
    }

    override func handle(_ row: Row, into output: ByteBuffer) throws {
      if counts(row) { _ = try row.finiteNumber(value, numbers, header) }
    }

    private func counts(_ row: Row) -> Bool { outputType.map { row.text($0) == "quantile" } ?? true }

    override func commit(_ rows: Rows) throws {
      let lines = rows.lines()
      for i in 0..<rows.count where counts(rows[i]) {
        try take(rows[i], asOf.map { rows[i].text($0) } ?? "", rows.input, lines[i])
      }
    }

    private func take(_ row: Row, _ asOf: String, _ input: String, _ line: Int) throws {
      buffer.removeAll()
      key.append(row, into: buffer)
      let start = table.text.count
      writer.append(row, value, into: table.text)
      let count = table.text.count - start
      let (number, isNew) = try table.keys.add(buffer.bytes)
      if isNew { return table.values.append((start, count, asOf, input, line)) }
      let known = table.values[number]
      if asOf > known.asOf { return table.values[number] = (start, count, asOf, input, line) }
      let isSame = known.count == count && (0..<count).allSatisfy { table.text.base[known.start + $0] == table.text.base[start + $0] }
      table.text.truncate(to: start)
      guard isSame || asOf < known.asOf else {
        throw Failure(
          .badData, "another value than line \(known.line) has for \(printable(String(decoding: buffer.bytes, as: UTF8.self)))",
          at: .init(input: input, line: line, column: header.names[value]), remedy: "join on more columns with --on")
      }
    }
  }
}
