import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// One run: what is read, what is written, and the way between.
struct ReshapePlan {
  private let flags: QReshape
  private let session: FilterSession
  private let header: Header
  private let source: Source
  private let shape: Shape
  private let vocabulary: Vocabulary
  private let writer: FieldWriter
  private let onlyModels: [String]?
  private let onlyLevels: [Double]?
  private let target: Int?
  private let truth: (table: TruthTable, key: FieldKey, name: String)?
  private let unnamed: String

  init(_ flags: QReshape, _ session: FilterSession, _ header: Header, from told: Shape?, to shape: Shape) throws {
    self.flags = flags
    self.session = session
    self.header = header
    self.shape = shape
    unnamed = flags.unnamed ?? ""
    onlyModels = flags.models.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    onlyLevels = try flags.levels.map(Levels.parse)
    source = try Source.find(told, session, header, levels: onlyLevels)
    vocabulary = Vocabulary(models: onlyModels, levels: onlyLevels, unnamed: unnamed)
    writer = FieldWriter(input: session.reader.format, output: try ReshapePlan.outputFormat(session, shape))
    target = try ReshapePlan.target(flags, session, header, source, shape)
    truth = try ReshapePlan.truth(flags, session, header, source, shape, target, writer.output)
    if flags.rest != nil {
      guard case .long(let columns, _) = source, columns.outputType != nil else { throw Failure(.usage, "--rest is for the format hub, whose rows have an output type") }
    }
    if let onlyModels, Set(onlyModels).count < onlyModels.count { throw Failure(.usage, "--models \(flags.models!): a name stands twice") }
  }

  private static func outputFormat(_ session: FilterSession, _ shape: Shape) throws -> TableFormat {
    guard case .nested = shape else { return session.outputFormat }
    if let output = session.options.output, output != .ndjson { throw Failure(.usage, "--to nested writes ndjson, not \(output.rawValue)") }
    return .ndjson
  }

  /// The column of observed values, where it has another name in the output or does not tell units apart.
  private static func target(_ flags: QReshape, _ session: FilterSession, _ header: Header, _ source: Source, _ shape: Shape) throws -> Int? {
    if case .long(let columns, _) = source, let target = columns.target { return target }
    let owned = Set(source.owned)
    if let name = flags.target, let column = header.index(of: name) {
      if owned.contains(column) { throw Failure(.usage, "-y names \"\(name)\", which has another role") }
      return column
    }
    guard flags.truth == nil, case .long(let long) = shape, !long.target.isEmpty else { return nil }
    return try session.targetColumn(header, named: nil).flatMap { owned.contains($0) ? nil : $0 }
  }

  private static func truth(
    _ flags: QReshape, _ session: FilterSession, _ header: Header, _ source: Source, _ shape: Shape, _ target: Int?, _ output: TableFormat
  ) throws -> (TruthTable, FieldKey, String)? {
    guard let path = flags.truth, let on = flags.on else {
      if let name = flags.target, target == nil { _ = try session.column(header, name) }
      return nil
    }
    if let target { throw session.failure("the column \"\(header.names[target])\" holds observed values already", remedy: "drop it, or leave out --truth") }
    let columns = try session.columns(header, nameList(on))
    if let owned = columns.first(where: { source.owned.contains($0) }) { throw Failure(.usage, "--on names \"\(header.names[owned])\", which is not the same in all rows of a unit") }
    let table = try TruthTable(path, on: nameList(on), target: flags.target, output: output)
    return (table, FieldKey(columns: columns), targetName(shape) ?? flags.target ?? "observation")
  }

  private static func targetName(_ shape: Shape) -> String? {
    if case .long(let long) = shape { return long.target.first }
    return nil
  }

  // MARK: What is written

  private var passed: [Int] {
    let owned = Set(source.owned)
    return (0..<header.count).filter { !owned.contains($0) }
  }

  private func name(passed column: Int) -> String {
    guard column == target else { return header.names[column] }
    if let name = ReshapePlan.targetName(shape) ?? flags.target { return name }
    // A name that no filter takes for a target's becomes one.
    return FilterSession.targetNames.contains(header.names[column]) ? header.names[column] : "observed"
  }

  private func makePass(_ columns: [(column: Int, name: String)]? = nil) -> PassWriter {
    PassWriter(header: header, writer: writer, columns: columns ?? passed.map { ($0, name(passed: $0)) }, truth: truth)
  }

