import Tables

/// Brings together what belongs to one unit, and writes units when they are complete: at the end, or where the input promises that
/// a unit's rows stand together, as soon as the next begins, if the columns are known by then.
final class UnitCollector {
  let rest: RestRows
  let lineNumbers: LineNumbers
  private let pass: PassWriter
  private let store: UnitStore
  /// Where a unit's rows stand together: complete units that wait for the columns to be known.
  private let complete: OrderedUnits?
  /// Where the columns are known: writes at once.
  private let writer: UnitWriter?
  private let output: OutputFile
  private let buffer = ByteBuffer()
  private let scratch = ByteBuffer(capacity: 1 << 10)
  private var rowsBefore: UInt64 = 0
  private var current = 0
  private var isKnown: [Bool] = []
  /// Models in the order of their first rows.
  private(set) var models: [Int] = []
  private(set) var units = 0
  private(set) var unmatched = 0

  /// `writer` writes units at once, where the columns are known and rows of a unit stand together.
  init(pass: PassWriter, rest: RestRows, lineNumbers: LineNumbers, memory: Int, isSorted: Bool, writer: UnitWriter?, output: OutputFile) {
    self.pass = pass
    self.rest = rest
    self.lineNumbers = lineNumbers
    self.writer = writer
    self.output = output
    store = UnitStore(memoryLimit: memory)
    complete = isSorted ? OrderedUnits(memoryLimit: memory) : nil
  }

  /// Turns to the unit of a key; `row` is one of its rows, `number` the row's in its block.
  func begin(_ key: UnsafeBufferPointer<UInt8>, _ hash: UInt64, row: Row, number: UInt64) throws {
    if complete != nil, store.count == 1, UnitRecord.compare(store.unit(0).keyBytes, key) != 0 { try completeUnit() }
    current = try store.find(key, hash) {
      scratch.removeAll()
      let isMatched = pass.write(row, into: scratch)
      let isKey = UnitRecord.compare(scratch.bytes, key) == 0
      return UnitStore.Unit(
        hash: hash, first: rowsBefore + number, key: try store.keep(key, pass: isKey ? nil : scratch.bytes), keyCount: key.count,
        passCount: isKey ? -1 : scratch.count, isMatched: isMatched, head: nil, tail: nil)
    }
  }

  /// Says which units a block is about.
  func expect(_ hashes: [UInt64]) { store.warm(hashes) }

  /// Adds quantiles to the unit.
  func add(_ run: CellRun) throws {
    if run.model >= isKnown.count || !isKnown[run.model] {
      while isKnown.count <= run.model { isKnown.append(false) }
      isKnown[run.model] = true
      models.append(run.model)
    }
    try store.append(run, to: current)
  }

  func endBlock(_ rows: Int) throws {
    rowsBefore += UInt64(rows)
    if buffer.count > 0 { try flush() }
    if complete == nil { try store.spillIfNeeded() }
  }

  private func completeUnit() throws {
    let unit = store.unit(0)
    if let writer {
      try unit.forEachRun { try writer.add($0) }
      units += 1
      if !unit.isMatched { unmatched += 1 }
      writer.end(unit.pass, into: buffer)
    } else {
      try complete!.append { buffer in
        UnitRecord.begin(
          order: unit.first, first: unit.first, isMatched: unit.isMatched, tie: UnsafeBufferPointer(start: nil, count: 0), pass: unit.pass, in: buffer
        )
        unit.forEachRun { UnitRecord.append($0, to: buffer) }
      }
    }
    store.removeAll()
  }

  /// Where the columns are known, writes their names.
  func writeHeader(unless noHeader: Bool) throws {
    guard let writer, !noHeader else { return }
    writer.writeHeader(into: buffer)
    try flush()
  }

  /// Writes what has not been written, with a writer that knows all columns.
  func finish(noHeader: Bool, _ last: () throws -> UnitWriter) throws -> UnitWriter {
    if complete != nil, store.count == 1 { try completeUnit() }
    if let writer {
      try flush()
      return writer
    }
    let writer = try last()
    if !noHeader { writer.writeHeader(into: buffer) }
    func write(_ pass: UnsafeBufferPointer<UInt8>, _ isMatched: Bool, _ runs: ((CellRun) throws -> Void) throws -> Void) throws {
      do { try runs { try writer.add($0) } } catch {
        try flush()
        throw error
      }
      units += 1
      if !isMatched { unmatched += 1 }
      writer.end(pass, into: buffer)
      if buffer.count > 1 << 18 { try flush() }
    }
    if let complete { try complete.forEach(write) } else { try store.forEach(write) }
    try flush()
    return writer
  }

  private func flush() throws {
    try output.write(lines: buffer.bytes)
    buffer.removeAll()
  }
}
