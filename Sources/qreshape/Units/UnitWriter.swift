import Groundwork
import Quantiles
import Tables

/// Quantiles of one model that stood in neighbouring rows, and the line of the first: for each the number of its level, the length of
/// its text (both in base 128, low digits first, the top bit set on all but the last) and the text.
struct CellRun {
  let line: UInt64
  let model: Int
  let bytes: UnsafeBufferPointer<UInt8>
  /// Stands where a level does before the bytes of the row itself, which is kept where bad rows are.
  static let record = 1 << 30

  /// Appends one quantile to bytes of this form.
  @inline(__always)
  static func append(level: Int, _ text: UnsafePointer<UInt8>, count: Int, to buffer: ByteBuffer) {
    appendNumber(level, to: buffer)
    appendNumber(count, to: buffer)
    buffer.append(text, count: count)
  }

  @inline(__always)
  private static func appendNumber(_ number: Int, to buffer: ByteBuffer) {
    var rest = number
    while rest > 127 {
      buffer.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    buffer.append(UInt8(rest))
  }

  @inline(__always)
  static func number(_ bytes: UnsafeBufferPointer<UInt8>, _ p: inout Int) -> Int {
    var value = 0
    var shift = 0
    while true {
      let byte = bytes[p]
      p += 1
      value |= Int(byte & 127) << shift
      if byte < 128 { return value }
      shift += 7
    }
  }

  /// Calls `body` for each quantile in order.
  @inline(__always)
  func forEach(_ body: (_ level: Int, _ text: UnsafeBufferPointer<UInt8>) throws -> Void) rethrows {
    var p = 0
    while p < bytes.count {
      let level = CellRun.number(bytes, &p)
      let count = CellRun.number(bytes, &p)
      try body(level, UnsafeBufferPointer(rebasing: bytes[p..<p + count]))
      p += count
    }
  }
}

/// Lines of several inputs as one number: which input, and which line.
final class LineNumbers {
  private var inputs: [String] = []

  /// The number of an input, of which all lines come before those of the next.
  func input(_ name: String) -> Int {
    if inputs.last != name { inputs.append(name) }
    return inputs.count - 1
  }

  func code(input: Int, line: Int) -> UInt64 { UInt64(input) << 40 | UInt64(line) }

  func place(_ code: UInt64) -> Failure.Place { Failure.Place(input: inputs[Int(code >> 40)], line: Int(code & (1 << 40 - 1))) }
}

/// Writes units whose quantiles are all known: a row a unit, or with the nested form a line a model.
final class UnitWriter {
  private let pass: PassWriter
  private let nested: RecordSink?
  private let vocabulary: Vocabulary
  private let columns: [(model: Int, level: Int)]
  /// `"name":` of each column, for NDJSON.
  private let keys: [[UInt8]]
  private let columnNames: [String]
  /// Column of each model and level.
  private let columnOf: [Int32]
  private let levelCount: Int
  private let lineEnd: [UInt8]
  private let lineNumbers: LineNumbers
  /// Rows that hold one more quantile each, or several.
  private let linesPerCell: UInt64
  private var texts: [UnsafeBufferPointer<UInt8>]
  private var lines: [UInt64]
  private var used: [Int32] = []
  private var cells: [CellReader.Cell] = []
  private let text = ByteBuffer()
  private(set) var written = 0
  private(set) var repeated = 0
  /// The first quantile that stood twice, where such rows are skipped.
  private(set) var firstRepeated: Failure?
  private let skips: Bool
  /// Keeps the row of a quantile that stood twice.
  private let reject: (UnsafeBufferPointer<UInt8>) throws -> Void

  init(
    columns: [(model: Int, level: Int)], names: [String], pass: PassWriter, nested: RecordSink?, vocabulary: Vocabulary, lineEnd: [UInt8], linesPerCell: Int,
    skips: Bool, reject: @escaping (UnsafeBufferPointer<UInt8>) throws -> Void, lineNumbers: LineNumbers
  ) {
    self.columns = columns
    self.pass = pass
    self.nested = nested
    self.vocabulary = vocabulary
    self.lineEnd = lineEnd
    self.linesPerCell = UInt64(linesPerCell)
    self.skips = skips
    self.reject = reject
    self.lineNumbers = lineNumbers
    columnNames = names
    keys = names.map { name in
      let buffer = ByteBuffer(capacity: 64)
      appendJSONString(name, to: buffer)
      return Array(buffer.bytes) + [UInt8(ascii: ":")]
    }
    levelCount = vocabulary.levels.count
    var columnOf = [Int32](repeating: -1, count: max(1, vocabulary.models.count * levelCount))
    for (i, column) in columns.enumerated() { columnOf[column.model * levelCount + column.level] = Int32(i) }
    self.columnOf = columnOf
    texts = Array(repeating: UnsafeBufferPointer(start: nil, count: 0), count: columns.count)
    lines = Array(repeating: 0, count: columns.count)
  }

