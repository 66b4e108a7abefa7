import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// `--method cv+`: the copies of a row, each by models that did not see one of the folds, become one calibrated row.
struct CopiesTask: LearningTask {
  let flags: QConformal
  let specification: MethodSpecification
  let calibrator: any CopyCalibrator
  let bounds: AnswerBounds

  struct Roles {
    let columns: CalibrationRoles
    let copy: Int
    let found: [QuantileGroup]
    let groups: [QuantileColumns]
  }

  var options: LearningOptions { flags.learning }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let columns = try CalibrationRoles(session, header, flags, takesCopies: true)
    let found = try session.groups(header, picked: flags.groupsOption.groups)
    return Roles(columns: columns, copy: columns.copy!, found: found, groups: found.map { QuantileColumns($0) })
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    roles.columns.explanation(header) + session.explanation(of: roles.found) + [("method", specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns { try flags.output(roles.groups, dropped: [roles.copy]) }

  func storage(_ roles: Roles) -> TableStorage {
    TableStorage(roles: roles.columns.stored + roles.groups.flatMap(\.presentColumns).map { ($0, .number) }, memory: options.memoryBytes)
  }

  func learn(_ table: StoredTable, _ roles: Roles, _ session: FilterSession) throws -> CopiesCalibration {
    let columns = roles.columns
    let copies = try RowCopies(
      table, target: columns.target, fold: columns.fold, held: roles.copy, shared: [columns.weight].compactMap { $0 }, session)
    CalibrationMessages.tellLaterRows(flags, session)
    let rows = try CalibrationRows(table, columns, decay: flags.decay, session, teaches: copies.isOwn)
    let isLabelled = table.numbers(columns.target).map { !$0.isNaN }
    let answersLabelled = !options.newOnly || flags.report
    let calibrations = try roles.groups.map {
      try CopiedCalibration(calibrator, table, $0, copies, rows, leastRows: flags.minRows, answersLabelled: answersLabelled, session: session)
    }
    table.forgetNumbers()
    CalibrationMessages(groups: roles.groups, calibrations: calibrations, by: columns.by.map { table.header.names[$0] }, session: session).tell()
    return CopiesCalibration(
      task: self, roles: roles, header: table.header, copies: copies, rows: rows, calibrations: calibrations,
      originals: copies.first.indices.filter { !options.newOnly || !isLabelled[copies.first[$0]] }, threads: session.threads)
  }
}

/// CV+ calibrations that were learnt from a table of copies, and answer its rows.
struct CopiesCalibration: LearntAnswers {
  let task: CopiesTask
  let roles: CopiesTask.Roles
  let header: Header
  let copies: RowCopies
  let rows: CalibrationRows
  let calibrations: [CopiedCalibration]
  /// Rows, as they were before they were copied, that are written.
  let originals: [Int]
  let threads: Int

  private var by: [String] { roles.columns.by.map { header.names[$0] } }

  func model(_ header: Header) -> ModelFile {
    let terms = CalibrationTerms(weight: roles.columns.weight.map { header.names[$0] }, by: by, bounds: task.bounds)
    let saved = SavedCopies(specification: task.specification, folds: copies.folds, terms: terms, groups: roles.groups, calibrations)
    return saved.model(header: header, target: header.names[roles.columns.target], rows: rows.labelled.count)
  }

  func workers(_ encoder: RowEncoder, _ count: Int) throws -> [CopiedAnswersWorker] {
    let answers = try CopiedAnswers(calibrations, roles.groups, copies, written: originals, threads: threads)
    let plan = task.flags.plan(header, roles.groups, encoder, weight: roles.columns.weight, bounds: task.bounds)
    return (0..<count).map { _ in CopiedAnswersWorker(plan, answers) }
  }

  var written: Int? { originals.count }

  func conclude(_ workers: [CopiedAnswersWorker], _ session: FilterSession) throws {
    let unwritten = task.options.newOnly ? rows.crossing(calibrations.map(\.training), threads: session.threads) : 0
    CalibrationMessages.tellCrossing(workers.map(\.row), unwritten: unwritten, session.diagnostics.warn)
    guard task.flags.report else { return }
    try CalibrationReport(
      groups: roles.groups, trainings: calibrations.map(\.training), calibrations: calibrations, rows: rows, by: by, bounds: task.bounds
    ).write(session)
  }
}
