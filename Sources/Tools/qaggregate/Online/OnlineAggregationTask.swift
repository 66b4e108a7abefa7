import Aggregation
import FilterKit
import Groundwork
import MethodKit
import OnlineKit
import Quantiles
import Tables

/// What a run of an online method does, whether it answers rows or describes weights: from the state of earlier runs to that of the next.
final class OnlineAggregation {
  let flags: QAggregate
  let specification: MethodSpecification
  private let method: OnlineAggregator
  private let settings: Settings
  private let identity: OnlineIdentity
  private let within: [String]
  private let file: StateFile?
  private var saved: SavedAggregationState?
  /// What was learnt, once rows are read.
  private var state: OnlineAggregationState?

  struct Roles {
    let columns: OnlineColumns
    let combination: Combination
  }

  /// Opens the state, if there is one, and waits until no other run has it; `close` lets go of it.
  init(_ flags: QAggregate, _ method: OnlineAggregator, _ specification: MethodSpecification) throws {
    self.flags = flags
    self.method = method
    self.specification = specification
    settings = try Settings(specification.settings, of: method.description)
    let (options, order) = (flags.onlineOptions, flags.orderOptions)
    let identity = OnlineIdentity(
      specification, method.description, by: nameList(options.by), order: order.orderName, known: order.knownName, lag: order.lag,
      id: options.keeping.id.map(nameList))
    let within = nameList(options.within)
    (self.identity, self.within) = (identity, within)
    (file, saved) = try options.keeping.open(flags.table, tool: "qaggregate") { file, path in
      try SavedAggregationState(file, identity, within: within, path: path)
    }
  }

  func close() { file?.close() }

  /// The columns of the table that the state was made of.
  var columns: [String]? { saved?.columns }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let columns = try OnlineColumns(session, header, identity, within: within, target: flags.targetOption, flags.orderOptions, flags.timeOption)
    let groups = try session.groups(header, picked: flags.groupsOption.groups)
    if let saved, let file { try saved.check(target: header.names[columns.target], groups, path: file.path) }
    return Roles(
      columns: columns,
      combination: Combination(specification: specification, groups: groups, levels: saved?.levels, isotonic: flags.answerOrder))
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    func named(_ flag: String, _ columns: [Int]) -> [(String, String)] { columns.map { (flag, header.names[$0]) } }
    let columns = roles.columns
    return [("target", header.names[columns.target])] + named("by", columns.by) + named("within", columns.within)
      + named("order", [columns.order?.column].compactMap { $0 }) + named("known", [columns.known?.column].compactMap { $0 })
      + (identity.lag.map { [("lag", $0)] } ?? []) + session.explanation(of: roles.combination.groups) + [("method", specification.text)]
  }

  /// A worker of those that share what is learnt.
  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder?, _ session: FilterSession) throws -> OnlineAggregationWorker {
    let state = try self.state ?? opened(roles, header, session)
    self.state = state
    let plan = OnlineAggregationWorker.Plan(
      header: header, combination: roles.combination, target: roles.columns.target, newOnly: flags.learning.newOnly, encoder: encoder,
      combines: method.combination(settings))
    return OnlineAggregationWorker(plan, state)
  }

  /// What earlier runs have learnt.
  private func opened(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> OnlineAggregationState {
    let columns = roles.columns
    var series = columns.series(session, header)
    var kept: AnsweredRows<AggregatedAnswer> = columns.noRows(limit: flags.onlineOptions.keeping.keepLimit)
    var groups = RowGroups(by: columns.by, within: columns.within)
    var names = ModelNames()
    let learner = OnlineWeights(method.plan(settings, levels: roles.combination.levels, families: groups.families.count))
    var learntRows = 0
    if let file {
      learntRows = try file.naming { try saved?.read(into: &series, &kept, &groups, &names, learner) ?? 0 }
    }
    saved = nil
    let book = columns.book(series, kept, header, keeps: file != nil, learntRows: learntRows)
    return OnlineAggregationState(roles.combination, book, groups, learner, names)
  }

  /// Keeps what was learnt for the next run.
  func save(_ state: OnlineAggregationState, _ roles: Roles, _ header: Header) throws {
    guard let file, state.book.hasChanged else { return }
    try file.replace(
      by: SavedAggregationState.model(
        identity, within: within, header, target: header.names[roles.columns.target], levels: roles.combination.levels, state))
  }

  /// Tells what rows lacked, and which of them did not teach.
  func tell(_ workers: [OnlineAggregationWorker], _ roles: Roles, _ session: FilterSession) {
    var omissions = workers[0].omissions
    for worker in workers.dropFirst() { omissions.add(worker.omissions) }
    omissions.tell(roles.combination, session.diagnostics)
    workers[0].state.book.tell(order: identity.order, state: flags.onlineOptions.keeping.state, session.diagnostics)
  }
}

/// What a task over such a run knows from it.
protocol OnlineAggregationRun: TableTask where Roles == OnlineAggregation.Roles {
  var run: OnlineAggregation { get }
}

extension OnlineAggregationRun {
  func roles(_ header: Header, _ session: FilterSession) throws -> Roles { try run.roles(header, session) }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] { run.explanation(roles, header, session) }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool {
    roles.combination.tellLevels(session)
    return true
  }
}

/// Streams rows through an online method.
struct OnlineAggregationTask: OnlineAggregationRun, StreamingTask {
  let run: OnlineAggregation

  func output(_ roles: Roles, _ header: Header) -> OutputColumns {
    CombinedColumns(name: run.flags.answerName, keepsModels: run.flags.keep).output(roles.combination)
  }

  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) throws -> OnlineAggregationWorker {
    try run.worker(roles, header, encoder, session)
  }

  func complete(_ workers: [OnlineAggregationWorker], _ roles: Roles, _ counts: RowCounts, _ session: FilterSession) -> Int? {
    run.flags.learning.newOnly ? counts.read - counts.skipped - workers.reduce(0) { $0 + $1.labelledRows } : nil
  }

  func conclude(_ workers: [OnlineAggregationWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws {
    let state = workers[0].state
    try run.save(state, roles, header)
    run.tell(workers, roles, session)
    // What is told of weights takes as long as an answer to a row of each group.
    guard run.flags.table.verbose else { return }
    state.teachAll()
    WeightSummary(state, within: roles.columns.within.map { header.names[$0] }).tell(session.diagnostics)
  }
}

/// Reads all rows as an online method does, and writes the weights that it learnt in place of the rows. A state is read and left as it is.
struct OnlineDescribingTask: OnlineAggregationRun, ReportingTask {
  let run: OnlineAggregation

  var takesRowsInOrder: Bool { true }

  func worker(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> OnlineAggregationWorker {
    let worker = try run.worker(roles, header, nil, session)
    if roles.columns.order != nil { worker.state.history = WeightHistory() }
    return worker
  }

  func findings(
    _ workers: [OnlineAggregationWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession
  ) -> OnlineWeightReport {
    let state = workers[0].state
    state.teachAll()
    run.tell(workers, roles, session)
    func names(_ columns: [Int]) -> [String] { columns.map { header.names[$0] } }
    let columns = roles.columns
    return OnlineWeightReport(state, order: columns.order.map { header.names[$0.column] }, by: names(columns.by), within: names(columns.within))
  }

  func write(_ report: OnlineWeightReport, _ counts: RowCounts, _ session: FilterSession) throws -> Int { try report.write(session) }

  func conclude(_ report: OnlineWeightReport, _ session: FilterSession) {}
}