  private func makeReader() -> CellReader {
    switch source {
    case .columns(let groups, _): ColumnCellReader(groups: picked(groups), header: header, vocabulary: vocabulary, writer: writer)
    case .long(let columns, _): LongCellReader(columns: columns, header: header, vocabulary: vocabulary, writer: writer)
    case .nested(let columns, _): NestedCellReader(columns: columns, header: header, vocabulary: vocabulary, writer: writer)
    }
  }

  /// The groups of the header that were asked for, as they are called in the output.
  private func picked(_ groups: [QuantileGroup]) -> [QuantileGroup] {
    let keys = onlyLevels.map { Set($0.map(Levels.key)) }
    return groups.compactMap { group in
      let name = group.name.isEmpty ? unnamed : group.name
      if let onlyModels, !onlyModels.contains(name) { return nil }
      let kept = group.levels.indices.filter { keys?.contains(Levels.key(group.levels[$0])) ?? true }
      return kept.isEmpty ? nil : QuantileGroup(name: name, levels: kept.map { group.levels[$0] }, columns: kept.map { group.columns[$0] })
    }
  }

  /// Whether rows of the output name their model.
  private var hasModels: Bool {
    switch source {
    case .columns(let groups, _): picked(groups).contains { !$0.name.isEmpty }
    case .long(let columns, _): columns.model != nil || columns.filesNameModels || !unnamed.isEmpty
    case .nested(let columns, _): columns.model != nil || !unnamed.isEmpty
    }
  }

