import FilterKit
import Groundwork
import Quantiles
import Tables

extension ReshapePlan {
  /// Rows become one a quantile, or lines one a model where `long` is nil: the nested format.
  func melt(_ long: LongShape?) throws {
    if case .columns(let groups, _) = source { try refuseNothing(picked(groups)) }
    func makeSink() -> RecordSink {
      RecordSink(long, pass: makePass(), vocabulary: vocabulary, hasModels: hasModels, lineEnd: writer.lineEnd(header))
    }
    let sink = makeSink()
    if let long {
      let hasTarget = target.column != nil || join != nil
      try writtenNames.check(sink.names, long, hasModels: hasModels, target: hasTarget ? target.name : nil)
      if long.target.isEmpty { warnOfTarget(long.name) }
    } else {
      try writtenNames.check(sink.names, NestedShape(), hasModels: hasModels)
    }
    try writeHeader(sink.writeHeader)
    let rest = try RestRows(path: flags.rest, header, session.reader.format)
    let observed = long?.target.isEmpty == false ? target.column : nil
    let (counts, workers) = try session.stream(header) { _ in
      MeltingWorker(reader: makeReader(), pass: makePass(), sink: makeSink(), target: observed, rest: rest)
    }
    try rest.close()
    var tally = Tally(rows: counts.read - counts.skipped, readers: workers.map(\.reader), rest: workers.reduce(0) { $0 + $1.restCount })
    tally.rows -= tally.rest
    tally.missing = workers.reduce(0) { $0 + $1.sink.missing }
    tally.empty = workers.reduce(0) { $0 + $1.sink.empty }
    tally.unmatched = workers.reduce(0) { $0 + $1.unmatched }
    tally.missedKey = workers.compactMap(\.pass.truth?.missed).min()
    try finish(counts, written: workers.reduce(0) { $0 + $1.sink.written }, tally)
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
