import ArgumentParser
import Calibration
import FilterKit
import Glibc
import Groundwork
import MethodKit
import Quantiles
import Tables

extension QConformal {
  /// Streams rows through an online method, from the state of earlier runs to that of the next.
  func calibrateOnline(_ method: any OnlineCalibrator.Type, _ specification: MethodSpecification, _ bounds: AnswerBounds) throws {
    try refuseFlagsOfWholeTables(specification.method)
    let settings = try Settings(specification.settings, of: method.description)
    let identity = SavedOnlineState.Identity(specification, method.description, by: nameList(by), order: order)
    let diagnostics = Diagnostics(tool: "qconformal", quiet: table.quiet, verbose: table.verbose)
    let file = try table.explain ? nil : state.map { try StateFile.open($0, tool: "qconformal", diagnostics: diagnostics) }
    defer { file?.close() }
    var saved = try file.flatMap { file in
      try ofState(file) { try file.read().map { try SavedOnlineState($0, identity, path: file.path) } }
    }

    let session = try FilterSession(tool: "qconformal", table, modelColumns: saved?.columns, reading: [learning.load, state].compactMap { $0 })
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    try session.refuseCopies(header)
    let target = try session.requiredTarget(header, named: targetOption.target)
    let found = try session.groups(header, picked: self.groups)
    let groups = found.map { WorkingGroup($0) }
    var series = OnlineSeries(
      header, by: try session.columns(header, identity.by), order: try order.map { try session.column(header, $0) }, format: session.reader.format)
    if table.explain { return try explain(session, header, target, series, found, specification) }

    let answers = CalibratingWorker.Plan(
      header: header, groups: groups, encoder: try encoder(session, header, groups), appends: answerName != nil, weight: nil, bounds: bounds)
    let plan = OnlineWorker.Plan(answers, target: target, newOnly: learning.newOnly, reports: report)
    let states = method.states(alphas: plan.intervals.map(\.alpha), settings: settings)
    let learntBefore = try file.flatMap { file in
      try ofState(file) { try saved?.read(groups, target: header.names[target], into: &series, states, path: file.path) }
    }
    saved = nil

    try session.writeHeader(answers.encoder)
    let worker = OnlineWorker(plan, series, states, learntRows: learntBefore ?? 0)
    let counts = try session.stream(header, threads: 1) { worker }
    CalibrationMessages.tellCrossing([worker.answering], session.diagnostics.warn)
    tell(worker, plan, session)
    try session.finish(counts, written: learning.newOnly ? counts.read - counts.skipped - worker.labelledRows : nil)
    if let file, worker.learntRows > learntBefore ?? 0 {
      try file.replace(by: SavedOnlineState.model(identity, header, target: header.names[target], groups, worker))
    }
    if report { try OnlineReport(plan, worker.changes).write(session) }
  }

  private func refuseFlagsOfWholeTables(_ method: String) throws {
    let flags = [
      ("--weight", weight != nil), ("--decay", decay != nil), ("--min-rows", minRows != nil), ("--levels", levels != nil),
      ("--save", learning.save != nil),
      ("--memory", learning.memory != nil), ("--given", given != nil), ("--partial", partial), ("--compact", compact),
    ]
    guard let flag = flags.first(where: \.1)?.0 else { return }
    let remedy = flag == "--save" ? "--state keeps what it learnt" : flag == "--memory" ? "it holds no rows" : nil
    throw Failure(
      .usage, "\(flag): \(method) learns row after row", remedy: remedy ?? "leave it out, or choose a method that learns from all rows at once")
  }

  /// Names the file in failures, and what to do about one that is damaged.
  private func ofState<T>(_ file: StateFile, _ body: () throws -> T) throws -> T {
    do { return try body() } catch var failure as Failure {
      failure.place.input = file.path
      if failure.remedy?.hasPrefix("make it anew") == true { failure.remedy = "put back a copy, or move it away to start anew" }
      throw failure
    }
  }

  private func explain(
    _ session: FilterSession, _ header: Header, _ target: Int, _ series: OnlineSeries, _ groups: [QuantileGroup], _ specification: MethodSpecification
  ) throws {
    let columns = [("target", header.names[target])] + series.by.map { ("by", header.names[$0]) } + (order.map { [("order", $0)] } ?? [])
    try session.explain(columns + session.explanation(of: groups) + [("method", specification.text)])
  }

  private func tell(_ worker: OnlineWorker, _ plan: OnlineWorker.Plan, _ session: FilterSession) {
    let diagnostics = session.diagnostics
    func rows(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }
    for group in plan.answers.groups where LevelPairs(group.levels).pairs.isEmpty {
      diagnostics.warn("\(group.title): no level has its mirror (0.1 and 0.9, say), so nothing is calibrated")
    }
    if worker.repeatedRows > 0 {
      diagnostics.warn(
        "\(rows(worker.repeatedRows, "labelled row is", "labelled rows are")) not learnt again: \(state ?? "the state") has learnt up to \(worker.repeatedRows == 1 ? "its" : "their") \(order ?? "time") or later"
      )
    }
    if worker.unboundedRows > 0 {
      diagnostics.warn(
        "\(rows(worker.unboundedRows, "row has", "rows have")) infinite quantiles: too few rows taught before, or too many targets were missed")
    }
    diagnostics.note("\(rows(worker.learntRows, "row", "rows")) learnt, in \(worker.states.series) series")
    guard worker.states.series == 1 else { return }
    for (k, interval) in plan.intervals.enumerated() {
      let group = plan.answers.groups[interval.group]
      let thresholds = worker.states.thresholds(series: 0, interval: k)
      let amounts =
        thresholds.lower == thresholds.upper
        ? "by \(shortestText(thresholds.lower))" : "by \(shortestText(thresholds.lower)) below and \(shortestText(thresholds.upper)) above"
      diagnostics.note(
        "\(plan.answers.groups.count > 1 ? group.title + ": " : "")levels \(levelText(group.levels[interval.pair.lower])) and \(levelText(group.levels[interval.pair.upper])): moved outwards \(amounts) next"
      )
    }
  }
}

/// The table of `--report`: what calibration changed on the labelled rows of a run, each answered before it taught.
private struct OnlineReport {
  private let plan: OnlineWorker.Plan
  private let changes: [OnlineWorker.Change]

  init(_ plan: OnlineWorker.Plan, _ changes: [OnlineWorker.Change]) {
    self.plan = plan
    self.changes = changes
  }

  func write(_ session: FilterSession) throws {
    let table = ReportTable(columns: [
      "model", "lower", "upper", "rows", "nominal", "coverage_before", "coverage_after", "width_before", "width_after", "infinite_ends",
    ])
    let lines = zip(plan.intervals, changes).map { interval, change -> [ReportTable.Cell] in
      let group = plan.answers.groups[interval.group]
      return [
        .text(group.name), .key(group.levels[interval.pair.lower]), .key(group.levels[interval.pair.upper]), .count(change.rows),
        .key(interval.pair.level.coverage), .number(change.before.coverage), .number(change.after.coverage),
        .number(change.before.width), .number(change.after.width), .count(change.after.infinite),
      ]
    }
    try table.write(lines, session: session, to: STDERR_FILENO)
  }
}
