import Calibration
import FilterKit
import Groundwork
import MethodKit
import OnlineKit
import Quantiles
import Tables

/// Streams rows through an online method, from the state of earlier runs to that of the next.
final class OnlineTask: StreamingTask {
  private let flags: QConformal
  private let method: any OnlineCalibrator.Type
  private let specification: MethodSpecification
  private let settings: Settings
  private let bounds: AnswerBounds
  private let identity: OnlineIdentity
  private let file: StateFile?
  private var saved: SavedOnlineState?
  private var learntBefore = 0

  struct Roles {
    let columns: OnlineColumns
    let found: [QuantileGroup]
    let groups: [QuantileColumns]
  }

  /// Opens the state, if there is one, and waits until no other run has it; `close` lets go of it.
  init(_ flags: QConformal, _ method: any OnlineCalibrator.Type, _ specification: MethodSpecification, _ settings: Settings, _ bounds: AnswerBounds)
    throws
  {
    self.flags = flags
    self.method = method
    self.specification = specification
    self.bounds = bounds
    self.settings = settings
    let identity = OnlineIdentity(
      specification, method.description, by: nameList(flags.by), order: flags.orderOptions.orderName, known: flags.orderOptions.knownName,
      lag: flags.orderOptions.lag, id: flags.stateOptions.id.map(nameList))
    self.identity = identity
    (file, saved) = try flags.stateOptions.open(flags.table, tool: "qconformal") { try SavedOnlineState($0, identity, path: $1) }
  }

  func close() { file?.close() }

  /// The columns of the table that the state was made of.
  var columns: [String]? { saved?.columns }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let columns = try OnlineColumns(session, header, identity, target: flags.targetOption, flags.orderOptions, flags.timeOption)
    let found = try session.groups(header, picked: flags.groupsOption.groups)
    return Roles(columns: columns, found: found, groups: found.map { QuantileColumns($0) })
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    [("target", header.names[roles.columns.target])] + roles.columns.by.map { ("by", header.names[$0]) }
      + (identity.order.map { [("order", $0)] } ?? [])
      + session.explanation(of: roles.found) + [("method", specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns { try flags.output(roles.groups) }
  var takesRowsInOrder: Bool { true }

  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) throws -> OnlineWorker {
    let intervals = OnlineInterval.all(roles.groups)
    let plan = OnlineWorker.Plan(
      answers: flags.plan(header, roles.groups, encoder, weight: nil, bounds: bounds), target: roles.columns.target, intervals: intervals,
      newOnly: flags.learning.newOnly, reports: flags.report)
    var series = roles.columns.series(session, header)
    var kept: AnsweredRows<CalibratedAnswer> = roles.columns.noRows(limit: flags.stateOptions.keepLimit)
    let states = method.states(alphas: intervals.map(\.alpha), settings: settings)
    if let file {
      learntBefore = try file.naming {
        try saved?.read(roles.groups, target: header.names[roles.columns.target], into: &series, &kept, states, path: file.path) ?? 0
      }
    }
    saved = nil
    let book = roles.columns.book(series, kept, header, keeps: file != nil, learntRows: learntBefore)
    return OnlineWorker(plan, book, states)
  }

  func complete(_ workers: [OnlineWorker], _ roles: Roles, _ counts: RowCounts, _ session: FilterSession) -> Int? {
    flags.learning.newOnly ? counts.read - counts.skipped - workers[0].labelledRows : nil
  }

  func conclude(_ workers: [OnlineWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws {
    let worker = workers[0]
    CalibrationMessages.tellCrossing([worker.row], session.diagnostics.warn)
    if let file, worker.book.hasChanged {
      try file.replace(by: SavedOnlineState.model(identity, header, target: header.names[roles.columns.target], roles.groups, worker))
    }
    worker.teachAll()
    tell(worker, roles, session)
    if flags.report { try OnlineReport(roles.groups, OnlineInterval.all(roles.groups), worker.changes).write(session) }
  }

  private func tell(_ worker: OnlineWorker, _ roles: Roles, _ session: FilterSession) {
    let diagnostics = session.diagnostics
    CalibrationMessages.tellUnpaired(roles.groups.filter { LevelPairs($0.levels).pairs.isEmpty }, of: roles.groups, diagnostics)
    worker.book.tell(order: identity.order, state: flags.stateOptions.state, diagnostics)
    if worker.row.unboundedRows > 0 {
      diagnostics.warn(
        "\(counted(worker.row.unboundedRows, "row has", "rows have")) infinite quantiles: too few rows taught before, or too many targets were missed"
      )
    }
    diagnostics.note("\(counted(worker.book.learntRows, "row")) learnt, in \(worker.states.series) series")
    guard worker.states.series == 1 else { return }
    for (k, interval) in OnlineInterval.all(roles.groups).enumerated() {
      let group = roles.groups[interval.group]
      let thresholds = worker.states.thresholds(series: 0, interval: k)
      let amounts =
        thresholds.lower == thresholds.upper
        ? "by \(shortestText(thresholds.lower))" : "by \(shortestText(thresholds.lower)) below and \(shortestText(thresholds.upper)) above"
      diagnostics.note(
        """
        \(roles.groups.count > 1 ? group.title + ": " : "")levels \(levelText(group.levels[interval.pair.lower])) and \
        \(levelText(group.levels[interval.pair.upper])): moved outwards \(amounts) next
        """
      )
    }
  }
}
