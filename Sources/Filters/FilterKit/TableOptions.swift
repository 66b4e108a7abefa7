import ArgumentParser
import Tables

public enum FormatName: String, ExpressibleByArgument, CaseIterable {
  /// `markdown` is for tables that a tool makes itself, not for rows that pass through.
  case csv, tsv, ndjson, markdown

  /// Whether the tool makes tables itself, so that it offers `markdown`; set before anything is parsed.
  nonisolated(unsafe) static var offersMarkdown = false

  public static var allValueStrings: [String] { (offersMarkdown ? allCases : [csv, tsv, ndjson]).map(\.rawValue) }
}

/// The options of a tool that writes tables: how they come in and go out, and how the tool talks.
@dynamicMemberLookup
public struct TableOptions: ParsableArguments, FlagGroup {
  @OptionGroup public var reading: ReadingOptions

  @Option(help: ArgumentHelp("Format of the output; the input's where it is not told.", valueName: "format"))
  public var output: FormatName?

  @Option(help: ArgumentHelp("Columns to leave out of the output, separated by commas; they are read all the same.", valueName: "names"))
  public var drop: String?

  @Option(
    help: ArgumentHelp("Round computed numbers to this many decimals (default: the fewest digits that read back to the same number).", valueName: "n")
  )
  public var digits: Int?

  @Option(help: ArgumentHelp("Write the numbers of rows read, written and skipped to this file, as JSON.", valueName: "file"), completion: .file())
  public var stats: String?

  @Option(help: ArgumentHelp("Threads to use (default: all cores). The output does not depend on it.", valueName: "n"))
  public var threads: Int?

  public init() {}

  /// Options of a tool that only reads tables: what is written is left as it is.
  public init(reading: ReadingOptions) {
    self.reading = reading
    (output, drop, digits, stats, threads) = (nil, nil, nil, nil, nil)
  }

  public static let list = FlagList<TableOptions>([
    ("--output", { $0.output != nil }), ("--drop", { $0.drop != nil }), ("--digits", { $0.digits != nil }), ("--stats", { $0.stats != nil }),
    ("--threads", { $0.threads != nil }),
  ])

  /// With those of reading.
  public var flags: [GivenFlag] { reading.flags + TableOptions.list.of(self) }
  public static let names = ReadingOptions.list.names.union(list.names)

  /// Throws a usage `Failure` where the file that `flag` names is one of those that the run reads or writes otherwise.
  public func checkWritten(_ flag: String, _ path: String) throws {
    var written = try WrittenFiles(self)
    try written.add(flag, path)
  }

  public subscript<Value>(dynamicMember option: KeyPath<ReadingOptions, Value>) -> Value { reading[keyPath: option] }

  public func validate() throws {
    if let digits, !(0...17).contains(digits) { throw ValidationError("--digits \(digits): write a number from 0 to 17") }
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads \(threads): write a number from 1 to 1024") }
  }
}

/// A list of names separated by commas, as `-x a,b,c` takes it, without the blanks around them.
public func nameList(_ text: String?) -> [String] {
  text.map { $0.split(separator: ",").map { ColumnName.trimmed(String($0)) } } ?? []
}
