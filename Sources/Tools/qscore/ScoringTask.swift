import FilterKit
import Quantiles
import Scoring
import Tables

/// Means over rows, a row of the report for each model, level or bin; or the sums that they are of.
struct ScoringTask: JudgedTask {
  let flags: QScore
  let kind: TallyKind
  let conditions: [FailureCondition]

  func roles(_ header: Header, _ session: FilterSession) throws -> ScoringRoles { try ScoringRoles(session, header, flags) }

  func explanation(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) -> [(String, String)] { roles.explanation(header, session) }

  func begin(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) throws -> Bool {
    roles.warnOfCopies(session)
    var tally = roles.tally(kind)
    try check(tally.reportColumns)
    tally.partIDs = flags.partId.map(PartIDs.init(given:))
    if flags.partial { try checkNames(tally.partColumns) }
    return true
  }

  func worker(_ roles: ScoringRoles, _ header: Header, _ session: FilterSession) -> ScoringWorker {
    ScoringWorker(roles: roles, header: header, kind: kind)
  }

  func findings(
    _ workers: [ScoringWorker], _ roles: ScoringRoles, _ header: Header, _ counts: RowCounts, _ session: FilterSession
  ) throws -> Findings {
    var tally = try Tally.merging(workers.map(\.tally))
    tally.partIDs = flags.partId.map(PartIDs.init(given:))
    return flags.partial ? .parts(tally) : .report(tally.report.answering(counts), unscored: tally.unscored(session.diagnostics.list))
  }
}

/// Adds the scores of rows to a tally.
final class ScoringWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastRow
  /// Of each scale, one a group.
  private let evaluators: [[Evaluator]]
  private let values: UnsafeMutablePointer<Double>
  private(set) var tally: Tally
  private let foldReader = NumberReader()

  init(roles: ScoringRoles, header: Header, kind: TallyKind) {
    self.roles = roles
    forecasts = ForecastRow(roles: roles, header: header)
    let tally = roles.tally(kind)
    self.tally = tally
    evaluators = roles.scales.indices.map { s in roles.groups.indices.map { ScoringWorker.evaluator(kind, roles, s, $0) } }
    values = .allocate(capacity: roles.groups.indices.map { tally.slots($0) * tally.columns.count }.max()!)
  }

  deinit { values.deallocate() }

  /// Fills the values that a row adds to the tally, from its quantiles, target and weight.
  private typealias Evaluator = (UnsafePointer<Double>, Double, Double, UnsafeMutablePointer<Double>) -> Void

  private static func evaluator(_ kind: TallyKind, _ roles: ScoringRoles, _ s: Int, _ g: Int) -> Evaluator {
    let levels = roles.groups[g].levels
    switch kind {
    case .scores:
      let scorer = roles.scorers[s][g]
      return { scorer.evaluate(quantiles: $0, target: $1, into: $3) }
    case .levels:
      let scores = LevelScores(levels: levels)
      return { scores.evaluate(quantiles: $0, target: $1, into: $3) }
    case .reliability(ofCounts: true):
      let coverage = CountCoverage(levels: levels, points: levels)
      return { quantiles, target, weight, values in
        coverage.evaluate(quantiles: quantiles, target: target, stride: 3, into: values)
        for j in levels.indices { values[3 * j + 2] = weight }
      }
    case .reliability(ofCounts: false):
      return { quantiles, target, weight, values in
        for j in levels.indices {
          values[2 * j] = target <= quantiles[j] ? 1 : 0
          values[2 * j + 1] = weight
        }
      }
    case .pit(let bins, ofCounts: true):
      let coverage = CountCoverage(levels: levels, points: (1...bins).map { Double($0) / Double(bins) })
      return { coverage.evaluate(quantiles: $0, target: $1, stride: 2, into: $3) }
    case .pit(let bins, ofCounts: false):
      let transform = ProbabilityIntegralTransform(levels: levels, bins: bins)
      return { transform.evaluate(quantiles: $0, target: $1, into: $3) }
    }
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    if let fold = roles.fold, !tally.hasTaught, case .number = row.number(fold, foldReader) { tally.hasTaught = true }
    try forecasts.forEachScale { s in
      let key = roles.keyNames.isEmpty ? 0 : try tally.key(row, roles.by, scale: roles.scaleLabel(s), block: block)
      for g in roles.groups.indices {
        if forecasts.target.isNaN {
          if s == 0 { tally.countMissingTarget(key, g) }
        } else if !forecasts.isComplete(g) {
          if s == 0 { tally.countMissingPrediction(key, g) }
        } else {
          evaluators[s][g](forecasts.quantiles(g).baseAddress!, forecasts.target, forecasts.weight, values)
          if tally.mayBeCounts { tally.watchTies(forecasts.quantiles(g), forecasts.target) }
          tally.add(key, g, values, weight: roles.weight == nil ? nil : forecasts.weight)
        }
      }
    }
  }
}
