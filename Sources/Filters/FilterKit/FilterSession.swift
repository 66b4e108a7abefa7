import Glibc
import Groundwork
import MethodKit
import Tables

/// One run of a tool over one table: the opened input, the output, and how to talk meanwhile.
public final class FilterSession {
  public let diagnostics: Diagnostics
  public let options: TableOptions
  public let reader: TableReader
  public let output = OutputFile()
  public let policy: BadRowPolicy
  public let threads: Int
  let tool: String
  private var written: WrittenFiles
  private let rejects: ReplacedFile?
  private let stats: ReplacedFile?
  /// The flags of the command line that say what the table holds.
  private let naming: [String]

  /// Opens the input. `modelColumns` names the columns where there is no header line and no `--columns`, `others` are files
  /// that are read beside the table; with `anyOrder` files may have the same columns in different orders, and `flags` are those of the command
  /// line.
  public init(
    tool: String, _ options: TableOptions, modelColumns: [String]? = nil, reading others: [String] = [], anyOrder: Bool = false,
    flags: [GivenFlag] = []
  ) throws {
    self.tool = tool
    naming = flags.filter { $0.isGiven && FilterSession.namingFlags.contains($0.name) }.map(\.name)
    self.options = options
    try options.reading.applyNotation()
    written = try WrittenFiles(options, reading: others)
    diagnostics = Diagnostics(tool: tool, quiet: options.quiet, verbose: options.verbose)
    threads = options.threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    var read = TableReader.Options()
    read.operands = options.files
    read.format = FilterSession.format(options.input, options.delimiterByte)
    if options.noHeader {
      guard let names = options.columns.map(nameList) ?? modelColumns else {
        throw Failure(.usage, "--no-header needs the names of the columns", remedy: "give them with --columns a,b,c")
      }
      read.columns = names
    } else {
      read.keys = options.columns.map(nameList)
    }
    read.allowsAnyOrder = anyOrder
    read.union = options.union
    read.offersUnion = !flags.contains { $0.name == "--merge" && $0.isGiven }
    reader = try TableReader(read)
    rejects = options.explain ? nil : try options.rejects.map { try ReplacedFile($0) }
    stats = options.explain ? nil : try options.stats.map { try ReplacedFile($0) }
    policy = BadRowPolicy(skips: options.onError == .skip, rejects: rejects?.output)
  }

  /// Refuses a file that an option of the tool writes where it is an input too, or another option writes it.
  public func checkWritten(_ flag: String, _ path: String) throws { try written.add(flag, path) }

  private static func format(_ name: InputFormatName?, _ delimiter: UInt8?) -> TableFormat? {
    if let delimiter { return .separated(delimiter: delimiter) }
    switch name {
    case .csv: return .csv
    case .tsv: return .tsv
    case .ndjson: return .ndjson
    case nil: return nil
    }
  }

  /// The output's format: the input's unless `--output` says otherwise.
  public var outputFormat: TableFormat {
    switch options.output {
    case nil: return reader.format
    case .ndjson: return .ndjson
    case .tsv: return .tsv
    case .csv, .markdown:
      if case .separated(let delimiter) = reader.format, delimiter != 9 { return reader.format }
      return .csv
    }
  }

  /// How messages call the input.
  public var inputName: String { reader.name }

  /// A failure of the table as a whole.
  public func failure(_ cause: String, column: String? = nil, remedy: String? = nil) -> Failure {
    Failure(.badData, cause, at: .init(input: inputName, column: column), remedy: remedy)
  }

  /// Flags that name columns, models of the table or a file with what was learnt of such tables, or say what the table is.
  private static let namingFlags: Set<String> = [
    "--target", "--features", "--exclude", "--weight", "--groups", "--group", "--by", "--order", "--known", "--within", "--given", "--blocks", "--on",
    "--id", "--models", "--categorical", "--numeric", "--date", "--drop", "--columns", "--load", "--state", "--compare", "--merge", "--from",
  ]

  /// Ends a run whose input has not even a header: with an empty output where nobody said what the table holds. Throws where somebody did: what
  /// should have written the table has failed.
  public func finishEmpty() throws {
    guard naming.isEmpty else {
      throw failure(
        "the input is empty, without even a header, and \(naming[0]) says what it should hold", remedy: "see whether what writes it has failed")
    }
    try finish(RowCounts())
  }

  /// The encoder of rows. What `--drop` names is left out, and must be a column of the input or of the tool's own.
  public func encoder(
    _ header: Header, changed: [Int] = [], dropped: Set<Int> = [], appended: [String] = [], marks: [String: UInt8] = [:]
  ) throws -> RowEncoder {
    if options.output == .markdown {
      throw Failure(.usage, "--output markdown is for tables of scores, not for rows", remedy: "write csv, tsv or ndjson")
    }
    let (left, leftOwn) = try droppedColumns(header, appended)
    if reader.format == .ndjson { reader.setLateKeys(outputFormat == .ndjson ? .passed(except: appended) : .refused) }
    guard (0..<header.count).contains(where: { !dropped.contains($0) && !left.contains($0) }) || leftOwn.count < appended.count else {
      throw Failure(.usage, "--drop \(options.drop ?? ""): no column is left")
    }
    do {
      return try RowEncoder(
        header: header, input: reader.format, output: outputFormat, changed: changed, dropped: dropped, left: left, appended: appended,
        marks: marks, leftOwn: leftOwn, digits: options.digits)
    } catch var failure as Failure {
      failure.place.input = inputName
      throw failure
    }
  }

