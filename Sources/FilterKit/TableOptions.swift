import ArgumentParser
import Glibc
import Groundwork
import Tables

public enum FormatName: String, ExpressibleByArgument, CaseIterable {
  /// `markdown` is for tables that a tool makes itself, not for rows that pass through, so it is not listed for every tool.
  case csv, tsv, ndjson, markdown

  public static var allValueStrings: [String] { [csv, tsv, ndjson].map(\.rawValue) }
}
public enum BadRowChoice: String, ExpressibleByArgument, CaseIterable { case fail, skip }

/// The options every tool has: how tables come in and go out, and how the tool talks.
public struct TableOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Tables with the same header, read one after the other; - is stdin, and .gz is unpacked.", valueName: "file"), completion: .file())
  public var files: [String] = []

  @Option(name: [.customShort("d"), .long], help: ArgumentHelp("Field delimiter of delimited text, in and out.", valueName: "char"))
  public var delimiter: String?

  @Option(help: ArgumentHelp("Format of the input; recognised where it is not told.", valueName: "format"))
  public var input: FormatName?

  @Option(help: ArgumentHelp("Format of the output; the input's where it is not told.", valueName: "format"))
  public var output: FormatName?

  @Flag(help: "The table has no header line, in and out; --columns or the model file names its columns.")
  public var noHeader = false

  @Option(help: ArgumentHelp("Names of the columns of a table without a header line, separated by commas.", valueName: "names"))
  public var columns: String?

  @Option(help: ArgumentHelp("Round computed numbers to this many decimals (default: the fewest digits that read back to the same number).", valueName: "n"))
  public var digits: Int?

  @Option(help: ArgumentHelp("At a bad row, fail, or skip it and go on.", valueName: "choice"))
  public var onError: BadRowChoice = .fail

  @Option(help: ArgumentHelp("With --on-error skip, keep the bad rows in this file.", valueName: "file"), completion: .file())
  public var rejects: String?

  @Option(help: ArgumentHelp("Write the numbers of rows read, written and skipped to this file, as JSON.", valueName: "file"), completion: .file())
  public var stats: String?

  @Flag(help: "Print what was recognised (format, target, features, groups and levels) and stop.")
  public var explain = false

  @Option(help: ArgumentHelp("Threads to use (default: all cores). The output does not depend on it.", valueName: "n"))
  public var threads: Int?

  @Flag(name: [.customShort("q"), .long], help: "No warnings and no progress bar.")
  public var quiet = false

  @Flag(name: [.customShort("v"), .long], help: "Say on stderr what was chosen and learnt.")
  public var verbose = false

  public init() {}

  public func validate() throws {
    if let delimiter, delimiter.utf8.count != 1 || delimiter == "\"" || delimiter == "\n" || delimiter == "\r" {
      throw ValidationError("--delimiter \(delimiter): one single-byte character is needed, no quote or line end")
    }
    if input == .markdown { throw ValidationError("--input markdown: csv, tsv and ndjson are read") }
    if delimiter != nil, input == .ndjson { throw ValidationError("--delimiter is for delimited text, not for ndjson") }
    if let digits, !(0...17).contains(digits) { throw ValidationError("--digits \(digits): 0 to 17 are possible") }
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads \(threads): 1 to 1024 are possible") }
    if columns != nil, !noHeader { throw ValidationError("--columns names the columns of a table with --no-header") }
    if rejects != nil, onError != .skip { throw ValidationError("--rejects goes with --on-error skip") }
  }
}

/// A list of names separated by commas, as `-x a,b,c` takes it.
public func nameList(_ text: String?) -> [String] {
  text.map { $0.split(separator: ",").map(String.init) } ?? []
}
