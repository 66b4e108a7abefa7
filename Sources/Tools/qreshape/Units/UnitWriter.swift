import Groundwork
import Quantiles
import Tables

/// Writes units whose quantiles are all known: a row a unit, or with the nested form a line a model.
final class UnitWriter {
  private let pass: PassWriter
  private let nested: RecordSink?
  private let vocabulary: Vocabulary
  private let columns: [(model: Int, level: Int)]
  /// `"name":` of each column, for NDJSON.
  private let keys: [[UInt8]]
  private let columnNames: [String]
  private let columnOf: ColumnPlaces
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
  /// Rows that were refused, where such rows are skipped, and the first of them.
  private(set) var refused = 0
  private(set) var firstRefused: Failure?
  private var firstRefusedLine: UInt64 = 0
  /// Of the unit that is written next.
  private var target: Double?
  private let targetName: String?
  private let skips: Bool
  /// Keeps a row that was refused.
  private let reject: (UnsafeBufferPointer<UInt8>) throws -> Void

  init(
    columns: [(model: Int, level: Int)], names: [String], pass: PassWriter, nested: RecordSink?, vocabulary: Vocabulary, lineEnd: [UInt8],
    linesPerCell: Int,
    targetName: String?, skips: Bool, reject: @escaping (UnsafeBufferPointer<UInt8>) throws -> Void, lineNumbers: LineNumbers
  ) {
    self.columns = columns
    self.pass = pass
    self.nested = nested
    self.vocabulary = vocabulary
    self.lineEnd = lineEnd
    self.linesPerCell = UInt64(linesPerCell)
    self.targetName = targetName
    self.skips = skips
    self.reject = reject
    self.lineNumbers = lineNumbers
    columnNames = names
    keys = names.map(jsonKey)
    columnOf = ColumnPlaces(columns, models: vocabulary.models.count, levels: vocabulary.levels.count)
    texts = Array(repeating: UnsafeBufferPointer(start: nil, count: 0), count: columns.count)
    lines = Array(repeating: 0, count: columns.count)
  }

  func writeHeader(into buffer: ByteBuffer) {
    if let nested { return nested.writeHeader(into: buffer) }
    guard !pass.writer.writesObjects, !pass.isEmpty || !columnNames.isEmpty else { return }
    pass.writeNames(into: buffer)
    for (i, name) in columnNames.enumerated() {
      if i > 0 || !pass.isEmpty { buffer.append(pass.writer.delimiter) }
      pass.writer.append(name, into: buffer)
    }
    buffer.append(lineEnd)
  }

  /// Takes quantiles of the unit that is written next. Throws, or refuses the rows, where one is there already or the rows have
  /// another target.
  func add(_ run: CellRun) throws {
    var line = run.line
    if linesPerCell == 0, try refusesRow(run) { return }
    var record: UnsafeBufferPointer<UInt8>?
    var other: Failure?
    let places = columnOf
    try texts.withUnsafeMutableBufferPointer { texts in
      try run.forEach { level, text in
        if level >= CellRun.record {
          if level == CellRun.record { record = text } else { other = otherTarget(CellRun.number(text), line) }
          return
        }
        let column = places[run.model, level]
        if other == nil, texts[column].baseAddress == nil {
          texts[column] = text
          lines[column] = line
          used.append(Int32(column))
        } else {
          try refuse(other ?? repetition(column, line), line, record)
        }
        line += linesPerCell
      }
    }
  }

  /// Where a row holds several quantiles, none of them is taken if one is there already.
  private func refusesRow(_ run: CellRun) throws -> Bool {
    var repeatedColumn: Int?
    var record: UnsafeBufferPointer<UInt8>?
    run.forEach { level, text in
      if level == CellRun.record { return record = text }
      let column = columnOf[run.model, level]
      if repeatedColumn == nil, texts[column].baseAddress != nil { repeatedColumn = column }
    }
    if let repeatedColumn { try refuse(repetition(repeatedColumn, run.line), run.line, record) }
    return repeatedColumn != nil
  }

  /// A unit has one target, however it is written; −0 is 0.
  private func otherTarget(_ value: Double, _ line: UInt64) -> Failure? {
    guard let known = target else {
      target = value
      return nil
    }
    if known == value || (known.isNaN && value.isNaN) { return nil }
    let values = [known, value].map { $0.isNaN ? "missing" : shortestText($0) }
    var place = lineNumbers.place(line)
    place.column = targetName
    return Failure(
      .badData, "a unit has two targets, \(values[0]) and \(values[1])", at: place, remedy: "a column may be missing that tells units apart")
  }

  private func repetition(_ column: Int, _ line: UInt64) -> Failure {
    let (model, level) = columns[column]
    let name = vocabulary.models[model]
    let (first, second) = (lineNumbers.place(lines[column]), lineNumbers.place(line))
    return Failure(
      .badData,
      "the level \(levelText(vocabulary.levels[level]))\(name.isEmpty ? "" : " of model \"\(name)\"") stands twice for one unit, first in "
        + (first.input == second.input ? "" : "\(first.input!), ") + "line \(first.line!)", at: second, remedy: "drop one of the rows")
  }

  private func refuse(_ failure: @autoclosure () -> Failure, _ line: UInt64, _ record: UnsafeBufferPointer<UInt8>?) throws {
    guard skips else { throw failure() }
    refused += 1
    if firstRefused == nil || line < firstRefusedLine {
      firstRefused = failure()
      firstRefusedLine = line
    }
    if let record { try reject(record) }
  }

  /// Writes the unit with what passes through, and forgets it.
  func end(_ fields: UnsafeBufferPointer<UInt8>, into buffer: ByteBuffer) {
    defer {
      for column in used { texts[Int(column)] = UnsafeBufferPointer(start: nil, count: 0) }
      used.removeAll(keepingCapacity: true)
      target = nil
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
      cells.append(
        .init(model: columns[Int(column)].model, level: columns[Int(column)].level, start: text.count, count: cell.count, isMissing: false))
      text.append(cell)
    }
    let before = nested.written
    nested.write(fields, cells, text.bytes, into: buffer)
    written += nested.written - before
  }
}
