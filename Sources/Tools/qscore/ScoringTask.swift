import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Adds the scores of rows to a tally.
final class ScoringWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastRow
  /// Of each scale, one a group.
  private let evaluators: [[Evaluator]]
  private let values: UnsafeMutablePointer<Double>
  private(set) var tally: Tally

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
    case .reliability:
      return { quantiles, target, weight, values in
        for j in levels.indices {
          values[2 * j] = target <= quantiles[j] ? 1 : 0
          values[2 * j + 1] = weight
        }
      }
    case .pit(let bins):
      let transform = ProbabilityIntegralTransform(levels: levels, bins: bins)
      return { transform.evaluate(quantiles: $0, target: $1, into: $3) }
    }
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    forecasts.forEachScale { s in
      let part = roles.partNames.isEmpty ? 0 : tally.part(forecasts.part(row, s))
      for g in roles.groups.indices {
        if forecasts.target.isNaN {
          if s == 0 { tally.countMissingTarget(part, g) }
        } else if !forecasts.isComplete(g) {
          if s == 0 { tally.countMissingPrediction(part, g) }
        } else {
          evaluators[s][g](forecasts.quantiles(g), forecasts.target, forecasts.weight, values)
          tally.add(part, g, values, weight: roles.weight == nil ? nil : forecasts.weight)
        }
      }
    }
  }
}

/// Appends its scores to each row.
final class AppendingWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastRow
  private let encoder: RowEncoder
  private var own: [Double]
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, encoder: RowEncoder) {
    self.roles = roles
    self.encoder = encoder
    forecasts = ForecastRow(roles: roles, header: header)
    own = [Double](repeating: 0, count: roles.groups.count * roles.columns.count)
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    let width = roles.columns.count
    own.withUnsafeMutableBufferPointer { own in
      forecasts.forEachScale { s in
        for g in roles.groups.indices {
          let values = own.baseAddress! + g * width
          if forecasts.target.isNaN || !forecasts.isComplete(g) {
            for k in 0..<width { values[k] = .nan }
          } else {
            roles.scorers[s][g].evaluate(quantiles: forecasts.quantiles(g), target: forecasts.target, into: values)
          }
        }
      }
    }
    for g in roles.groups.indices {
      if forecasts.target.isNaN { tally.countMissingTarget(0, g) } else if !forecasts.isComplete(g) { tally.countMissingPrediction(0, g) }
    }
    own.withUnsafeBufferPointer { encoder.write(row, cells: nil, own: $0.baseAddress!, into: output) }
  }
}
