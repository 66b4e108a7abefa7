import ArgumentParser
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QReshape.self) }
}

enum LevelStyle: String, ExpressibleByArgument, CaseIterable { case dot, underscore }

struct QReshape: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qreshape",
    abstract: "Turn other systems' tables of quantile forecasts into the filters' own, and back.",
    discussion: """
      The formats of --from and --to:

      \(methodLines(methods))

      All but darts and percent are recognised. Other columns pass through, as text, from a unit's first row; they tell units \
      apart, and models of one unit become the groups of one row. Which columns a wide table has is known only when all rows of a \
      long one are read: they are held, beyond --memory on disk. With --sorted, --models and --levels each unit is written at once.

      A hub's folder is read as it is, model-output/*/*.csv: where there is no model_id column, a file called ROUND-MODEL.csv, ROUND \
      a date or the folder called MODEL, holds that model's rows. Files may have their columns in different orders. Of target data \
      only rows whose output_type is quantile count where there is such a column, and of revised values those with the last as_of.

      EXAMPLES
        qreshape --truth target-data.csv --on location,target_end_date model-output.csv | qscore --by location
        qreshape --to hub < forecasts.csv > model-output.csv
        qreshape --from percent --to nixtla --as GBM < percentiles.csv
      """,
    version: "qreshape \(filterVersion)")

  @Option(help: ArgumentHelp("Format of the input (default: recognised).", valueName: "format"), completion: .list(Shape.all.map(\.name)))
  var from: String?

  @Option(help: ArgumentHelp("Format of the output.", valueName: "format"), completion: .list(Shape.all.map(\.name)))
  var to: String = "wide"

  @Option(help: ArgumentHelp("How wide names write levels: q0.025, or q0_025 for engines whose names take no dots.", valueName: "style"))
  var levelStyle: LevelStyle = .dot

  @Option(
    help: ArgumentHelp("Join observed values from this table, on the columns of --on; rows without a match have none.", valueName: "file"),
    completion: .file())
  var truth: String?

  @Option(help: ArgumentHelp("Columns to join on, separated by commas; COLUMN=OTHER where --truth calls it OTHER.", valueName: "names"))
  var on: String?

  @Option(
    name: [.customShort("y"), .customLong("target")],
    help: ArgumentHelp("Column of observed values in the input or in --truth, and what it is called in the output.", valueName: "name"))
  var target: String?

  @Option(help: ArgumentHelp("These models only, separated by commas; an empty name is the group without one.", valueName: "names"))
  var models: String?

  @Option(
    help: ArgumentHelp(
      "These levels only: a count (99), a list (0.1,0.5,0.9) or a range (0.05:0.95:0.05); rounded names of darts and percent are taken for them.",
      valueName: "levels"))
  var levels: String?

  @Option(help: ArgumentHelp("Leave these columns out, separated by commas: they tell no units apart.", valueName: "names"))
  var exclude: String?

  @Option(name: .customLong("as"), help: ArgumentHelp("Name the group without a name.", valueName: "name"))
  var unnamed: String?

  @Option(help: ArgumentHelp("Keep a hub's rows of other output types in this file.", valueName: "file"), completion: .file())
  var rest: String?

  @Flag(help: "The rows of a unit stand together: memory for one unit, none for finding it again. A unit that comes back is a row of its own.")
  var sorted = false

  @Option(help: ArgumentHelp("Memory for rows that are held; beyond it they wait on disk, in TMPDIR (default: 1G).", valueName: "size"))
  var memory: String?

  @OptionGroup var timeOption: TimeOption
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { Shape.all.map { MethodDescription(name: $0.name, summary: $0.summary) } }

  static let list = FlagList<QReshape>([
    ("--from", { $0.from != nil }), ("--to", { $0.to != "wide" }), ("--level-style", { $0.levelStyle != .dot }), ("--truth", { $0.truth != nil }),
    ("--on", { $0.on != nil }), ("--target", { $0.target != nil }), ("--models", { $0.models != nil }), ("--levels", { $0.levels != nil }),
    ("--exclude", { $0.exclude != nil }), ("--as", { $0.unnamed != nil }), ("--rest", { $0.rest != nil }), ("--sorted", { $0.sorted }),
    ("--memory", { $0.memory != nil }),
  ])
  var flags: [GivenFlag] { QReshape.list.of(self) + timeOption.flags + table.flags }

  /// One for each format that is written.
  static let modes = Shape.all.map { shape in
    let takes = shape.isWide ? list.names.union(TimeOption.list.names) : list.names.union(TimeOption.list.names).subtracting(["--level-style"])
    return Mode(shape.name, "--to \(shape.name)", shape.summary, takes: takes.union(TableOptions.names)) { ("\($0) is for --to wide", nil) }
  }
  func mode() throws -> Mode {
    let shape = try Shape.named(to, flag: "--to")
    return QReshape.modes.first { $0.name == shape.name }!
  }

  func validate() throws {
    if let memory, LearningOptions.bytes(memory) == nil { throw ValidationError("--memory \(memory): write a size such as 500M or 2G") }
    if (truth == nil) != (on == nil) { throw ValidationError("--truth and --on go together") }
    if let on, nameList(on).isEmpty { throw ValidationError("--on names no column") }
    if truth == nil, timeOption.timeFormat != nil { throw ValidationError("--time-format is for the column as_of of --truth") }
    if truth == "-", table.files.isEmpty || table.files.contains("-") { throw ValidationError("--truth -: stdin is the table; --truth needs a file") }
  }

  func run() throws {
    let source = try from.map { try Shape.named($0, flag: "--from") }
    let shape = levelStyle == .underscore ? .columns(UnderscoreShape()) : try Shape.named(to, flag: "--to")
    let session = try FilterSession(tool: "qreshape", table, reading: [truth].compactMap { $0 }, anyOrder: true, flags: flags)
    guard let header = session.reader.header else { return try session.finishEmpty() }
    let plan = try ReshapePlan(self, session, header, from: source, to: shape)
    if table.explain { return try session.explain(plan.explanation) }
    try plan.run()
  }
}