  private func refuseRepetition(_ names: [String]) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw session.failure("the output would have two columns \"\(name)\"", remedy: "rename one in the input")
    }
  }

  /// A column that passes through must not be taken for a quantile's.
  private func checkPassed(_ names: [String]) throws {
    guard case .columns(let columns) = shape else { return }
    for name in names where (try? columns.parse(name, input: session.inputName)) ?? nil != nil {
      throw session.failure("the column would be read as quantiles in the format \(columns.name)", column: name, remedy: "rename it")
    }
  }

  private func columnNames(_ columns: [(model: String, level: Double)], _ shape: any ColumnShape) throws -> [String] {
    if !shape.namesModels {
      let models = Set(columns.map(\.model))
      if models.count > 1 { throw Failure(.usage, "\(shape.name) holds one model, and there are \(models.count)", remedy: "choose one with --models") }
      if let model = models.first, !model.isEmpty { session.diagnostics.warn("\(shape.name) does not hold the model's name, \(model)") }
    }
    return try columns.map { model, level in
      let name = try shape.columnName(model, level)
      guard !shape.namesModels || (try? shape.parse(name, input: ""))??.model == model else {
        throw shape.cannotHold("the model \"\(printable(model))\"", remedy: "its columns would be read as another model's")
      }
      return name
    }
  }

  // MARK: The ways

  func run() throws {
    switch (source, shape) {
    case (.columns(let groups, let from), .columns(let to)): try rename(groups, from, to)
    case (_, .long(let long)): try melt(long)
    case (.columns, .nested), (.nested, .nested): try melt(nil)
    case (_, .columns(let to)): try pivot(to)
    case (_, .nested): try pivot(nil)
    }
  }

  private func rename(_ groups: [QuantileGroup], _ from: any ColumnShape, _ to: any ColumnShape) throws {
    let kept = picked(groups)
    try refuseNothing(kept)
    let quantiles = kept.flatMap { group in zip(group.columns, group.levels).map { (column: $0, model: group.name, level: $1) } }
    let names = try columnNames(quantiles.map { ($0.model, $0.level) }, to)
    let newName = Dictionary(uniqueKeysWithValues: zip(quantiles.map(\.column), names))
    let dropped = Set(groups.flatMap(\.columns)).subtracting(newName.keys)
    let columns = (0..<header.count).filter { !dropped.contains($0) }.map { ($0, newName[$0] ?? name(passed: $0)) }
    try checkPassed(passed.map(name(passed:)) + (truth.map { [$0.name] } ?? []))
    let pass = makePass(columns)
    try refuseRepetition(pass.names)
    let copies = writer.input == writer.output && !writer.writesObjects && dropped.isEmpty && truth == nil
    try writeHeader(pass.writer.writesObjects ? nil : { pass.writeNames(into: $0); $0.append(writer.headerEnd(header)) })
    var workers: [RenamingWorker] = []
    let counts = try session.stream(header) {
      let reader = ColumnCellReader(groups: kept, header: header, vocabulary: vocabulary, writer: writer)
      let worker = RenamingWorker(pass: makePass(columns), reader: reader, copiesRows: copies, lineEnd: writer.lineEnd(header))
      workers.append(worker)
      return worker
    }
    try session.finish(counts)
    report(unmatched: workers.reduce(0) { $0 + $1.unmatched }, of: counts.read - counts.skipped)
  }

  private func melt(_ long: LongShape?) throws {
    if case .columns(let groups, _) = source { try refuseNothing(picked(groups)) }
    func makeSink() -> RecordSink { RecordSink(long, pass: makePass(), vocabulary: vocabulary, hasModels: hasModels, lineEnd: writer.lineEnd(header)) }
    let sink = makeSink()
    try refuseRepetition(sink.names)
    try writeHeader(sink.writeHeader)
    let rest = try RestRows(path: flags.rest, header, session.reader.format)
    var workers: [MeltingWorker] = []
    var counts = try session.stream(header) {
      let worker = MeltingWorker(reader: makeReader(), pass: makePass(), sink: makeSink(), rest: rest)
      workers.append(worker)
      return worker
    }
    try rest.close()
    let restCount = workers.reduce(0) { $0 + $1.restCount }
    try session.finish(counts, written: workers.reduce(0) { $0 + $1.sink.written })
    report(workers.map(\.reader), rest: restCount)
    let missing = workers.reduce(0) { $0 + $1.sink.missing }
    if missing > 0 { session.diagnostics.warn("\(missing) quantile\(missing == 1 ? " has" : "s have") no value and \(missing == 1 ? "is" : "are") left out") }
    counts.read -= counts.skipped + restCount
    report(unmatched: workers.reduce(0) { $0 + $1.unmatched }, of: counts.read)
  }

  private func pivot(_ columns: (any ColumnShape)?) throws {
    let pass = makePass()
    try checkPassed(pass.names)
    let rest = try RestRows(path: flags.rest, header, session.reader.format)
    let linesPerCell: Int
    if case .long = source { linesPerCell = 1 } else { linesPerCell = 0 }
    let lineNumbers = LineNumbers()
    let recordEnd = FieldWriter(input: session.reader.format, output: session.reader.format).lineEnd(header)
    func reject(_ record: UnsafeBufferPointer<UInt8>) throws { try session.policy.rejects?.write(lines: record, lineEnd: recordEnd) }
    func makeWriter(_ known: [(model: Int, level: Int)]) throws -> UnitWriter {
      let names = try columns.map { shape -> [String] in
        let (models, levels) = (vocabulary.models, vocabulary.levels)
        return try columnNames(known.map { (models[$0.model], levels[$0.level]) }, shape)
      } ?? []
      if columns != nil { try refuseRepetition(pass.names + names) }
      let nested = columns == nil ? RecordSink(nil, pass: pass, vocabulary: vocabulary, hasModels: hasModels, lineEnd: writer.lineEnd(header)) : nil
      if let nested { try refuseRepetition(nested.names) }
      return UnitWriter(
        columns: known, names: names, pass: pass, nested: nested, vocabulary: vocabulary, lineEnd: writer.lineEnd(header), linesPerCell: linesPerCell,
        skips: session.policy.skips, reject: reject, lineNumbers: lineNumbers)
    }
    let isKnown = flags.sorted && onlyModels != nil && onlyLevels != nil
    let collector = UnitCollector(
      pass: pass, rest: rest, lineNumbers: lineNumbers, memory: flags.memory.flatMap(LearningOptions.bytes) ?? 1 << 30, isSorted: flags.sorted,
      writer: isKnown ? try makeWriter(knownColumns(seen: [], order: [])) : nil, output: session.output)
    try collector.writeHeader(unless: session.options.noHeader)
    var targetColumn: Int?
    if case .long(let long, _) = source { targetColumn = long.target }
    let keyColumns = passed.filter { $0 != targetColumn }
    var workers: [PivotWorker] = []
    var counts = try session.stream(header, writesRows: false) {
      let worker = PivotWorker(
        reader: makeReader(), collector: collector, key: FieldKey(columns: keyColumns), target: targetColumn, format: session.reader.format, linesPerCell: linesPerCell,
        keepsRecords: session.policy.rejects != nil)
      workers.append(worker)
      return worker
    }
    let last = try collector.finish(noHeader: session.options.noHeader) {
      try makeWriter(knownColumns(seen: workers.map(\.seen), order: collector.models))
    }
    try rest.close()
    counts.skipped += last.repeated
    counts.firstSkipped = [counts.firstSkipped, last.firstRepeated].compactMap { $0 }.min { order($0.place) < order($1.place) }
    try session.finish(counts, written: last.written)
    report(workers.map(\.reader), rest: workers.reduce(0) { $0 + $1.restCount })
    report(unmatched: collector.unmatched, of: collector.units)
  }

  /// Where a place comes in the input.
  private func order(_ place: Failure.Place) -> (file: Int, line: Int) {
    (session.options.files.firstIndex { $0 == place.input } ?? 0, place.line ?? 0)
  }

  /// The columns of a table that was long: models as told, or in the order in which they came, levels as told, or those that came.
  private func knownColumns(seen: [[[Bool]]], order: [Int]) -> [(model: Int, level: Int)] {
    let models = onlyModels.map { $0.map { vocabulary.model($0) } } ?? order
    let values = vocabulary.levels
    let levels = values.indices.sorted { values[$0] < values[$1] }
    return models.flatMap { model in
      levels.filter { level in
        onlyLevels != nil || seen.contains { model < $0.count && level < $0[model].count && $0[model][level] }
      }.map { (model, $0) }
    }
  }

  private func writeHeader(_ write: ((ByteBuffer) -> Void)?) throws {
    guard let write, !session.options.noHeader else { return }
    let buffer = ByteBuffer()
    write(buffer)
    try session.output.write(lines: buffer.bytes)
  }

  private func refuseNothing(_ groups: [QuantileGroup]) throws {
    guard groups.isEmpty, case .columns(let all, _) = source else { return }
    throw session.failure("no quantile columns of these models and levels", remedy: suggestion(for: onlyModels?.first ?? "", among: all.map(\.name)))
  }

  // MARK: What is told

  private func report(unmatched: Int, of all: Int) {
    guard unmatched > 0 else { return }
    session.diagnostics.warn("\(unmatched) of \(all) row\(all == 1 ? "" : "s") found no observed value")
  }

  private func report(_ readers: [CellReader], rest: Int) {
    let leftOut = readers.reduce(0) { $0 + $1.leftOut }
    if leftOut > 0 { session.diagnostics.note("\(leftOut) quantile\(leftOut == 1 ? "" : "s") of other models or levels left out") }
    guard rest > 0 else { return }
    var types: [String: Int] = [:]
    for case let reader as LongCellReader in readers { types.merge(reader.otherTypes) { $0 + $1 } }
    let list = types.sorted { $0.key < $1.key }.map { "\($0.value) \(printable($0.key))" }.joined(separator: ", ")
    session.diagnostics.warn("\(rest) row\(rest == 1 ? "" : "s") of other output types \(flags.rest == nil ? "left out" : "kept in \(flags.rest!)"): \(list)")
  }

  var explanation: [(String, String)] {
    var lines = [("from", source.name), ("to", shape.name)]
    func names(_ columns: [Int]) -> String { columns.map { header.names[$0] }.joined(separator: ",") }
    if let target { lines.append(("target", header.names[target])) }
    if let truth { lines.append(("truth", "\(truth.table.column) of \(flags.truth!) as \(truth.name), on \(names(truth.key.columns))")) }
    lines.append(("passed", names(passed.filter { $0 != target })))
    switch source {
    case .columns(let groups, _): lines += session.explanation(of: picked(groups))
    case .long(let columns, _):
      lines += [("model", columns.model.map { header.names[$0] } ?? (columns.filesNameModels ? "(the file's name)" : "(none)")), ("level", header.names[columns.level]), ("value", header.names[columns.value])]
    case .nested(let columns, _):
      lines += [("model", columns.model.map { header.names[$0] } ?? "(none)"), ("level", columns.levels.map { header.names[$0] } ?? "(keys)"), ("value", header.names[columns.values])]
    }
    return lines
  }
}