  /// What `--drop` names: columns of the input, or else of `own`, which the tool appends. Throws for a name that neither has.
  public func droppedColumns(_ header: Header, _ own: [String] = []) throws -> (columns: Set<Int>, own: Set<Int>) {
    var (columns, ownColumns): (Set<Int>, Set<Int>) = ([], [])
    for name in nameList(options.drop) {
      if let column = header.index(of: name) {
        columns.insert(column)
      } else if let k = own.firstIndex(of: name) {
        ownColumns.insert(k)
      } else {
        throw Failure(
          .usage, "--drop \(name): there is no such column in \(inputName)", remedy: suggestion(for: name, among: header.names + own))
      }
    }
    return (columns, ownColumns)
  }

  public func writeHeader(_ encoder: RowEncoder) throws {
    guard !options.noHeader else { return }
    let buffer = ByteBuffer()
    encoder.writeHeader(into: buffer)
    try output.write(lines: buffer.bytes)
  }

  /// Streams every row through workers, to stdout unless the rows only count. `makeWorker` is called for each thread with its number; the workers
  /// come back when all rows are through.
  public func stream<Worker: RowWorker>(
    _ header: Header, writesRows: Bool = true, threads: Int? = nil, _ makeWorker: (Int) throws -> Worker
  ) throws -> (counts: RowCounts, workers: [Worker]) {
    let progress = Progress(tool, quiet: options.quiet)
    let pipeline = RowPipeline(
      source: reader, format: reader.format, header: reader.header ?? header, output: writesRows ? output : nil, policy: policy,
      progress: progress.update)
    let workers = try (0..<max(1, threads ?? self.threads)).map(makeWorker)
    let counts = try pipeline.run(workers)
    progress.clear()
    return (counts, workers)
  }

  /// Stores the whole table.
  public func store(_ header: Header, _ storage: TableStorage) throws -> StoredTable {
    let progress = Progress("\(tool): reading", quiet: options.quiet)
    return try StoredTable(
      reader, roles: storage.roles, packing: storage.packing, memoryLimit: storage.memory, threads: threads, policy: policy,
      progress: progress.update)
  }

  /// Writes the answers to the rows of a stored table, on a thread for each worker.
  public func answer(_ table: StoredTable, _ workers: [RowWorker]) throws {
    let progress = Progress("\(tool): answering", quiet: options.quiet)
    try table.answer(workers, output: output, progress: progress.update)
  }

  /// A member of NDJSON that comes late is nothing to learn from.
  func warnOfOtherMembers(_ counts: RowCounts) {
    guard let place = counts.firstOther, let key = place.column else { return }
    let where_ = Failure.Place(input: place.input, line: place.line)
    diagnostics.warn("\(where_)key \"\(key)\" is not in the first line's object, so it passes through and teaches nothing; --columns names all keys")
  }

  /// Ends the run: checks that the output reached its end, reports skipped rows, writes `--stats`, with a tool's `more` counts.
  public func finish(_ counts: RowCounts, written: Int? = nil, more: [(name: String, count: Int)] = []) throws {
    try output.close()
    try keepRejects()
    if counts.skipped > 0, let first = counts.firstSkipped {
      diagnostics.warn("skipped \(counted(counts.skipped, "bad row")), the first at \(first)")
    }
    if let stats {
      let own = [("read", counts.read), ("written", written ?? counts.read - counts.skipped), ("skipped", counts.skipped)]
      try stats.output.write("{" + (own + more.map { ($0.name, $0.count) }).map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}\n")
      try stats.commit()
    }
  }

  /// Makes the rows that were left out the file of `--rejects`.
  public func keepRejects() throws { try rejects?.commit() }

  /// Prints what `--explain` asks for.
  public func explain(_ lines: [(String, String)]) throws {
    var format = "ndjson"
    if case .separated(let delimiter) = reader.format {
      format = delimiter == 44 ? "csv" : delimiter == 9 ? "tsv" : "csv with delimiter \"\(Character(Unicode.Scalar(delimiter)))\""
    }
    let count = reader.header?.count ?? 0
    let all = [("input", inputName), ("format", format), ("columns", "\(count)")] + lines
    let width = all.map(\.0.count).max() ?? 0
    for (key, value) in all {
      try output.write(key + String(repeating: " ", count: width - key.count + 2) + value + "\n")
    }
    try output.close()
  }
}
