import ArgumentParser
import FilterKit

/// How the table comes in: of the options that every tool has, those that mean something where no table goes out.
struct ReadingOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Tables with the same header, read one after the other; - is stdin, and .gz is unpacked.", valueName: "file"), completion: .file())
  var files: [String] = []

  @Option(name: [.customShort("d"), .long], help: ArgumentHelp("Field delimiter of delimited text.", valueName: "char"))
  var delimiter: String?

  @Option(help: ArgumentHelp("Format of the input; recognised where it is not told.", valueName: "format"))
  var input: FormatName?

  @Flag(help: "The table has no header line; --columns names its columns.")
  var noHeader = false

  @Option(help: ArgumentHelp("Names of the columns of a table without a header line, separated by commas.", valueName: "names"))
  var columns: String?

  @Option(help: ArgumentHelp("At a bad row, fail, or skip it and go on.", valueName: "choice"))
  var onError: BadRowChoice = .fail

  @Option(help: ArgumentHelp("With --on-error skip, keep the bad rows in this file.", valueName: "file"), completion: .file())
  var rejects: String?

  @Flag(help: "Print what was recognised (format, target, groups and levels) and stop.")
  var explain = false

  @Flag(name: [.customShort("q"), .long], help: "No warnings and no progress bar.")
  var quiet = false

  @Flag(name: [.customShort("v"), .long], help: "Say on stderr what gnuplot remarks.")
  var verbose = false

  /// The same as the options of a tool that writes tables.
  var tableOptions: TableOptions {
    var options = TableOptions()
    (options.files, options.delimiter, options.input, options.output) = (files, delimiter, input, nil)
    (options.noHeader, options.columns, options.digits) = (noHeader, columns, nil)
    (options.onError, options.rejects, options.stats) = (onError, rejects, nil)
    (options.explain, options.threads, options.quiet, options.verbose) = (explain, nil, quiet, verbose)
    return options
  }

  func validate() throws { try tableOptions.validate() }
}
