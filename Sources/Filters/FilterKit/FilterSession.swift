import Glibc
import Groundwork
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

  /// Opens the input. `modelColumns` names the columns where there is no header line and no `--columns`, `others` are files
  /// that are read beside the table; with `anyOrder` files may have the same columns in different orders.
  public init(tool: String, _ options: TableOptions, modelColumns: [String]? = nil, reading others: [String] = [], anyOrder: Bool = false) throws {
    self.tool = tool
    self.options = options
    try options.reading.applyNotation()
    written = try WrittenFiles(options, reading: others)
    diagnostics = Diagnostics(tool: tool, quiet: options.quiet, verbose: options.verbose)
    threads = options.threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    var read = TableReader.Options()
    read.operands = options.files
    read.format = FilterSession.format(options.input, options.delimiter)
    if options.noHeader {
      guard let names = options.columns.map(nameList) ?? modelColumns else {
        throw Failure(.usage, "--no-header needs the names of the columns", remedy: "give them with --columns a,b,c")
      }
      read.columns = names
    }
    read.allowsAnyOrder = anyOrder
    reader = try TableReader(read)
    policy = BadRowPolicy(skips: options.onError == .skip, rejects: try options.rejects.map { try OutputFile(path: $0) })
  }

  /// Refuses a file that an option of the tool writes where it is an input too, or another option writes it.
  public func checkWritten(_ flag: String, _ path: String) throws { try written.add(flag, path) }

  private static func format(_ name: InputFormatName?, _ delimiter: String?) -> TableFormat? {
    if let delimiter { return .separated(delimiter: delimiter.utf8.first!) }
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

  public func encoder(
    _ header: Header, changed: [Int] = [], dropped: Set<Int> = [], appended: [String] = []
  ) throws -> RowEncoder {
    if options.output == .markdown {
      throw Failure(.usage, "--output markdown is for tables of scores, not for rows", remedy: "write csv, tsv or ndjson")
    }
    do {
      return try RowEncoder(
        header: header, input: reader.format, output: outputFormat, changed: changed, dropped: dropped, appended: appended,
        digits: options.digits)
    } catch var failure as Failure {
      failure.place.input = inputName
      throw failure
    }
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
      source: reader, format: reader.format, header: header, output: writesRows ? output : nil, policy: policy, progress: progress.update)
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

  /// Ends the run: checks that the output reached its end, reports skipped rows, writes `--stats`, with a tool's `more` counts.
  public func finish(_ counts: RowCounts, written: Int? = nil, more: [(name: String, count: Int)] = []) throws {
    try output.close()
    try policy.rejects?.close()
    if counts.skipped > 0, let first = counts.firstSkipped {
      diagnostics.warn("skipped \(counted(counts.skipped, "bad row")), the first at \(first)")
    }
    if let path = options.stats {
      let file = try OutputFile(path: path)
      let own = [("read", counts.read), ("written", written ?? counts.read - counts.skipped), ("skipped", counts.skipped)]
      try file.write("{" + (own + more.map { ($0.name, $0.count) }).map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}\n")
      try file.close()
    }
  }

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
