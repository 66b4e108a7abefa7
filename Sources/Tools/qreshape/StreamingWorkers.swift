import Groundwork
import Tables

/// A table with a column a level, of which names change: rows pass, as they came wherever they can.
final class RenamingWorker: RowWorker {
  let pass: PassWriter
  let reader: CellReader
  private let copiesRows: Bool
  private let lineEnd: [UInt8]
  private(set) var unmatched = 0

  /// `copiesRows` where a row's bytes are those of the output. `reader` sees that what is called a quantile is one.
  init(pass: PassWriter, reader: CellReader, copiesRows: Bool, lineEnd: [UInt8]) {
    self.pass = pass
    self.reader = reader
    self.copiesRows = copiesRows
    self.lineEnd = lineEnd
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    _ = try reader.read(row)
    try pass.truth?.check(row)
    if copiesRows { return output.append(row.record) }
    if pass.writer.writesObjects { output.append(UInt8(ascii: "{")) }
    if !pass.write(row, into: output) { unmatched += 1 }
    if pass.writer.writesObjects { output.append(UInt8(ascii: "}")) }
    output.append(lineEnd)
  }
}

/// A table that becomes one with a row a quantile, or a line a model: each row by itself.
final class MeltingWorker: RowWorker {
  let reader: CellReader
  let sink: RecordSink
  let pass: PassWriter
  /// Read where the output says what was observed.
  private let target: Int?
  private let rest: RestRows
  private let numbers = NumberReader()
  private let fields = ByteBuffer(capacity: 1 << 10)
  private var handled = 0
  private var restRows: [Int] = []
  private(set) var restCount = 0
  private(set) var unmatched = 0

  init(reader: CellReader, pass: PassWriter, sink: RecordSink, target: Int?, rest: RestRows) {
    self.reader = reader
    self.pass = pass
    self.sink = sink
    self.target = target
    self.rest = rest
  }

  override func begin(input: String) { reader.begin(input: input) }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    if try reader.read(row) {
      try check(row)
      fields.removeAll()
      if !pass.write(row, into: fields) { unmatched += 1 }
      if let model = reader.emptyModel { sink.writeEmpty(fields.bytes, model: model, into: output) }
      sink.write(fields.bytes, reader.cells, reader.text.bytes, into: output)
    } else {
      restRows.append(handled)
    }
    handled += 1
  }

  private func check(_ row: Row) throws {
    if let target {
      do { _ = try row.finiteNumber(target, numbers, reader.header) } catch var failure as Failure {
        failure.remedy = "observed values are numbers: name their column with -y, or rename this one"
        throw failure
      }
    }
    try pass.truth?.check(row)
  }

  override func commit(_ rows: Rows) throws {
    try rest.write(rows, restRows)
    restCount += restRows.count
    restRows.removeAll(keepingCapacity: true)
    handled = 0
  }
}
