import FilterKit
import Groundwork
import Quantiles
import Tables

/// One run: what is read, what is written, and how columns are called on the way.
struct ReshapePlan {
  let flags: QReshape
  let session: FilterSession
  let header: Header
  let source: Source
  let shape: Shape
  let vocabulary: Vocabulary
  let writer: FieldWriter
  let target: TargetRole
  let join: TruthJoin?
  /// Columns that pass through, and tell the rows of a unit.
  let passed: [Int]
  /// Those of them that are left out of the output.
  let dropped: Set<Int>

  init(_ flags: QReshape, _ session: FilterSession, _ header: Header, from told: Shape?, to shape: Shape) throws {
    self.flags = flags
    self.session = session
    self.header = header
    self.shape = shape
    let levels = try flags.levels.map(Levels.parse)
    let models = ReshapePlan.names(flags.models)
    let unnamed = flags.unnamed ?? ""
    let wanted = Source.Wanted(
      isModel: { name in models.map { $0.contains(name) || (name.isEmpty && $0.contains(unnamed)) } ?? true }, levels: levels)
    source = try Source.find(told, session, header, wanted)
    vocabulary = Vocabulary(models: models, levels: levels, unnamed: unnamed)
    writer = FieldWriter(input: session.reader.format, output: try ReshapePlan.outputFormat(session, shape))
    let owned = Set(source.owned)
    let excluded = Set(try session.columns(header, ReshapePlan.names(flags.exclude) ?? []))
    if let column = excluded.first(where: owned.contains) {
      throw Failure(.usage, "--exclude names \"\(header.names[column])\", which holds the forecasts")
    }
    dropped = try session.droppedColumns(header).columns
    if let column = dropped.first(where: owned.contains) {
      throw Failure(.usage, "--drop names \"\(header.names[column])\", which holds the forecasts")
    }
    passed = (0..<header.count).filter { !owned.contains($0) && !excluded.contains($0) }
    target = try TargetRole(flags, session, header, source, shape, excluded: excluded)
    join = try ReshapePlan.join(flags, session, header, source, Set(passed), target, writer.output)
    try checkFlags()
    warnOfFileNames()
  }

  /// Names of which one may be empty: the group without a name, or the column of R's row names.
  private static func names(_ list: String?) -> [String]? {
    list?.split(separator: ",", omittingEmptySubsequences: false).map { ColumnName.trimmed(String($0)) }
  }

  private static func outputFormat(_ session: FilterSession, _ shape: Shape) throws -> TableFormat {
    guard case .nested = shape else { return session.outputFormat }
    if let output = session.options.output, output != .ndjson { throw Failure(.usage, "--to nested writes ndjson, not \(output.rawValue)") }
    return .ndjson
  }

  private static func join(
    _ flags: QReshape, _ session: FilterSession, _ header: Header, _ source: Source, _ passed: Set<Int>, _ target: TargetRole, _ output: TableFormat
  ) throws -> TruthJoin? {
    guard let path = flags.truth, let on = flags.on else { return nil }
    // COLUMN, or COLUMN=OTHER where --truth calls it otherwise.
    let pairs = nameList(on).map { pair in
      let names = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return names.count == 2 && header.index(of: pair) == nil ? (names[0], names[1]) : (pair, pair)
    }
    let columns = try session.columns(header, pairs.map(\.0))
    let isByRow = if case .columns = source { true } else { false }
    if let column = columns.first(where: { source.owned.contains($0) || $0 == target.column || (!isByRow && !passed.contains($0)) }) {
      throw Failure(.usage, "--on names \"\(header.names[column])\", which is not the same in all rows of a unit")
    }
    let table = try TruthTable(
      path, on: pairs.map(\.1), target: target.told, delimiter: session.options.delimiterByte, output: output,
      timeFormat: try flags.timeOption.format(), skips: session.policy.skips)
    return TruthJoin(table: table, key: FieldKey(columns: columns), fills: target.column)
  }

  private func checkFlags() throws {
    if let models = vocabulary.onlyModels, Set(models).count < models.count {
      throw Failure(.usage, "--models \(flags.models!): a name stands twice")
    }
    if case .columns(let groups, _) = source, let name = flags.unnamed, !name.isEmpty {
      let names = Set(groups.map(\.name))
      if names.contains(name), names.contains("") { throw merged(name) }
    }
    guard let rest = flags.rest else { return }
    guard source.isHub else { throw Failure(.usage, "--rest is for the format hub, whose rows have an output type") }
    try session.checkWritten("--rest", rest)
  }

