import FilterKit
import Tables

/// What each level's pinball loss is made of, by all rows at once.
struct DecomposingTask: JudgedTask {
  typealias Roles = (scoring: ScoringRoles, decomposition: Decomposition)

  let flags: QScore
  let conditions: [FailureCondition]

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let roles = try ScoringRoles(session, header, flags)
    return (roles, Decomposition(groups: roles.groups, keyNames: roles.keyNames, crossFits: flags.crossFit))
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] { roles.scoring.explanation(header, session) }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> Bool {
    roles.scoring.warnOfCopies(session)
    try check(roles.decomposition.columns)
    return true
  }

  func worker(_ roles: Roles, _ header: Header, _ session: FilterSession) -> DecomposingWorker {
    DecomposingWorker(roles: roles.scoring, header: header, decomposition: roles.decomposition)
  }

  func findings(_ workers: [DecomposingWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) throws -> Findings {
    let report = roles.decomposition.report(threads: session.threads).answering(counts)
    return .report(report, unscored: try Tally.merging(workers.map(\.tally)).unscored(session.diagnostics.list))
  }
}

/// Reads the rows to decompose.
final class DecomposingWorker: RowWorker {
  private let roles: ScoringRoles
  private let decomposition: Decomposition
  private let forecasts: ForecastRow
  private var stored: [StoredForecasts]
  private var keys = KeyTable()
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, decomposition: Decomposition) {
    self.roles = roles
    self.decomposition = decomposition
    forecasts = ForecastRow(roles: roles, header: header)
    stored = roles.groups.map { _ in StoredForecasts() }
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    tally.countMissing(forecasts)
    try forecasts.forEachScale { s in
      let key = Int32(try keys.number(of: row, roles.by, and: roles.scaleLabel(s), block: block))
      guard !forecasts.target.isNaN, forecasts.weight > 0 else { return }
      for g in roles.groups.indices where forecasts.isComplete(g) {
        stored[g].targets.append(forecasts.target)
        if roles.weight != nil { stored[g].weights.append(forecasts.weight) }
        stored[g].quantiles += forecasts.quantiles(g)
        stored[g].keys.append(key)
      }
    }
  }

  override func commit(_ rows: Rows) throws {
    try decomposition.append(stored, keys)
    for g in stored.indices { stored[g] = StoredForecasts() }
    keys = KeyTable()
  }
}
