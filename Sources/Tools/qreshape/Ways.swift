import FilterKit
import Groundwork
import Quantiles
import Tables

/// The ways from a table to another: columns get other names, rows are taken apart, or they are brought together.
extension ReshapePlan {
  func run() throws {
    switch (source, shape) {
    case (.columns(let groups, _), .columns(let to)): try rename(groups, to)
    case (_, .long(let long)): try melt(long)
    case (.columns, .nested), (.nested, .nested): try melt(nil)
    case (_, .columns(let to)): try pivot(to)
    case (_, .nested): try pivot(nil)
    }
  }

  private func rename(_ groups: [QuantileGroup], _ to: any ColumnShape) throws {
    let kept = picked(groups)
    try refuseNothing(kept)
    let quantiles = kept.flatMap { group in zip(group.columns, group.levels).map { (column: $0, model: group.name, level: $1) } }
    try writtenNames.check(to)
    let names = try writtenNames.names(quantiles.map { ($0.model, $0.level) }, to)
    let newName = Dictionary(uniqueKeysWithValues: zip(quantiles.map(\.column), names))
    let passing = Set(passed)
    let columns = (0..<header.count).compactMap { column in
      newName[column].map { (column, $0) } ?? (passing.contains(column) ? (column, name(passed: column)) : nil)
    }
    let pass = makePass(columns)
    let copies = writer.input == writer.output && !writer.writesObjects && columns.count == header.count && join == nil
    try writeHeader(
      pass.writer.writesObjects
        ? nil
        : {
          pass.writeNames(into: $0); $0.append(writer.headerEnd(header))
        })
    var workers: [RenamingWorker] = []
    let counts = try session.stream(header) {
      let reader = ColumnCellReader(groups: kept, header: header, vocabulary: vocabulary, writer: writer)
      let worker = RenamingWorker(pass: makePass(columns), reader: reader, copiesRows: copies, lineEnd: writer.lineEnd(header))
      workers.append(worker)
      return worker
    }
    var tally = Tally(rows: counts.read - counts.skipped)
    tally.unmatched = workers.reduce(0) { $0 + $1.unmatched }
    tally.missedKey = workers.compactMap(\.pass.truth?.missed).min()
    try finish(counts, written: nil, tally)
  }

  /// `long` is nil for the nested format.
  private func melt(_ long: LongShape?) throws {
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
    var workers: [MeltingWorker] = []
    let observed = long?.target.isEmpty == false ? target.column : nil
    let counts = try session.stream(header) {
      let worker = MeltingWorker(reader: makeReader(), pass: makePass(), sink: makeSink(), target: observed, rest: rest)
      workers.append(worker)
      return worker
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

  /// `columns` is nil for the nested format.
  private func pivot(_ columns: (any ColumnShape)?) throws {
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
    var workers: [PivotWorker] = []
    var counts = try session.stream(header, writesRows: false) {
      let worker = PivotWorker(
        reader: makeReader(), collector: collector, key: FieldKey(columns: keyColumns), target: ownTarget,
        truth: join.flatMap { $0.fills == nil ? nil : TruthReader($0, header) }, format: session.reader.format, linesPerCell: linesPerCell,
        keepsRecords: session.policy.rejects != nil)
      workers.append(worker)
      return worker
    }
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

  private func writeHeader(_ write: ((ByteBuffer) -> Void)?) throws {
    guard let write, !session.options.noHeader else { return }
    let buffer = ByteBuffer()
    write(buffer)
    try session.output.write(lines: buffer.bytes)
  }
}
