import FilterKit
import Groundwork
import Quantiles
import Tables

extension ReshapePlan {
  /// Rows of one unit become one, or a line a model where `columns` is nil: the nested format.
  func pivot(_ columns: (any ColumnShape)?) throws {
    let pass = makePass()
    if let columns { try writtenNames.check(columns) }
    let rest = try RestRows(path: flags.rest, header, session.reader.format)
    var ownTarget: Int?
    var linesPerCell = 0
    if case .long(let long, _) = source {
      ownTarget = passed.contains(long.target ?? -1) ? long.target : nil
      linesPerCell = 1
    }
    let lineNumbers = LineNumbers()
    let recordEnd = FieldWriter(input: session.reader.format, output: session.reader.format).lineEnd(header)
    func reject(_ record: UnsafeBufferPointer<UInt8>) throws { try session.policy.rejects?.write(lines: record, lineEnd: recordEnd) }
    func makeWriter(_ known: [(model: Int, level: Int)]) throws -> UnitWriter {
      let (models, levels) = (vocabulary.models, vocabulary.levels)
      let names = try columns.map { try writtenNames.names(known.map { (models[$0.model], levels[$0.level]) }, $0) } ?? []
      let nested = columns == nil ? RecordSink(nil, pass: pass, vocabulary: vocabulary, hasModels: hasModels, lineEnd: writer.lineEnd(header)) : nil
      if let nested { try writtenNames.check(nested.names, NestedShape(), hasModels: hasModels) }
      return UnitWriter(
        columns: known, names: names, pass: pass, nested: nested, vocabulary: vocabulary, lineEnd: writer.lineEnd(header), linesPerCell: linesPerCell,
        targetName: ownTarget.map { header.names[$0] }, skips: session.policy.skips, reject: reject, lineNumbers: lineNumbers)
    }
    let isKnown = flags.sorted && vocabulary.onlyModels != nil && vocabulary.onlyLevels != nil
    let collector = UnitCollector(
      pass: pass, rest: rest, lineNumbers: lineNumbers, memory: flags.memory.flatMap(LearningOptions.bytes) ?? 1 << 30, isSorted: flags.sorted,
      writer: isKnown ? try makeWriter(knownColumns(seen: [], order: [])) : nil, output: session.output)
    try collector.writeHeader(unless: session.options.noHeader)
    let keyColumns = passed.filter { $0 != ownTarget }
    let streamed = try session.stream(header, writesRows: false) { _ in
      PivotWorker(
        reader: makeReader(), collector: collector, key: FieldKey(columns: keyColumns), target: ownTarget,
        truth: join.flatMap { $0.fills == nil ? nil : TruthReader($0, header) }, format: session.reader.format, linesPerCell: linesPerCell,
        keepsRecords: session.policy.rejects != nil)
    }
    var counts = streamed.counts
    let workers = streamed.workers
    var tally = Tally(rows: 0, readers: workers.map(\.reader), rest: workers.reduce(0) { $0 + $1.restCount })
    try refuseNothing(tally)
    try refuseMerging()
    let last = try collector.finish(noHeader: session.options.noHeader) {
      try makeWriter(knownColumns(seen: workers.map(\.seen), order: collector.models))
    }
    try rest.close()
    counts.skipped += last.refused
    counts.firstSkipped = [counts.firstSkipped, last.firstRefused].compactMap { $0 }.min { order($0.place) < order($1.place) }
    tally.rows = collector.units
    tally.unmatched = collector.unmatched
    tally.missedKey = pass.truth?.missed
    try finish(counts, written: last.written, tally)
    warnOfRowNumbers(tally)
  }

  /// Where a place comes in the input.
  private func order(_ place: Failure.Place) -> (file: Int, line: Int) {
    (session.options.files.firstIndex { $0 == place.input } ?? 0, place.line ?? 0)
  }

  /// The columns of a table that was long: models as told, or in the order in which they came, levels as told, or those that came.
  private func knownColumns(seen: [ModelLevels], order: [Int]) -> [(model: Int, level: Int)] {
    let values = vocabulary.levels
    let levels = values.indices.sorted { values[$0] < values[$1] }
    return (vocabulary.toldModels ?? order).flatMap { model in
      levels.filter { level in vocabulary.onlyLevels != nil || seen.contains { $0.contains(model, level) } }.map { (model, $0) }
    }
  }
}
