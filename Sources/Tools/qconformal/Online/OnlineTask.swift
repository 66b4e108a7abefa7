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
    let target: Int
    let by: [Int]
    let order: TimeColumn?
    let known: TimeColumn?
    let id: [Int]?
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
      lag: flags.orderOptions.lag, id: flags.id.map(nameList))
    self.identity = identity
    let diagnostics = Diagnostics(tool: "qconformal", quiet: flags.table.quiet, verbose: flags.table.verbose)
    let file =
      try flags.table.explain
      ? nil
      : flags.state.map { path in
        try flags.table.checkWritten("--state", path)
        return try StateFile.open(path, tool: "qconformal", diagnostics: diagnostics)
      }
    self.file = file
    do {
      saved = try file.flatMap { file in try file.naming { try file.read().map { try SavedOnlineState($0, identity, path: file.path) } } }
    } catch {
      file?.close()
      throw error
    }
  }

  func close() { file?.close() }

  /// The columns of the table that the state was made of.
  var columns: [String]? { saved?.columns }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    try session.refuseCopies(header)
    let target = try session.requiredTarget(header, named: flags.targetOption.target)
    let found = try session.groups(header, picked: flags.groupsOption.groups)
    let by = try session.columns(header, identity.by)
    let format = try flags.timeOption.format()
    let (order, known) = try session.timeColumns(header, flags.orderOptions, format)
    let id = try identity.id.map { try session.columns(header, $0) }
    try session.checkRoles(
      header, alone: [("--target", target)],
      shared: [("--by", by), ("--order", [order?.column].compactMap { $0 }), ("--known", [known?.column].compactMap { $0 }), ("--id", id ?? [])])
    return Roles(target: target, by: by, order: order, known: known, id: id, found: found, groups: found.map { QuantileColumns($0) })
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    [("target", header.names[roles.target])] + roles.by.map { ("by", header.names[$0]) } + (identity.order.map { [("order", $0)] } ?? [])
      + session.explanation(of: roles.found) + [("method", specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns { try flags.output(roles.groups) }
  var takesRowsInOrder: Bool { true }

  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) throws -> OnlineWorker {
    let intervals = OnlineInterval.all(roles.groups)
    let plan = OnlineWorker.Plan(
      answers: flags.plan(header, roles.groups, encoder, weight: nil, bounds: bounds), target: roles.target, intervals: intervals,
      newOnly: flags.learning.newOnly, reports: flags.report)
    let lag = flags.orderOptions.lagSpan
    var series = OnlineSeries(header, by: roles.by, order: roles.order, lag: lag, format: session.reader.format)
    var kept = AnsweredRows<CalibratedAnswer>(limit: limit, lag: lag)
    let states = method.states(alphas: intervals.map(\.alpha), settings: settings)
    if let file {
      learntBefore = try file.naming {
        try saved?.read(roles.groups, target: header.names[roles.target], into: &series, &kept, states, path: file.path) ?? 0
      }
    }
    saved = nil
    let book = AnswerBook(series, kept, identity(roles, header), keepsAnswers: keepsAnswers(roles), learntRows: learntBefore)
    return OnlineWorker(plan, book, states)
  }

  /// How many open rows are kept.
  private var limit: Int { flags.keepOpen ?? 1_000_000 }

  /// Whether rows are kept until their targets come.
  private func keepsAnswers(_ roles: Roles) -> Bool { flags.state != nil && (roles.order != nil || roles.id != nil) }

  /// What tells answered rows apart, where they are kept, and when their truth is known.
  private func identity(_ roles: Roles, _ header: Header) -> RowIdentity? {
    guard keepsAnswers(roles) || roles.known != nil else { return nil }
    return RowIdentity(header, id: roles.id, by: roles.by, order: roles.order, known: roles.known)
  }

  func complete(_ workers: [OnlineWorker], _ roles: Roles, _ counts: RowCounts, _ session: FilterSession) -> Int? {
    flags.learning.newOnly ? counts.read - counts.skipped - workers[0].labelledRows : nil
  }

  func conclude(_ workers: [OnlineWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws {
    let worker = workers[0]
    CalibrationMessages.tellCrossing([worker.row], session.diagnostics.warn)
    if let file, worker.book.hasChanged {
      try file.replace(by: SavedOnlineState.model(identity, header, target: header.names[roles.target], roles.groups, worker))
    }
    worker.teachAll()
    tell(worker, roles, session)
    if flags.report { try OnlineReport(roles.groups, OnlineInterval.all(roles.groups), worker.changes).write(session) }
  }

  private func tell(_ worker: OnlineWorker, _ roles: Roles, _ session: FilterSession) {
    let diagnostics = session.diagnostics
    CalibrationMessages.tellUnpaired(roles.groups.filter { LevelPairs($0.levels).pairs.isEmpty }, of: roles.groups, diagnostics)
    worker.book.tell(order: identity.order, state: flags.state, limit: limit, diagnostics)
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
