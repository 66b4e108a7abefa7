import ArgumentParser
import FilterKit
import Glibc
import Groundwork
import MethodKit
import Tables

@main enum Main {
  static func main() { runFilter(QPlot.self) }
}

struct QPlot: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qplot",
    abstract: "Draw quantile predictions, their calibration, scores and weights.",
    discussion: """
      Reads a table that the other filters write, and draws it: with characters on the terminal, or as SVG, PNG or PDF through \
      gnuplot, which must be installed.

      \(methodLines(methods))

      The grey bands of reliability and pit hold 95 % of forecasts that are calibrated, were rows independent. The line below the \
      picture tells how many rows it shows, and what was left out.

      EXAMPLES
        qplot fan -y price --order date < intervals.csv
        qplot reliability --out reliability.svg < predicted.csv
        qscore predicted.csv | qplot scores --out scores.pdf
        qaggregate -y price --describe < predicted.csv | qplot weights
      """,
    version: "qplot \(filterVersion)")

  @Argument(
    help: ArgumentHelp("What to draw: \(pictures.map(\.name).joined(separator: ", ")).", valueName: "picture"),
    completion: .list(pictures.map(\.name)))
  var picture: String

  @Option(
    name: [.customShort("o"), .long], help: ArgumentHelp("File to draw to, - for stdout; .svg, .png or .pdf tells the format.", valueName: "file"),
    completion: .file())
  var out: String?

  @Option(help: ArgumentHelp("Format of the picture (default: the file's, else terminal on a terminal and svg elsewhere).", valueName: "format"))
  var format: PictureFormat?

  @Flag(help: "Draw with characters, without gnuplot; the same as --format terminal.")
  var terminal = false

  @OptionGroup var targetOption: TargetOption

  @OptionGroup var groupsOption: GroupsOption<DrawnGroupsHelp>

  @Option(help: ArgumentHelp("Draw the rows with each value of these columns by themselves.", valueName: "names"))
  var by: String?

  @Option(
    help: ArgumentHelp(
      "With fan or weights, the column of the horizontal axis: numbers or times (default: rows in the order of their medians; weights over levels).",
      valueName: "name"))
  var order: String?

  @OptionGroup var timeOption: TimeOption

  @Option(
    help: ArgumentHelp("With fan, central intervals to draw, in percent (default: those of 50, 80, 95 that the levels hold).", valueName: "percents"))
  var intervals: String?

  @Option(
    help: ArgumentHelp(
      "With fan, draw at most this many rows in a panel, the last ones (default: 500; without --order 80, on a terminal as many as it has room for).",
      valueName: "n"))
  var rows: Int?

  @Option(help: ArgumentHelp("With pit, number of bins (default: 10).", valueName: "n"))
  var bins: Int?

  @Option(help: ArgumentHelp("Draw at most this many panels (default: 4, or as many as -g names).", valueName: "n"))
  var panels: Int?

  @Option(help: ArgumentHelp("Title of the picture.", valueName: "text"))
  var title: String?

  @OptionGroup var reading: ReadingOptions

  static var methods: [MethodDescription] { pictures.map(\.description) }
  static var leastArguments: [String] { [pictures[0].name] }

  static let modes = pictures.map(\.mode)
  static let list = FlagList<QPlot>([
    ("--out", { $0.out != nil }), ("--format", { $0.format != nil }), ("--terminal", { $0.terminal }), ("--by", { $0.by != nil }),
    ("--order", { $0.order != nil }), ("--intervals", { $0.intervals != nil }), ("--rows", { $0.rows != nil }), ("--bins", { $0.bins != nil }),
    ("--panels", { $0.panels != nil }), ("--title", { $0.title != nil }),
  ])
  var flags: [GivenFlag] { targetOption.flags + groupsOption.flags + QPlot.list.of(self) + timeOption.flags + reading.flags }
  func mode() throws -> Mode { try named().mode }

  private func named() throws -> Picture {
    if let named = pictures.first(where: { $0.name == picture }) { return named }
    throw Failure(.usage, "\(printable(picture)): unknown picture", remedy: suggestion(for: picture, among: pictures.map(\.name)))
  }

  func validate() throws {
    for (flag, value, bounds) in [("--rows", rows, 1...1_000_000), ("--bins", bins, 1...1000), ("--panels", panels, 1...100)] {
      guard let value, !bounds.contains(value) else { continue }
      throw ValidationError("\(flag) \(value): write a number from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    if timeOption.timeFormat != nil, order == nil { throw ValidationError("--time-format tells how the column of --order is written") }
    if terminal, let format, format != .terminal { throw ValidationError("--terminal and --format \(format.rawValue) exclude each other") }
  }

  mutating func run() throws {
    let picture = try named()
    let format = try pictureFormat()
    if let out, out != "-" { try ReplacedFile.checkWritable(out) }
    let session = try FilterSession(tool: "qplot", TableOptions(reading: reading), flags: flags)
    if let out, out != "-" { try session.checkWritten("--out", out) }
    guard let header = session.reader.header else { throw session.failure("nothing to draw: the input is empty") }
    let terminal = format == .terminal ? TerminalKind.current(isFile: out.map { $0 != "-" } ?? false) : nil
    let input = PictureInput(
      session: session, header: header, groups: groupsOption.groups, target: targetOption.target, by: by, order: order,
      timeFormat: try timeOption.format(), intervals: intervals,
      rows: rows, bins: bins,
      panels: panels,
      mostBars: terminal.map { ($0.columns - 10) / 2 } ?? 80)
    let report = try input.recognise(picture)
    if reading.explain { return try session.explain(explanation(input, report, picture)) }
    let bytes = try bytes(of: picture.draw(input, report), format, terminal, session)
    if let out, out != "-" {
      try ReplacedFile.write(out) { file in try bytes.withUnsafeBufferPointer { try file.write($0) } }
    } else {
      try bytes.withUnsafeBufferPointer { try session.output.write($0) }
      try session.output.close()
    }
  }

  private func bytes(of drawing: Drawing, _ format: PictureFormat, _ terminal: TerminalKind?, _ session: FilterSession) throws -> [UInt8] {
    let drawable = DrawableText(of: drawing, title: title, format)
    let (drawing, title) = (drawing.mapTexts(drawable.callAsFunction), title.map(drawable.callAsFunction))
    if let terminal {
      return Array(CharacterPicture(Layout(drawing, title: title, window: (terminal.columns, terminal.lines)).figure, on: terminal).text.utf8)
    }
    let figure = Layout(drawing, title: title, window: nil).figure
    if format == .png, figure.height > GnuplotScript.mostPixels {
      throw Failure(.usage, "the picture is too high for PNG", remedy: "draw fewer panels, or to SVG or PDF")
    }
    let (bytes, remarks) = try Gnuplot.draw(GnuplotScript(figure, format: format).text)
    for remark in remarks { session.diagnostics.note("gnuplot: \(remark)") }
    return bytes
  }

  private func pictureFormat() throws -> PictureFormat {
    if let told = terminal ? .terminal : format {
      if out ?? "-" == "-", told == .png || told == .pdf, isatty(STDOUT_FILENO) == 1 {
        throw Failure(.usage, "--format \(told.rawValue): a terminal cannot show it", remedy: "name a file with --out")
      }
      return told
    }
    guard let out, out != "-" else { return isatty(STDOUT_FILENO) == 1 ? .terminal : .svg }
    let suffix = out.split(separator: ".").last.map { $0.lowercased() } ?? ""
    guard let format = PictureFormat(rawValue: suffix), format != .terminal else {
      throw Failure(.usage, "--out \(out): its format is not known", remedy: "call it .svg, .png or .pdf, or tell the format with --format")
    }
    return format
  }

  private func explanation(_ input: PictureInput, _ report: Report?, _ picture: Picture) throws -> [(String, String)] {
    let lines = [("picture", "\(picture.name): \(picture.summary)")]
    if let report { return lines + [("table", report.command)] }
    let columns = try DrawnColumns(input, needsTarget: picture.needsTarget)
    return lines + [("target", columns.target.map { input.header.names[$0] } ?? "none")] + input.session.explanation(of: columns.groups)
  }
}

enum DrawnGroupsHelp: OptionHelp {
  static let text = """
    Draw these quantile groups, or models of a table of scores, only, separated by commas: of groups names, or patterns such as hub-*, \
    with ! before those to leave out; an empty name is the group without one (default: all).
    """
}
