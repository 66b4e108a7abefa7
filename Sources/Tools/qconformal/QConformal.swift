import ArgumentParser
import Calibration
import FilterKit
import Groundwork
import MethodKit
import OnlineKit
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QConformal.self) }
}

struct QConformal: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qconformal",
    abstract: "Calibrate quantile predictions so that intervals cover as often as their levels say.",
    discussion: """
      Rows with a target teach how far quantiles are off; every row's quantiles are moved in place, each central interval (a \
      level and its complement) by what makes it cover at its level in finite samples, and then ordered outwards from the median. \
      --by does so for each group of rows, -w and --decay where new rows are not like the old. A labelled row is \
      answered with what the rows of other folds teach (column fold; without one, with all rows but itself), an \
      unlabelled row with what all labelled rows teach. The labelled rows' predictions must come from models that did not see \
      them, as qfit and qaggregate write them.

      --method cv+ takes tables of qfit --cv-plus, or of qfit --nested and then qaggregate, in which a row to be answered stands once \
      for each fold (column held): its copies become one row again, calibrated by CV+, which covers whatever the loss of a fold \
      does to the models. A labelled row is answered as if its fold were new: by its copies and the other folds' scores by models \
      without both folds, or, where the table has none, by its one prediction and the other folds' scores.

      METHODS
      \(methodLines(methods))

      EXAMPLES
        qfit -y price < table.csv | qaggregate -y price | qsort |
          qconformal -y price > intervals.csv
        qconformal -y price --save cqr.model < validation.csv > /dev/null
        qconformal --load cqr.model < predicted.csv
        qconformal -y price --partial --part-id monday < monday.csv > monday.scores
        qconformal --merge monday.scores tuesday.scores --save week.model

      Online methods (aci, dtaci, agaci, sf-ogd, saocp, pid) take rows in the order of time, one series for each group of --by: a row is answered \
      with what the rows before it taught, and then teaches if it has a target. They answer a row as soon as it comes; --state keeps what \
      was learnt from one run to the next.

        qconformal -m aci --by place --order date --state aci.state < today.csv

      qconformal --help METHOD lists a method's settings.
      """,
    version: "qconformal \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("How to calibrate (default: cqr); \(methodsAreListed).", valueName: "method"), completion: .list(methods.map(\.name)))
  var method: String?

  @OptionGroup var targetOption: TargetOption

  @Option(
    help: ArgumentHelp(
      """
      Make every level an upper (or a lower) bound on its own, as service levels are: short for \
      --method asymmetric:bound=upper.
      """, valueName: "side"),
    completion: .list(["upper", "lower"]))
  var oneSided: String?

  @OptionGroup var weightOption: WeightOption<ShiftWeightHelp>

  @Option(
    help: ArgumentHelp(
      """
      Where rows are in order of time: how much less each row teaches than the next, such as 0.99; with --order, each time than the next. \
      Without --order a labelled row learns from later rows too.
      """,
      valueName: "factor"))
  var decay: Double?

  @Option(help: ArgumentHelp("Calibrate each group of rows that agree in these columns on its own.", valueName: "columns"))
  var by: String?

  @Option(
    help: ArgumentHelp(
      "With --by, the labelled rows a group needs; all rows calibrate smaller ones (default: as many as its outermost level needs to be finite).",
      valueName: "n"))
  var minRows: Int?

  @Option(help: ArgumentHelp("Clip answers to LOW,HIGH, either of which may be empty.", valueName: "bounds"))
  var bounds: String?

  @Option(help: ArgumentHelp("With --method residual, make these levels too: a count, a list or FIRST:LAST:STEP.", valueName: "levels"))
  var levels: String?

  @Flag(help: "Write to stderr a table of the intervals: coverage and mean width before and after, corrections, infinite ends, rows needed.")
  var report = false

  @OptionGroup var groupsOption: GroupsOption<CalibratedGroupsHelp>

  @Option(name: .customLong("as"), help: ArgumentHelp("Leave the group as it is and append the calibrated one under this name.", valueName: "name"))
  var answerName: String?

  @OptionGroup var orderOptions: OrderOptions

  @OptionGroup var stateOptions: StateOptions<IdentifyingColumnsHelp>
  @OptionGroup var refitOptions: RefitOptions<RefitByTimeHelp>
  @OptionGroup var timeOption: TimeOption

  @Flag(help: "Write the scores of labelled rows in place of the table, to be merged later.")
  var partial = false

  @Option(
    help: ArgumentHelp("With --partial, the name of this part, such as its file's: --merge then refuses a part that comes twice.", valueName: "text"))
  var partId: String?

  @Flag(
    help:
      """
      Read what --partial wrote, from files or stdin, and calibrate on all of it: --save gets the bytes that the \
      whole table would give, --partial writes the merged scores.
      """
  )
  var merge = false

  @Flag(
    help:
      """
      With --partial, keep some thousand scores of each interval; thresholds are then up to one in a thousand of the \
      rows further out, never further in.
      """
  )
  var compact = false

  @Option(
    help: ArgumentHelp(
      "With --method conditional, the columns over whose linear functions intervals cover, separated by commas.", valueName: "columns"))
  var given: String?

  @OptionGroup var kindOptions: FeatureKindOptions
  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { calibrationRegistry.descriptions }

  /// The registry's entry for what `--method` names.
  func method(_ specification: MethodSpecification) -> CalibrationMethod { calibrationRegistry[specification.method]! }

  func validate() throws {
    if let decay, !(decay > 0 && decay <= 1) { throw ValidationError("--decay \(decay): write a number above 0, at most 1") }
    if let minRows, minRows < 1 || by == nil && !merge {
      throw ValidationError(minRows < 1 ? "--min-rows \(minRows): at least 1" : "--min-rows needs --by")
    }
    if method != nil, oneSided != nil { throw ValidationError("--one-sided is a method of its own; leave out --method") }
    if let oneSided, !["upper", "lower"].contains(oneSided) { throw ValidationError("--one-sided \(oneSided): write upper or lower") }
    if merge, learning.save == nil, !partial { throw ValidationError("--merge makes a model (--save FILE) or other scores (--partial)") }
    if orderOptions.orderName == nil { try timeOption.checkUse(kindOptions) }
    try refitOptions.checkOrder(orderOptions)
    if refitOptions.folds != nil, orderOptions.orderName == nil { throw ValidationError("--folds needs --order, the times of rows") }
    if let partId {
      if !partial { throw ValidationError("--part-id goes with --partial") }
      if let fault = PartIDs.fault(partId) { throw ValidationError(fault) }
    }
    if compact, !partial { throw ValidationError("--compact goes with --partial") }
    if compact, weightOption.weight != nil { throw ValidationError("--compact keeps no weights; leave out --compact") }
  }

  func run() throws {
    if merge { return try ScoreMerging(flags: self).run() }
    let bounds = try self.bounds.map { try AnswerBounds(parsing: $0) }
    if let load = learning.load { return try answer(with: load, bounds) }
    let specification = try specification()
    let settings = try Settings(specification.settings, of: method(specification).description)
    let run = TableRun("qconformal", table, flags: flags)
    switch method(specification) {
    case .ofRows(let type):
      let calibrator = type.init(settings: settings)
      try check(calibrator, specification)
      try run.learn(
        SplitTask(
          flags: self, specification: specification, calibrator: calibrator, madeLevels: try levels.map { try Levels.parse($0) } ?? [],
          bounds: bounds ?? AnswerBounds()))
    case .ofCopies(let type):
      if orderOptions.orderName != nil {
        throw Failure(
          .usage, QConformal.refusalOfOrder(orderOptions.orderFlag, specification.method).cause, remedy: "unset it, or leave out --method")
      }
      try run.learn(
        CopiesTask(flags: self, specification: specification, calibrator: type.init(settings: settings), bounds: bounds ?? AnswerBounds()))
    case .online(let type):
      let task = try OnlineTask(self, type, specification, settings, bounds ?? AnswerBounds())
      defer { task.close() }
      try TableRun("qconformal", table, flags: flags, modelColumns: task.columns, reading: [stateOptions.state].compactMap { $0 }).stream(task)
    }
  }

  private func answer(with load: String, _ bounds: AnswerBounds?) throws {
    let file = try ModelFile(path: load, tool: "qconformal")
    let run = TableRun("qconformal", table, flags: flags, modelColumns: file.header.columns, reading: [load])
    guard SavedCopies.wrote(file) else {
      return try run.stream(SavedCalibrationTask(flags: self, saved: SavedCalibration(file, path: load), bounds: bounds))
    }
    let saved = try SavedCopies(file, path: load)
    if table.onError == .skip {
      let (cause, remedy) = QConformal.refusalOfSkipping(saved.specification.text)
      throw Failure(.usage, cause, remedy: remedy)
    }
    try run.stream(SavedCopiesTask(flags: self, saved: saved, bounds: bounds))
  }

  func specification() throws -> MethodSpecification {
    try MethodSpecification.parseOne(oneSided.map { "asymmetric:bound=" + $0 } ?? method ?? "cqr", known: Self.methods)
  }

  /// Refuses what does not go with a method that learns from all rows at once.
  private func check(_ calibrator: any Calibrator, _ specification: MethodSpecification) throws {
    let method = specification.method
    if partial, !(calibrator is any ScoreCalibrator) {
      throw Failure(.usage, "--partial: \(method) learns from more than scores", remedy: "calibrate the whole table")
    }
    if !calibrator.usesFeatures, !nameList(given).isEmpty {
      throw Failure(.usage, "--given: \(method) uses no columns", remedy: "use --method conditional")
    }
    if levels != nil, !calibrator.makesIntervals {
      throw Failure(.usage, "--levels: \(specification.text) makes no levels", remedy: "use --method residual")
    }
    if calibrator.needsWeights, weightOption.weight == nil, decay == nil {
      throw Failure(.usage, "--method \(method) needs weights", remedy: "name their column with -w, or let rows teach less with age by --decay")
    }
    if calibrator.usesFeatures, nameList(given).isEmpty {
      throw Failure(.usage, "--method \(method) needs columns to cover over", remedy: "name them with --given")
    }
    if !calibrator.takesWeights, weightOption.weight != nil || decay != nil {
      throw Failure(.usage, "\(method) takes no weights", remedy: "name what the shift depends on in --given")
    }
  }

  // MARK: What all modes write

  func plan(_ header: Header, _ groups: [QuantileColumns], _ encoder: RowEncoder, weight: Int?, bounds: AnswerBounds) -> AnswerPlan {
    AnswerPlan(header: header, groups: groups, encoder: encoder, appends: answerName != nil, weight: weight, bounds: bounds)
  }

  /// The groups in place, or one of them to the right under the name of `--as`.
  func output(_ groups: [QuantileColumns], dropped: Set<Int> = []) throws -> OutputColumns {
    guard let answerName else {
      return OutputColumns(
        changed: groups.flatMap(\.presentColumns), dropped: dropped,
        appended: groups.flatMap { group in group.madeLevels.map { QuantileGroup.columnName(group.name, $0) } })
    }
    guard groups.count == 1, let group = groups.first else {
      throw Failure(.usage, "--as \(answerName): the table has \(groups.count) quantile groups", remedy: "pick one with -g")
    }
    return OutputColumns(dropped: dropped, appended: group.levels.map { QuantileGroup.columnName(answerName, $0) })
  }

  /// What a saved calibration takes this table for.
  func explanation(_ groups: [QuantileColumns], _ specification: MethodSpecification, _ session: FilterSession) throws -> [(String, String)] {
    let found = session.reader.header!.quantileNames(input: session.inputName).groups.filter { group in groups.contains { $0.name == group.name } }
    return session.explanation(of: found) + [("method", specification.text)]
  }
}

enum ShiftWeightHelp: OptionHelp {
  static let text =
    "Column of row weights, finite and not negative: how many times more likely such a row is among those to be answered. Every row needs one."
}

enum IdentifyingColumnsHelp: OptionHelp {
  static let text = "those of --by, --order and --known"
}

enum RefitByTimeHelp: OptionHelp {
  static let text = "With --order, fit once for each time (the default), or for each block: of --folds, or of the column fold."
}

enum CalibratedGroupsHelp: OptionHelp {
  static let text = """
    Calibrate these quantile groups only, separated by commas: names, or patterns such as hub-*, with ! before those to leave out; \
    an empty name is the group without one (default: all).
    """
}
