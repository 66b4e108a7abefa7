import Calibration
import FilterKit
import Groundwork
import LinearAlgebra
import MethodKit
import Quantiles
import Tables

/// Learns from the labelled rows of a table how far quantiles are off, over its folds, and calibrates all rows.
struct SplitTask: LearningTask {
  let flags: QConformal
  let specification: MethodSpecification
  let calibrator: any Calibrator
  /// Levels that are made beside those of the table.
  let madeLevels: [Double]
  let bounds: AnswerBounds

  struct Roles {
    let columns: CalibrationRoles
    let found: [QuantileGroup]
    let groups: [QuantileColumns]
  }

  var options: LearningOptions { flags.learning }
  var takesNoRows: Bool { options.save != nil || flags.partial }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let columns = try CalibrationRoles(session, header, flags)
    let found = try session.groups(header, picked: flags.groupsOption.groups)
    let groups = found.map { QuantileColumns($0, adding: madeLevels) }
    for group in groups { try checkMadeLevels(of: group) }
    return Roles(columns: columns, found: found, groups: groups)
  }

  private func checkMadeLevels(of group: QuantileColumns) throws {
    let levels = Set(group.levels.map { Level($0) })
    guard let level = madeLevels.map({ Level($0) }).first(where: { !levels.contains($0.complement) }) else { return }
    throw Failure(
      .usage, "--levels \(flags.levels!): an interval needs two ends, and \(levelText(level.value)) has no complement",
      remedy: "add \(levelText(level.complement.value))")
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    roles.columns.explanation(header) + session.explanation(of: roles.found) + [("method", specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns { try flags.output(roles.groups) }

  func storage(_ roles: Roles) -> TableStorage {
    TableStorage(roles: roles.columns.stored, packing: roles.columns.packing(roles.groups, newOnly: options.newOnly), memory: options.memoryBytes)
  }

  func features(_ roles: Roles) -> [Int] { roles.columns.given }

  func finishEmpty(_ session: FilterSession) throws {
    if flags.partial { throw session.failure("the table is empty, so it has no scores") }
    try options.finishEmpty(session)
  }

  func learn(_ table: StoredTable, _ roles: Roles, _ session: FilterSession) throws -> SplitCalibration {
    if flags.partial {
      let scores = try PartialScores(
        table, roles.columns, roles.groups, calibrator as! any ScoreCalibrator, specification, bounds, part: flags.partId, session)
      return SplitCalibration(task: self, roles: roles, header: table.header, learnt: .scores(scores))
    }
    if calibrator.usesFeatures { try reserveBLASMemory(threads: session.threads) }
    CalibrationMessages.tellLaterRows(flags, session)
    let answersLabelled = !options.newOnly || flags.report
    let rows = try CalibrationRows(
      table, roles.columns, decay: flags.decay, folds: flags.refitOptions.folds, answersLabelled: answersLabelled, session)
    if answersLabelled, roles.columns.order == nil, roles.columns.fold == nil, flags.decay == nil {
      session.warnOfSharedDates(
        table, roles: [roles.columns.target, roles.columns.weight], doing: "a labelled row is answered by what all others teach")
    }
    let trainings = rows.trainings(table, roles.groups)
    table.forgetNumbers()
    if options.newOnly { table.forgetRecords { !rows.isLabelled($0) } }
    let calibrations = try zip(roles.groups, trainings).map { group, training in
      do {
        return try KeyedCalibration(
          calibrator, training, rows, leastRows: flags.minRows, answersLabelled: answersLabelled, session: session)
      } catch var failure as Failure {
        failure.cause = "\(group.title): \(failure.cause)"
        throw failure
      }
    }
    CalibrationMessages(groups: roles.groups, calibrations: calibrations, by: roles.columns.by.map { table.header.names[$0] }, session: session)
      .tell()
    return SplitCalibration(
      task: self, roles: roles, header: table.header,
      learnt: .calibrations(calibrations, rows, trainings, crossing: options.newOnly ? rows.crossing(trainings, threads: session.threads) : 0))
  }
}

/// Calibrations that were learnt from a table, and answer its rows; or, with `--partial`, the scores that they would be made of.
struct SplitCalibration: LearntAnswers {
  enum Learnt {
    /// `crossing` labelled rows, which are not written, have quantiles that cross.
    case calibrations([KeyedCalibration], CalibrationRows, [CalibrationTraining], crossing: Int)
    case scores(PartialScores)
  }

  let task: SplitTask
  let roles: SplitTask.Roles
  let header: Header
  let learnt: Learnt

  private var by: [String] { roles.columns.by.map { header.names[$0] } }

  func model(_ header: Header) throws -> ModelFile {
    guard case .calibrations(let calibrations, let rows, _, _) = learnt else { preconditionFailure("--partial and --save exclude each other") }
    let terms = CalibrationTerms(weight: roles.columns.weight.map { header.names[$0] }, by: by, bounds: task.bounds)
    let saved = SavedCalibration(
      specification: task.specification, terms: terms, groups: zip(roles.groups, calibrations).map(SavedCalibration.Group.init),
      features: rows.features, dates: rows.dates)
    return saved.model(
      columns: header.names, target: header.names[roles.columns.target], rows: rows.labelled.count,
      order: roles.columns.order?.summary(header) ?? [:])
  }

  func report(_ counts: RowCounts, _ session: FilterSession) throws -> Bool {
    guard case .scores(var scores) = learnt else { return false }
    if task.flags.compact { scores.compact() }
    try scores.file().write(to: session.output)
    try session.finish(counts, written: 0)
    return true
  }

  func workers(_ encoder: RowEncoder, _ count: Int) -> [CrossFittedWorker] {
    guard case .calibrations(let calibrations, let rows, _, _) = learnt else { preconditionFailure("scores answer no rows") }
    let plan = task.flags.plan(header, roles.groups, encoder, weight: roles.columns.weight, bounds: task.bounds)
    return (0..<count).map { _ in CrossFittedWorker(plan, calibrations, rows, skipsLabelled: task.options.newOnly) }
  }

  var written: Int? {
    guard case .calibrations(_, let rows, _, _) = learnt, task.options.newOnly else { return nil }
    return rows.positionOfRow.count - rows.labelled.count
  }

  func conclude(_ workers: [CrossFittedWorker], _ session: FilterSession) throws {
    guard case .calibrations(let calibrations, let rows, let trainings, let crossing) = learnt else { return }
    let written = workers.map(\.row)
    CalibrationMessages.tellCrossing(written, unwritten: crossing, session.diagnostics.warn)
    CalibrationMessages.tellUnbounded(
      written, conditional: task.calibrator.usesFeatures, weighted: roles.columns.weight != nil, session.diagnostics.warn)
    guard task.flags.report else { return }
    try CalibrationReport(groups: roles.groups, trainings: trainings, calibrations: calibrations, rows: rows, by: by, bounds: task.bounds).write(
      session)
  }
}
