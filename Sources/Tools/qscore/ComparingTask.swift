import FilterKit
import Groundwork
import MethodKit
import Tables

/// Models pair by pair, by one of their scores on the rows that both answered.
struct ComparingTask: JudgedTask {
  let flags: QScore
  let conditions: [FailureCondition]
  private let rows = ComparedRows()

  init(flags: QScore, conditions: [FailureCondition]) {
    self.flags = flags
    self.conditions = conditions
  }

  private var score: String { flags.score ?? "wis" }

  func finishEmpty(_ session: FilterSession) throws {
    if flags.table.files.isEmpty, let baseline = flags.compare, let name = baseline.name, let remedy = baseline.fileRemedy {
      throw Failure(.usage, "--compare takes \(name) for the baseline, and stdin is empty", remedy: remedy)
    }
    try session.finishEmpty()
    try refuseUnjudged()
  }

  func roles(_ header: Header, _ session: FilterSession) throws -> ScoringRoles { try ScoringRoles(session, header, flags) }

  func explanation(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) -> [(String, String)] { roles.explanation(header, session) }

  func begin(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) throws -> Bool {
    if roles.hasCopies, roles.blocks.isEmpty {
      throw session.failure(
        "the table holds copies of rows (column held), which are not independent",
        remedy: "\(ScoringRoles.remedyOfCopies); or name what makes a row with --blocks")
    }
    roles.warnOfCopies(session)
    let comparison = try comparison(roles, session)
    try warnOfLevels(roles, baseline: comparison.baseline, session)
    try check(comparison.columns)
    if score != "ae_median", Set(roles.groups.map(\.levels)).count > 1 {
      session.diagnostics.warn("models have different levels, so their \(score) are means over different levels")
    }
    return true
  }

  /// The first time of a series decides how the others are read.
  var takesRowsInOrder: Bool { flags.order != nil }

  func worker(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) throws -> ComparingWorker {
    ComparingWorker(roles: roles, header: header, score: try place(roles), rows: rows)
  }

  func findings(
    _ workers: [ComparingWorker], _ roles: ScoringRoles, _ header: Header, _ counts: RowCounts, _ session: FilterSession
  ) throws -> Findings {
    let report = try comparison(roles, session).report(rows, session).answering(counts)
    warnOfSharedDates(header, session)
    return .report(report, unscored: try Tally.merging(workers.map(\.tally)).unscored(session.diagnostics.list))
  }

  private func warnOfSharedDates(_ header: Header, _ session: FilterSession) {
    let names = (rows.dates?.shared ?? []).map { header.names[$0] }
    guard let first = names.first else { return }
    session.diagnostics.warn(
      "rows share dates (column \(session.diagnostics.list(names))), and the tests take them as independent; "
        + "--blocks \(first) keeps those of one together"
    )
  }

  /// Throws where there are no two models, or not the baseline.
  private func comparison(_ roles: ScoringRoles, _ session: FilterSession) throws -> Comparison {
    let models = roles.groups.map(\.name)
    let baseline = try flags.compare?.name.map { name in
      guard let index = models.firstIndex(where: { $0.hasSameBytes(as: name) }) else {
        throw session.failure(
          "no quantile columns of a model \"\(name)\" to compare with", remedy: flags.compare?.fileRemedy ?? suggestion(for: name, among: models))
      }
      return index
    }
    guard models.count >= 2 else {
      throw session.failure("comparing takes two models, and the table has \(models[0].isEmpty ? "one, without a name" : "only \(models[0])")")
    }
    return Comparison(
      models: models, keyNames: roles.keyNames, score: score, baseline: baseline, permutations: flags.permutations ?? 999,
      resamples: flags.bootstrap ?? 0, order: flags.order, horizon: flags.horizon ?? 1,
      blocks: nameList(flags.blocks),
      seed: flags.seedOption.seed, threads: session.threads)
  }

  /// Where the compared score stands among those of `roles`. Throws for one that is not there, or says not which model is better.
  private func place(_ roles: ScoringRoles) throws -> Int {
    let losses = roles.scorers[0][0].losses
    guard let place = roles.columns.firstIndex(of: score) else {
      throw Failure(.usage, "--score \(score): there is no such score", remedy: suggestion(for: score, among: losses))
    }
    guard losses.contains(score) else {
      throw Failure(.usage, "--score \(score): a lower value is not better", remedy: "compare \(losses.joined(separator: ", "))")
    }
    return place
  }

