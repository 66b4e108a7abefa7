import FilterKit
import Groundwork
import Tables

/// Observed values by the fields of the columns they are joined on, held in memory.
///
/// Of a hub's target data, rows for other output types than quantiles (column `output_type`) are passed over, and of values that were
/// revised (column `as_of`, a date or a number) the newest counts.
final class TruthTable {
  struct Value {
    /// Where its text stands, as the output writes it.
    fileprivate var start: Int
    fileprivate var count: Int
    /// NaN where it is missing.
    var number: Double
  }

  /// What the observed values are called there.
  let column: String
  /// The first key, as it is compared.
  private(set) var firstKey: String?
  private(set) var counts = RowCounts()
  private var keys = ByteTable()
  private var values: [Value] = []
  /// How new each value is and where it stands, while the table is read.
  private var origins: [(asOf: Moment?, line: Int)] = []
  private let text = ByteBuffer()
  private let skips: Bool

  /// Reads `path`. `target` names the column of observed values where it is there, else the usual names do, else `value`. Values are
  /// kept as the format `output` writes them. `delimiter` is that of the table if its header has one. Rows that are bad, or whose key
  /// has another value already, are skipped and counted, or thrown for.
  init(_ path: String, on columns: [String], target: String?, delimiter: UInt8?, output: TableFormat, timeFormat: TimeFormat?, skips: Bool)
    throws
  {
    self.skips = skips
    var options = TableReader.Options()
    options.operands = [path]
    options.likelyDelimiter = delimiter
    let reader = try TableReader(options)
    guard let header = reader.header else { throw Failure(.badData, "the file is empty", at: .init(input: path)) }
    let places = try columns.map { name in
      guard let column = header.index(of: name) else {
        throw Failure(
          .badData, "there is no column \"\(name)\" to join on", at: .init(input: path), remedy: "it has \(header.names.joined(separator: ", "))")
      }
      return column
    }
    // A hub's `target` says what is observed, and comes last.
    let names = (target.map { [$0] } ?? []) + FilterSession.targetNames.filter { $0 != "target" } + ["value", "target"]
    guard let value = names.lazy.compactMap({ header.index(of: $0) }).first(where: { !places.contains($0) }) else {
      let others = header.names.filter { !columns.contains($0) }
      throw Failure(
        .badData, target.map { "there is no column \"\($0)\" of observed values" } ?? "no column of observed values", at: .init(input: path),
        remedy: others.isEmpty ? "it has only what rows are joined on" : "-y names it, of \(others.joined(separator: ", "))")
    }
    column = header.names[value]
    func other(_ name: String) -> Int? { header.index(of: name).flatMap { places.contains($0) || $0 == value ? nil : $0 } }
    let worker = Worker(
      self, key: FieldKey(columns: places), value: value, outputType: other("output_type"),
      asOf: other("as_of").map { TimeColumn($0, header, format: timeFormat) }, header,
      FieldWriter(input: reader.format, output: output))
    var read = try RowPipeline(source: reader, format: reader.format, header: header, output: nil, policy: BadRowPolicy(skips: skips)).run([worker])
    read.skipped += counts.skipped
    read.firstSkipped = [read.firstSkipped, counts.firstSkipped].compactMap { $0 }.min { $0.place.line! < $1.place.line! }
    counts = read
    origins = []
  }

  /// The observed value of a key; nil where there is none.
  func find(_ key: UnsafeBufferPointer<UInt8>) -> Value? { keys.find(key).map { values[$0] } }

  func text(of value: Value) -> UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: UnsafePointer(text.base) + value.start, count: value.count) }

  private final class Worker: RowWorker {
    private let table: TruthTable
    private let key: FieldKey
    private let value: Int
    private let outputType: Int?
    private var asOf: TimeColumn?
    private let header: Header
    private let writer: FieldWriter
    private let numbers = NumberReader()
    private let buffer = ByteBuffer(capacity: 256)

    init(_ table: TruthTable, key: FieldKey, value: Int, outputType: Int?, asOf: TimeColumn?, _ header: Header, _ writer: FieldWriter) {
      self.table = table
      self.key = key
      self.value = value
      self.outputType = outputType
      self.asOf = asOf
      self.header = header
      self.writer = writer
    }

    override func handle(_ row: Row, into output: ByteBuffer) throws {
      guard counts(row) else { return }
      _ = try row.finiteNumber(value, numbers, header)
      _ = try asOf?.read(row)
    }

    private func counts(_ row: Row) -> Bool { outputType.map { row.text($0) == "quantile" } ?? true }

    override func commit(_ rows: Rows) throws {
      let lines = rows.lines()
      for i in 0..<rows.count where counts(rows[i]) { try take(rows[i], rows.input, lines[i]) }
    }

    private func take(_ row: Row, _ input: String, _ line: Int) throws {
      buffer.removeAll()
      key.append(row, into: buffer)
      let (number, isNew) = try table.keys.add(buffer.bytes)
      let read = try row.finiteNumber(value, numbers, header)
      let origin = (asOf: try asOf?.read(row), line: line)
      if !isNew {
        let (known, before) = (table.values[number].number, table.origins[number])
        if precedes(origin.asOf, before.asOf) { return }
        if !precedes(before.asOf, origin.asOf) {
          if known == read || (known.isNaN && read.isNaN) { return }
          return try refuse(before.line, input, line)
        }
      }
      let start = table.text.count
      writer.append(row, value, into: table.text)
      let new = Value(start: start, count: table.text.count - start, number: read)
      if isNew {
        table.values.append(new)
        table.origins.append(origin)
      } else {
        (table.values[number], table.origins[number]) = (new, origin)
      }
      if table.firstKey == nil { table.firstKey = String(decoding: buffer.bytes, as: UTF8.self) }
    }

    /// A value without a time is older than all.
    private func precedes(_ a: Moment?, _ b: Moment?) -> Bool {
      guard let b else { return false }
      return a?.isBefore(b) ?? true
    }

    private func refuse(_ known: Int, _ input: String, _ line: Int) throws {
      let failure = Failure(
        .badData, "another value than line \(known) has for \(printable(String(decoding: buffer.bytes, as: UTF8.self)))",
        at: .init(input: input, line: line, column: header.names[value]), remedy: "join on more columns with --on")
      guard table.skips else { throw failure }
      table.counts.skipped += 1
      if table.counts.firstSkipped == nil { table.counts.firstSkipped = failure }
    }
  }
}
