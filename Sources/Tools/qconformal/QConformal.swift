import ArgumentParser
import Calibration
import FilterKit
import Groundwork
import MethodKit
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
      level and its mirror) by what makes it cover at its level in finite samples, and then ordered outwards from the median. \
      --by does so for each group of rows, -w and --decay where new rows are not like the old. A labelled row is answered with what the rows of other folds teach (column fold; without one, with all rows but itself), an \
      unlabelled row with what all labelled rows teach. The labelled rows' predictions must come from models that did not see \
      them, as qfit and qaggregate write them.

      --method cv+ takes tables of qfit --cv-plus, or of qfit --nested and then qaggregate, in which a row to be answered stands once \
      for each fold (column held): its copies become one row again, calibrated by CV+, which covers whatever the loss of a fold \
      does to the models. A labelled row is answered as if its fold were new: by its copies and the other folds' scores by models \
      without both folds, or, where the table has none, by its one prediction and the other folds' scores.

      EXAMPLES
        qfit -y price < table.csv | qaggregate -y price | qsort |
          qconformal -y price > intervals.csv
        qconformal -y price --save cqr.model < validation.csv > /dev/null
        qconformal --load cqr.model < predicted.csv
        qconformal -y price --partial < monday.csv > monday.scores
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
    help: ArgumentHelp("How to calibrate: \(methodList(methods)) (default: cqr).", valueName: "method"), completion: .list(methods.map(\.name)))
  var method: String?

  @OptionGroup var targetOption: TargetOption

  @Option(
    help: ArgumentHelp(
      "Make every level an upper (or a lower) bound on its own, as service levels are: short for --method asymmetric:bound=upper.", valueName: "side"),
    completion: .list(["upper", "lower"]))
  var oneSided: String?

  @Option(
    name: [.customShort("w"), .long],
    help: ArgumentHelp(
      "Column of row weights, finite and not negative: how many times more likely such a row is among those to be answered. Every row needs one.",
      valueName: "name"))
  var weight: String?

  @Option(help: ArgumentHelp("Where rows are in order of time: how much less each row teaches than the next, such as 0.99.", valueName: "factor"))
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

  @Option(
    name: [.customShort("g"), .long],
    help: ArgumentHelp(
      "Calibrate these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Option(name: .customLong("as"), help: ArgumentHelp("Leave the group as it is and append the calibrated one under this name.", valueName: "name"))
  var answerName: String?

  @Option(
    help: ArgumentHelp(
      "With an online method, check that this column never decreases, in each series: numbers by size, other text (dates such as 2024-12-31) by its bytes.",
      valueName: "name"))
  var order: String?

  @Option(
    help: ArgumentHelp(
      "With an online method, go on from what this file holds, and replace it at the end by what was learnt. A run waits for another that uses the file. With --order, rows up to the last one learnt do not teach again, so all rows of a time belong in one run.",
      valueName: "file"), completion: .file())
  var state: String?

  @Flag(help: "Write the scores of labelled rows in place of the table, to be merged later.")
  var partial = false

  @Flag(
    help:
      "Read what --partial wrote, from files or stdin, and calibrate on all of it: --save gets the bytes that the whole table would give, --partial writes the merged scores."
  )
  var merge = false

  @Flag(
    help:
      "With --partial, keep some thousand scores of each interval; thresholds are then up to one in a thousand of the rows further out, never further in."
  )
  var compact = false

  @Option(
    help: ArgumentHelp(
      "With --method conditional, the columns over whose linear functions intervals cover, separated by commas.", valueName: "columns"))
  var given: String?

  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { calibrationRegistry.descriptions }

  func validate() throws {
    if let refusal = validatePartial() { throw ValidationError(refusal) }
    try learning.refuseTeaching([
      ("--method", method != nil), ("--one-sided", oneSided != nil), ("--groups", groups != nil), ("--target", targetOption.target != nil),
      ("--weight", weight != nil), ("--decay", decay != nil), ("--by", by != nil), ("--min-rows", minRows != nil), ("--levels", levels != nil),
      ("--report", report),
      ("--order", order != nil), ("--state", state != nil), ("--given", given != nil),
    ])
    if let decay, !(decay > 0 && decay <= 1) { throw ValidationError("--decay \(decay): write a number above 0, at most 1") }
    if let minRows, minRows < 1 || by == nil && !merge {
      throw ValidationError(minRows < 1 ? "--min-rows \(minRows): at least 1" : "--min-rows needs --by")
    }
    if method != nil, oneSided != nil { throw ValidationError("--one-sided is a method of its own; leave out --method") }
    if let oneSided, !["upper", "lower"].contains(oneSided) { throw ValidationError("--one-sided \(oneSided): write upper or lower") }
  }

  mutating func run() throws {
    if merge { return try mergeScores() }
    let bounds = try self.bounds.map { try AnswerBounds(parsing: $0) }
    if let load = learning.load {
      let file = try ModelFile(path: load, tool: "qconformal")
      if SavedCopies.wrote(file) { return try answerCopies(with: SavedCopies(file, path: load), bounds) }
      return try answer(with: SavedCalibration(file, path: load), bounds)
    }
    let specification = try MethodSpecification.parseOne(oneSided.map { "asymmetric:bound=" + $0 } ?? method ?? "cqr", known: Self.methods)
    if let method = onlineRegistry.first(where: { $0.description.name == specification.method }) {
      return try calibrateOnline(method, specification, bounds ?? AnswerBounds())
    }
    if let flag = order != nil ? "--order" : state != nil ? "--state" : nil {
      throw Failure(
        .usage, "\(flag): \(specification.method) learns from all rows at once",
        remedy: "choose an online method: \(onlineRegistry.map { $0.description.name }.joined(separator: ", "))")
    }
    // nil for cv+, which learns from copies.
    let type = calibratorRegistry.first { $0.description.name == specification.method }
    let known = try type.map { $0.init(settings: try Settings(specification.settings, of: $0.description)) }
    if partial, !(known is any ScoreCalibrator) {
      throw Failure(.usage, "--partial: \(specification.method) learns from more than scores", remedy: "calibrate the whole table")
    }
    if known?.usesFeatures != true, !nameList(given).isEmpty {
      throw Failure(.usage, "--given: \(specification.method) uses no columns", remedy: "use --method conditional")
    }
    guard let calibrator = known else { return try calibrateCopies(specification, bounds) }
    if levels != nil, !calibrator.makesIntervals {
      throw Failure(.usage, "--levels: \(specification.text) makes no levels", remedy: "use --method residual")
    }
    if calibrator.needsWeights, weight == nil, decay == nil {
      throw Failure(
        .usage, "--method \(specification.method) needs weights", remedy: "name their column with -w, or let rows teach less with age by --decay")
    }
    if calibrator.usesFeatures, nameList(given).isEmpty {
      throw Failure(.usage, "--method \(specification.method) needs columns to cover over", remedy: "name them with --given")
    }
    if !calibrator.takesWeights, weight != nil || decay != nil {
      throw Failure(.usage, "\(specification.method) takes no weights", remedy: "name what the shift depends on in --given")
    }
    let made = try levels.map { try Levels.parse($0) } ?? []
    try learning.checkSaving(table)

    let session = try FilterSession(tool: "qconformal", table)
    guard let header = session.reader.header else {
      if partial { throw session.failure("the table is empty, so it has no scores") }
      return try learning.finishEmpty(session)
    }
    let roles = try CalibratingRoles(session, header, self)
    let found = try session.groups(header, picked: self.groups)
    let groups = found.map { WorkingGroup($0, adding: made) }
    for group in groups {
      let keys = Set(group.levels.map(Levels.key))
      if let level = made.first(where: { !keys.contains(1_000_000_000 - Levels.key($0)) }) {
        let mirror = levelText(Double(1_000_000_000 - Levels.key(level)) / 1e9)
        throw Failure(.usage, "--levels \(levels!): an interval needs two ends, and \(levelText(level)) has no mirror", remedy: "add \(mirror)")
      }
    }
    if table.explain { return try session.explain(roles.explanation(header) + session.explanation(of: found) + [("method", specification.text)]) }
    let encoder = try self.encoder(session, header, groups)

    let held = try session.hold(header, roles: roles.held, packing: roles.packing(groups, newOnly: learning.newOnly), memory: learning.memoryBytes)
    if partial {
      return try writePartial(
        PartialScores(held, roles, groups, calibrator as! any ScoreCalibrator, specification, bounds ?? AnswerBounds(), session), session, held.counts
      )
    }
    guard held.rows > 0 || learning.save != nil else {
      try session.writeHeader(encoder)
      return try session.finish(held.counts)
    }
    let rows = try CalibrationRows(held, roles, decay: decay, session)
    let trainings = rows.trainings(held, groups)
    held.forgetNumbers()
    if learning.newOnly { held.forgetRecords { !rows.isLabelled($0) } }
    let calibrations = try zip(groups, trainings).map { group, training in
      do {
        return try PartedCalibration(
          calibrator, training, rows, leastRows: minRows, answersLabelled: !learning.newOnly || report, session: session)
      } catch var failure as Failure {
        failure.cause = "\(group.title): \(failure.cause)"
        throw failure
      }
    }
    let by = roles.by.map { header.names[$0] }
    CalibrationMessages(groups: groups, calibrations: calibrations, by: by, session: session).tell()
    if let save = learning.save {
      let saved = SavedCalibration(
        specification: specification,
        terms: CalibrationTerms(weight: roles.weight.map { header.names[$0] }, by: by, bounds: bounds ?? AnswerBounds()),
        groups: zip(groups, calibrations).map(SavedCalibration.Group.init), features: rows.features)
      try saved.model(columns: header.names, target: header.names[roles.target], rows: rows.labelled.count).save(to: save)
    }

    try session.writeHeader(encoder)
    let plan = CalibratingWorker.Plan(
      header: header, groups: groups, encoder: encoder, appends: answerName != nil, weight: roles.weight, bounds: bounds ?? AnswerBounds())
    var workers: [CalibratingWorker] = []
    try session.answer(held) {
      let skips: ((Int) -> Bool)? = learning.newOnly ? { rows.isLabelled($0) } : nil
      workers.append(CalibratingWorker(plan, .crossFitted({ g, row in try calibrations[g].fitted(forRow: row) }, skips: skips)))
      return workers.last!
    }
    CalibrationMessages.tellCrossing(
      workers, unwritten: learning.newOnly ? rows.crossing(trainings, threads: session.threads) : 0, session.diagnostics.warn)
    CalibrationMessages.tellUnbounded(workers, conditional: calibrator.usesFeatures, weighted: roles.weight != nil, session.diagnostics.warn)
    try session.finish(held.counts, written: learning.newOnly ? held.rows - rows.labelled.count : nil)
    if report {
      try CalibrationReport(groups: groups, trainings: trainings, calibrations: calibrations, rows: rows, by: by, bounds: plan.bounds).write(session)
    }
  }

  private func answer(with saved: SavedCalibration, _ bounds: AnswerBounds?) throws {
    let session = try FilterSession(tool: "qconformal", table, modelColumns: saved.columns, reading: [learning.load!])
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    let groups = try saved.groups(header, session)
    if table.explain { return try explain(session, header, groups, saved.specification) }
    let encoder = try encoder(session, header, groups)
    let calibration = try saved.calibration(header, session)
    let plan = CalibratingWorker.Plan(
      header: header, groups: groups, encoder: encoder, appends: answerName != nil,
      weight: try saved.terms.weight.map { try session.column(header, $0) },
      bounds: bounds ?? saved.terms.bounds)
    try session.writeHeader(encoder)
    var workers: [CalibratingWorker] = []
    let counts = try session.stream(header) {
      workers.append(CalibratingWorker(plan, calibration))
      return workers.last!
    }
    CalibrationMessages.tellCrossing(workers, session.diagnostics.note)
    CalibrationMessages.tellUnbounded(workers, conditional: saved.given != nil, weighted: saved.terms.weight != nil, session.diagnostics.note)
    try session.finish(counts)
  }

  /// What a saved calibration takes this table for.
  func explain(_ session: FilterSession, _ header: Header, _ groups: [WorkingGroup], _ specification: MethodSpecification) throws {
    let found = try session.groups(header, picked: nil).filter { group in groups.contains { $0.name == group.name } }
    try session.explain(session.explanation(of: found) + [("method", specification.text)])
  }

  func encoder(_ session: FilterSession, _ header: Header, _ groups: [WorkingGroup], dropped: Set<Int> = []) throws -> RowEncoder {
    guard let answerName else {
      return try session.encoder(
        header, changed: groups.flatMap(\.presentColumns), dropped: dropped,
        appended: groups.flatMap { group in group.madeLevels.map { QuantileGroup.columnName(group.name, $0) } })
    }
    guard groups.count == 1, let group = groups.first else {
      throw Failure(.usage, "--as \(answerName): the table has \(groups.count) quantile groups", remedy: "pick one with -g")
    }
    return try session.encoder(header, dropped: dropped, appended: group.levels.map { QuantileGroup.columnName(answerName, $0) })
  }
}