  /// Where several files tell their models by name, or there is nothing else that could.
  private func warnOfFileNames() {
    guard case .long(let columns, _) = source, source.isHub, columns.model == nil, session.options.files.count > 1 else { return }
    let untold = session.options.files.filter { LongShape.model(ofFile: $0) == nil }
    guard let first = untold.first else { return }
    let others = untold.count > 1 ? " and \(untold.count - 1) more" : ""
    let files = untold.count == session.options.files.count ? "no file's name tells its model" : "the name of \(first)\(others) tells no model"
    session.diagnostics.warn("there is no column model_id, and \(files), as MODEL/ROUND-MODEL.csv does: its rows are of one group without a name")
  }

  func merged(_ name: String) -> Failure { Failure(.usage, "--as \(name): there is a group \(name) already", remedy: "choose another name") }

  /// Columns get other names, rows are taken apart, or they are brought together.
  func run() throws {
    switch (source, shape) {
    case (.columns(let groups, _), .columns(let to)): try rename(groups, to)
    case (_, .long(let long)): try melt(long)
    case (.columns, .nested), (.nested, .nested): try melt(nil)
    case (_, .columns(let to)): try pivot(to)
    case (_, .nested): try pivot(nil)
    }
  }

  // MARK: What is written

  func name(passed column: Int) -> String { column == target.column ? target.name : header.names[column] }

  var writtenColumns: [Int] { passed.filter { !dropped.contains($0) } }

  var passedNames: [String] { writtenColumns.map(name(passed:)) + (join != nil && target.column == nil ? [target.name] : []) }

  var writtenNames: WrittenNames { WrittenNames(session: session, passed: passedNames) }

  func makePass(_ columns: [(column: Int, name: String)]? = nil) -> PassWriter {
    PassWriter(header: header, writer: writer, columns: columns ?? writtenColumns.map { ($0, name(passed: $0)) }, join: join, joinedName: target.name)
  }

  func makeReader() -> CellReader {
    switch source {
    case .columns(let groups, _): ColumnCellReader(groups: picked(groups), header: header, vocabulary: vocabulary, writer: writer)
    case .long(let columns, _): LongCellReader(columns: columns, header: header, vocabulary: vocabulary, writer: writer)
    case .nested(let columns, _): NestedCellReader(columns: columns, header: header, vocabulary: vocabulary, writer: writer)
    }
  }

  /// The groups of the header that were asked for, as they are called in the output.
  func picked(_ groups: [QuantileGroup]) -> [QuantileGroup] {
    let levels = vocabulary.onlyLevels.map { Set($0.map { Level($0) }) }
    return groups.compactMap { group in
      let name = group.name.isEmpty ? vocabulary.unnamed : group.name
      if let models = vocabulary.onlyModels, !models.contains(name) { return nil }
      let kept = group.levels.indices.filter { levels?.contains(Level(group.levels[$0])) ?? true }
      return kept.isEmpty ? nil : QuantileGroup(name: name, levels: kept.map { group.levels[$0] }, columns: kept.map { group.columns[$0] })
    }
  }

  /// Whether rows of the output name their model.
  var hasModels: Bool {
    switch source {
    case .columns(let groups, _): picked(groups).contains { !$0.name.isEmpty }
    case .long(let columns, _): columns.model != nil || columns.filesNameModels || !vocabulary.unnamed.isEmpty
    case .nested(let columns, _): columns.model != nil || !vocabulary.unnamed.isEmpty
    }
  }

  /// Writes what a header line holds, where there is one.
  func writeHeader(_ write: ((ByteBuffer) -> Void)?) throws {
    guard let write, !session.options.noHeader else { return }
    let buffer = ByteBuffer()
    write(buffer)
    try session.output.write(lines: buffer.bytes)
  }

  // MARK: What --explain tells

  var explanation: [(String, String)] {
    var lines = [("from", source.name), ("to", shape.name)]
    func names(_ columns: [Int]) -> String { columns.map { header.names[$0] }.joined(separator: ",") }
    if let column = target.column { lines.append(("target", header.names[column])) }
    if let join { lines.append(("truth", "\(join.table.column) of \(flags.truth!) as \(target.name), on \(names(join.key.columns))")) }
    lines.append(("passed", names(passed.filter { $0 != target.column })))
    switch source {
    case .columns(let groups, _): lines += session.explanation(of: picked(groups))
    case .long(let columns, _):
      let model = columns.model.map { header.names[$0] } ?? (columns.filesNameModels ? "(the file's name)" : "(none)")
      lines += [("model", model), ("level", header.names[columns.level]), ("value", header.names[columns.value])]
    case .nested(let columns, _):
      lines += [("model", columns.model.map { header.names[$0] } ?? "(none)"), ("level", columns.levels.map { header.names[$0] } ?? "(keys)")]
      lines.append(("value", header.names[columns.values]))
    }
    return lines
  }
}