  func writeHeader(into buffer: ByteBuffer) {
    if let nested { return nested.writeHeader(into: buffer) }
    guard !pass.writer.writesObjects else { return }
    pass.writeNames(into: buffer)
    for (i, name) in columnNames.enumerated() {
      if i > 0 || !pass.isEmpty { buffer.append(pass.writer.delimiter) }
      pass.writer.append(name, into: buffer)
    }
    buffer.append(lineEnd)
  }

  /// Takes quantiles of the unit that is written next. Throws where one is there already.
  func add(_ run: CellRun) throws {
    let base = run.model * levelCount
    var line = run.line
    if linesPerCell == 0, try refusesRow(run) { return }
    var record: UnsafeBufferPointer<UInt8>?
    try columnOf.withUnsafeBufferPointer { columnOf in
      try texts.withUnsafeMutableBufferPointer { texts in
        try run.forEach { level, text in
          if level == CellRun.record { return record = text }
          let column = Int(columnOf[base + level])
          if texts[column].baseAddress != nil {
            try refuse(column, line, record)
          } else {
            texts[column] = text
            lines[column] = line
            used.append(Int32(column))
          }
          line += linesPerCell
        }
      }
    }
  }

  /// Where a row holds several quantiles, none of them is taken if one is there already.
  private func refusesRow(_ run: CellRun) throws -> Bool {
    var repeatedColumn: Int?
    var record: UnsafeBufferPointer<UInt8>?
    run.forEach { level, text in
      if level == CellRun.record { return record = text }
      let column = Int(columnOf[run.model * levelCount + level])
      if repeatedColumn == nil, texts[column].baseAddress != nil { repeatedColumn = column }
    }
    if let repeatedColumn { try refuse(repeatedColumn, run.line, record) }
    return repeatedColumn != nil
  }

  private func refuse(_ column: Int, _ line: UInt64, _ record: UnsafeBufferPointer<UInt8>?) throws {
    let (model, level) = columns[column]
    let name = vocabulary.models[model]
    let (first, second) = (lineNumbers.place(lines[column]), lineNumbers.place(line))
    let failure = Failure(
      .badData, "the level \(levelText(vocabulary.levels[level]))\(name.isEmpty ? "" : " of model \"\(name)\"") stands twice for one unit, first in "
        + (first.input == second.input ? "" : "\(first.input!), ") + "line \(first.line!)", at: second, remedy: "drop one of the rows")
    guard skips else { throw failure }
    repeated += 1
    if firstRepeated == nil { firstRepeated = failure }
    if let record { try reject(record) }
  }

  /// Writes the unit with what passes through, and forgets it.
  func end(_ fields: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    defer {
      for column in used { texts[Int(column)] = UnsafeBufferPointer(start: nil, count: 0) }
      used.removeAll(keepingCapacity: true)
    }
    if let nested { return writeNested(nested, fields, buffer) }
    written += 1
    let writer = pass.writer
    if writer.writesObjects {
      buffer.append(UInt8(ascii: "{"))
      buffer.append(fields)
      for column in columns.indices {
        if column > 0 || fields.count > 0 { buffer.append(UInt8(ascii: ",")) }
        buffer.append(keys[column])
        if texts[column].count > 0 { buffer.append(texts[column]) } else { buffer.append("null") }
      }
      buffer.append(UInt8(ascii: "}"))
    } else {
      let delimiter = writer.delimiter
      buffer.append(fields)
      let isFirst = pass.isEmpty
      texts.withUnsafeBufferPointer { texts in
        for column in 0..<texts.count {
          if column > 0 || !isFirst { buffer.append(delimiter) }
          if let start = texts[column].baseAddress { buffer.append(start, count: texts[column].count) }
        }
      }
    }
    buffer.append(lineEnd)
  }

  private func writeNested(_ nested: RecordSink, _ fields: UnsafeBufferPointer<UInt8>, _ buffer: ByteBuffer) {
    cells.removeAll(keepingCapacity: true)
    text.removeAll()
    for column in used.sorted() {
      let cell = texts[Int(column)]
      cells.append(.init(model: columns[Int(column)].model, level: columns[Int(column)].level, start: text.count, count: cell.count, isMissing: false))
      text.append(cell)
    }
    let before = nested.written
    nested.write(fields, cells, text.bytes, into: buffer)
    written += nested.written - before
  }
}
