import Glibc
import Tables

/// Gathers quantiles by unit: reads blocks on every thread, and hands the runs of each block to a collector in the input's order.
final class PivotWorker: RowWorker {
  /// Quantiles of one unit and model in neighbouring rows.
  private struct Run {
    var hash: UInt64
    var key: Range<Int>
    /// Position of the first row among the block's good ones.
    var row: Int
    var model: Int
    var bytes: Range<Int>
    var cells: Int
  }

  let reader: CellReader
  private let collector: UnitCollector
  private let key: FieldKey
  private let target: Int?
  /// Columns that are the same in all rows of a run; their bytes are compared.
  private let stretches: [(first: Int, last: Int)]
  private let linesPerCell: Int
  /// Whether a row's bytes are kept with its quantiles.
  private let keepsRecords: Bool
  private let numbers = NumberReader()
  /// Sees whether joined values agree with the rows' own.
  private let truth: TruthReader?

  private var runs: [Run] = []
  private var runRow: Row?
  private var lastIndex = -2
  private let keys = ByteBuffer()
  private let cellBytes = ByteBuffer()
  private var handled = 0
  private var restRows: [Int] = []
  private(set) var restCount = 0
  /// Which levels each model has.
  private(set) var seen = ModelLevels()

  init(
    reader: CellReader, collector: UnitCollector, key: FieldKey, target: Int?, truth: TruthReader?, format: TableFormat, linesPerCell: Int,
    keepsRecords: Bool
  ) {
    self.truth = truth
    self.reader = reader
    self.collector = collector
    self.key = key
    self.target = target
    self.linesPerCell = linesPerCell
    self.keepsRecords = keepsRecords
    func joined(_ columns: [Int]) -> [(first: Int, last: Int)] {
      columns.reduce(into: []) { stretches, column in
        if format != .ndjson, let last = stretches.last?.last, last == column - 1 {
          stretches[stretches.count - 1].last = column
        } else {
          stretches.append((column, column))
        }
      }
    }
    stretches = joined((key.columns + (target.map { [$0] } ?? [])).sorted())
  }

  override func begin(input: String) { reader.begin(input: input) }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    guard try reader.read(row) else {
      restRows.append(handled)
      handled += 1
      return
    }
    if let first = reader.cells.first { try take(row, first.model) } else if let model = reader.emptyModel { try take(row, model) }
    handled += 1
  }

  private func take(_ row: Row, _ first: Int) throws {
    var model = first
    let continues = !startsAnew && row.index == lastIndex + 1 && !runs.isEmpty && runs[runs.count - 1].model == model && isSameUnit(row)
    if !continues { try begin(row, model) }
    lastIndex = row.index
    for cell in reader.cells {
      if cell.model != model {
        model = cell.model
        try begin(row, model)
      }
      CellRun.append(level: cell.level, UnsafePointer(reader.text.base) + cell.start, count: cell.count, to: cellBytes)
      runs[runs.count - 1].cells += 1
      seen.insert(model, cell.level)
    }
    runs[runs.count - 1].bytes = runs[runs.count - 1].bytes.lowerBound..<cellBytes.count
  }

  @inline(__always)
  private func span(_ row: Row, _ stretch: (first: Int, last: Int)) -> UnsafeBufferPointer<UInt8> {
    let first = row.raw(stretch.first)
    let last = row.raw(stretch.last)
    guard stretch.first != stretch.last else { return first }
    return UnsafeBufferPointer(start: first.baseAddress!, count: first.baseAddress!.distance(to: last.baseAddress!) + last.count)
  }

  private func isSameUnit(_ row: Row) -> Bool {
    guard let runRow else { return false }
    for stretch in stretches {
      let a = span(row, stretch)
      let b = span(runRow, stretch)
      if a.count != b.count || (a.count > 0 && memcmp(a.baseAddress!, b.baseAddress!, a.count) != 0) { return false }
    }
    return true
  }

  private func begin(_ row: Row, _ model: Int) throws {
    try truth?.check(row)
    let value = try target.map { try row.finiteNumber($0, numbers, reader.header) }
    let start = keys.count
    key.append(row, into: keys)
    let bytes = UnsafeBufferPointer(start: UnsafePointer(keys.base) + start, count: keys.count - start)
    runs.append(
      Run(hash: hash(bytes), key: start..<keys.count, row: handled, model: model, bytes: cellBytes.count..<cellBytes.count, cells: 0))
    if let value { CellRun.append(target: value, to: cellBytes) }
    if keepsRecords { CellRun.append(level: CellRun.record, row.record.baseAddress!, count: row.record.count, to: cellBytes) }
    runRow = row
  }

  /// Whether each row is a run of its own.
  private var startsAnew: Bool { linesPerCell == 0 || keepsRecords }

  override func commit(_ rows: Rows) throws {
    defer { reset() }
    try collector.rest.write(rows, restRows)
    restCount += restRows.count
    let lines = rows.lines()
    let input = collector.lineNumbers.input(rows.input)
    collector.expect(runs.map(\.hash))
    for run in runs {
      let key = UnsafeBufferPointer(start: UnsafePointer(keys.base) + run.key.lowerBound, count: run.key.count)
      let cells = UnsafeBufferPointer(start: UnsafePointer(cellBytes.base) + run.bytes.lowerBound, count: run.bytes.count)
      try collector.begin(key, run.hash, row: rows[run.row], number: UInt64(run.row))
      func code(_ row: Int) -> UInt64 { collector.lineNumbers.code(input: input, line: lines[row]) }
      let last = run.row + (run.cells - 1) * linesPerCell
      if lines[last] - lines[run.row] == last - run.row {
        try collector.add(CellRun(line: code(run.row), model: run.model, bytes: cells))
      } else {
        try addSingly(run, cells, code)
      }
    }
    try collector.endBlock(rows.count)
  }

  /// Where line ends in quotes lie between rows, each quantile is a run of its own, so that it knows its line.
  private func addSingly(_ run: Run, _ cells: UnsafeBufferPointer<UInt8>, _ code: (Int) -> UInt64) throws {
    var row = run.row
    let single = ByteBuffer(capacity: 64)
    var target: Double?
    try CellRun(line: 0, model: run.model, bytes: cells).forEach { level, text in
      if level == CellRun.target { return target = CellRun.number(text) }
      single.removeAll()
      if let target { CellRun.append(target: target, to: single) }
      CellRun.append(level: level, text.baseAddress!, count: text.count, to: single)
      try collector.add(CellRun(line: code(row), model: run.model, bytes: single.bytes))
      row += linesPerCell
    }
  }

  private func reset() {
    runs.removeAll(keepingCapacity: true)
    restRows.removeAll(keepingCapacity: true)
    runRow = nil
    lastIndex = -2
    keys.removeAll()
    cellBytes.removeAll()
    handled = 0
  }
}