  /// Warns of models whose levels do not give the score; throws where no two have it.
  private func warnOfLevels(_ roles: ScoringRoles, baseline: Int?, _ session: FilterSession) throws {
    let place = try place(roles)
    let lacking = roles.groups.indices.filter { g in
      roles.scorers[0][g].evaluate(quantiles: [Double](repeating: 0, count: roles.groups[g].levels.count), target: 0)[place].isNaN
    }
    if roles.groups.count - lacking.count < 2 || baseline.map(lacking.contains) == true {
      let group = roles.groups[lacking[0]]
      throw session.failure(
        "\(group.title) has no \(score), as its levels do not give it, and nothing is left to compare", remedy: "compare another --score")
    }
    if lacking.count == 1 {
      session.diagnostics.warn("\(roles.groups[lacking[0]].title) has no \(score), as its levels do not give it")
    } else if !lacking.isEmpty {
      let names = session.diagnostics.list(lacking.map { roles.groups[$0].name.isEmpty ? "(no name)" : roles.groups[$0].name })
      session.diagnostics.warn("\(lacking.count) models have no \(score), as their levels do not give it: \(names)")
    }
  }
}

/// Scores rows for a comparison.
final class ComparingWorker: RowWorker {
  private let header: Header
  private let roles: ScoringRoles
  /// Position of the compared score among those of `roles`.
  private let score: Int
  private let rows: ComparedRows
  private let forecasts: ForecastRow
  private var values: [Double]
  private var scores: [Double] = []
  private var weights: [Double] = []
  private var labels = ComparedRows.Labels()
  private var order: TimeColumn?
  /// Where nothing else tells which rows belong together.
  private var dates: SharedDates?
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, score: Int, rows: ComparedRows) {
    self.header = header
    self.roles = roles
    self.score = score
    self.rows = rows
    forecasts = ForecastRow(roles: roles, header: header)
    values = [Double](repeating: 0, count: roles.columns.count)
    tally = roles.counter
    order = roles.order
    if roles.order == nil, roles.blocks.isEmpty { dates = SharedDates(roles.columnsWithoutRole(header), by: roles.by) }
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    let isScored = !forecasts.target.isNaN && forecasts.weight > 0
    let time = isScored ? try self.time(row) : nil
    let block = isScored && !roles.blocks.isEmpty ? try labels.blocks.number(of: row, roles.blocks, block: self.block) : nil
    var new: (keys: [Int], scores: [Double]) = ([], [])
    try forecasts.forEachScale { s in
      new.keys.append(try labels.keys.number(of: row, roles.by, and: roles.scaleLabel(s), block: self.block))
      if isScored { for g in roles.groups.indices { new.scores.append(try scored(s, g)) } }
    }
    tally.countMissing(forecasts)
    guard isScored else { return }
    try dates?.read(row, block: self.block)
    scores += new.scores
    for key in new.keys {
      labels.keyOfRow.append(key)
      if let time { labels.timeOfRow.append(time) }
      if let block { labels.blockOfRow.append(block) }
      if roles.weight != nil { weights.append(forecasts.weight) }
    }
  }

  /// nil where rows are no series.
  private func time(_ row: Row) throws -> Moment? {
    guard let column = roles.order?.column else { return nil }
    guard let time = try order!.read(row) else {
      throw Failure(.badData, "the row's place in the series is missing", at: .init(column: header.names[column]))
    }
    return time
  }

  /// NaN where group g did not answer, or its levels do not give the score.
  private func scored(_ s: Int, _ g: Int) throws -> Double {
    guard forecasts.isComplete(g) else { return .nan }
    values.withUnsafeMutableBufferPointer {
      roles.scorers[s][g].evaluate(quantiles: forecasts.quantiles(g).baseAddress!, target: forecasts.target, into: $0.baseAddress!)
    }
    let value = values[score]
    if value < 0 {
      throw Failure(.badData, "\(roles.columns[score]) is negative, and only scores from 0 have ratios", remedy: "compare another --score")
    }
    return value
  }

  override func commit(_ rows: Rows) throws {
    try self.rows.append(labels, scores, weights, dates)
    dates = self.rows.dates?.emptied
    labels = ComparedRows.Labels()
    weights.removeAll(keepingCapacity: true)
    scores.removeAll(keepingCapacity: true)
  }
}
