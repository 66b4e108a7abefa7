import ArgumentParser
import Groundwork
import Tables

public enum BadRowChoice: String, ExpressibleByArgument, CaseIterable { case fail, skip }

public enum InputFormatName: String, ExpressibleByArgument, CaseIterable { case csv, tsv, ndjson }

/// The options of every tool: how tables come in, and how the tool talks.
public struct ReadingOptions: ParsableArguments, FlagGroup {
  @Argument(
    help: ArgumentHelp("Tables with the same header, read one after the other; - is stdin, and gzip and zstd are unpacked.", valueName: "file"),
    completion: .file())
  public var files: [String] = []

  @Option(
    name: [.customShort("d"), .long],
    help: ArgumentHelp(
      "Field delimiter of delimited tables, one character or tab (default: comma; tabs and semicolons are recognised).", valueName: "char"))
  public var delimiter: String?

  @Option(
    help: ArgumentHelp(
      """
      Decimal mark of the numbers in tables, read and written: . or , (default: $QDECIMAL, else .). \
      JSON numbers, flags and column names have a point.
      """,
      valueName: "mark"))
  public var decimal: String?

  // Words such as -99 are values too.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("More words for a missing value, separated by commas, beside NA, NaN, nan, null and empty.", valueName: "words"))
  public var na: String?

  @Option(help: ArgumentHelp("Format of the input; recognised where it is not told.", valueName: "format"))
  public var input: InputFormatName?

  @Flag(help: "Tables have no header line; --columns, or a model file, names their columns.")
  public var noHeader = false

  @Option(
    help: ArgumentHelp("Names of the columns of a table without a header line, or of the keys of NDJSON, separated by commas.", valueName: "names"))
  public var columns: String?

  @Flag(help: "Read the headers of all files first, and then columns by name: the table has the columns of all, empty where a file lacks them.")
  public var union = false

  @Option(help: ArgumentHelp("At a bad row, fail, or skip it and go on.", valueName: "choice"))
  public var onError: BadRowChoice = .fail

  @Option(help: ArgumentHelp("With --on-error skip, keep the bad rows in this file.", valueName: "file"), completion: .file())
  public var rejects: String?

  @Flag(help: "Print what was recognised (format, target, features, groups and levels) and stop.")
  public var explain = false

  @Flag(name: [.customShort("q"), .long], help: "No warnings and no progress bar.")
  public var quiet = false

  @Flag(name: [.customShort("v"), .long], help: "Say on stderr what was chosen and learnt.")
  public var verbose = false

  public init() {}

  public static let list = FlagList<ReadingOptions>([
    ("--delimiter", { $0.delimiter != nil }), ("--decimal", { $0.decimal != nil }), ("--na", { $0.na != nil }), ("--input", { $0.input != nil }),
    ("--no-header", { $0.noHeader }),
    ("--columns", { $0.columns != nil }), ("--union", { $0.union }),
    ("--on-error", { $0.onError != .fail }), ("--rejects", { $0.rejects != nil }), ("--explain", { $0.explain }), ("--quiet", { $0.quiet }),
    ("--verbose", { $0.verbose }),
  ])

  /// `--delimiter` as a byte.
  public var delimiterByte: UInt8? { delimiter.map { ["tab", "\\t"].contains($0) ? 9 : $0.utf8.first ?? 0 } }

  public func validate() throws {
    if let delimiter, !["tab", "\\t"].contains(delimiter), delimiter.utf8.count != 1 || ["\"", "\n", "\r"].contains(delimiter) {
      throw ValidationError("--delimiter \(delimiter): one single-byte character or tab is needed, no quote or line end")
    }
    if union, noHeader { throw ValidationError("--union reads headers, and --no-header says that there are none") }
    if union, files.count > 1, files.contains("-") {
      throw ValidationError("--union reads the headers of all files first, and stdin cannot be read twice: give it alone")
    }
    if let decimal, decimal != ".", decimal != "," { throw ValidationError("--decimal \(decimal): write . or ,") }
    if let na, nameList(na).isEmpty { throw ValidationError("--na names no word") }
    if delimiter != nil, input == .ndjson { throw ValidationError("--delimiter is for delimited text, not for ndjson") }
    if rejects != nil, onError != .skip { throw ValidationError("--rejects goes with --on-error skip") }
  }
  /// Sets how every table of the run writes numbers and missing values. Call it before one is opened. Throws for a `QDECIMAL` that is no mark.
  func applyNotation() throws {
    let variable = environmentVariable("QDECIMAL") ?? ""
    if decimal == nil, !["", ".", ","].contains(variable) {
      throw Failure(.usage, "QDECIMAL in the environment is \"\(printable(variable))\", and a decimal mark is . or ,", remedy: "give --decimal")
    }
    NumberNotation.use(decimalMark: (decimal ?? variable) == "," ? NumberNotation.comma : NumberNotation.point)
    MissingText.add(nameList(na))
  }
}
