import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Adds the scores of rows to a tally.
final class ScoringWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastReader
  private let evaluators: [Evaluator]
  private let quantiles: UnsafeMutablePointer<Double>
  private let values: UnsafeMutablePointer<Double>
  /// Of each group, whether the row has all of its quantiles.
  private let isComplete: UnsafeMutablePointer<Bool>
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, kind: TallyKind) {
    self.roles = roles
    forecasts = ForecastReader(roles: roles, header: header)
    let tally = roles.tally(kind)
    self.tally = tally
    evaluators = roles.groups.indices.map { ScoringWorker.evaluator(kind, roles, $0) }
    quantiles = .allocate(capacity: roles.groups.reduce(0) { $0 + $1.levels.count })
    values = .allocate(capacity: roles.groups.indices.map { tally.slots($0) * tally.columns.count }.max()!)
    isComplete = .allocate(capacity: roles.groups.count)
  }

  deinit {
    quantiles.deallocate()
    values.deallocate()
    isComplete.deallocate()
  }

  /// Fills the values that a row adds to the tally, from its quantiles, target and weight.
  private typealias Evaluator = (UnsafePointer<Double>, Double, Double, UnsafeMutablePointer<Double>) -> Void

  private static func evaluator(_ kind: TallyKind, _ roles: ScoringRoles, _ g: Int) -> Evaluator {
    let levels = roles.groups[g].levels
    switch kind {
    case .scores:
      let scorer = roles.scorers[g]
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
    var target = try forecasts.target(row)
    let weight = try forecasts.weight(row)
    // Everything is read before anything is counted: a bad row leaves no trace.
    var offset = 0
    for (g, group) in roles.groups.enumerated() {
      isComplete[g] = try forecasts.read(row, group, scored: !target.isNaN, into: quantiles + offset)
      offset += group.levels.count
    }
    let values = roles.by.map { row.text($0) }
    for (s, scale) in roles.scales.enumerated() {
      if let transform = scale.transform, !target.isNaN {
        target = transform(target)
        for k in 0..<offset { quantiles[k] = transform(quantiles[k]) }
      }
      let part = roles.partNames.isEmpty ? 0 : tally.part(values + (roles.transform == nil ? [] : [scale.label]))
      var offset = 0
      for (g, group) in roles.groups.enumerated() {
        defer { offset += group.levels.count }
        if target.isNaN {
          if s == 0 { tally.countMissingTarget(part, g) }
        } else if !isComplete[g] {
          if s == 0 { tally.countMissingPrediction(part, g) }
        } else {
          evaluators[g](quantiles + offset, target, weight, self.values)
          tally.add(part, g, self.values, weight: roles.weight == nil ? nil : weight)
        }
      }
    }
  }
}

/// Appends its scores to each row.
final class AppendingWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastReader
  private let encoder: RowEncoder
  private var quantiles: [Double]
  private var own: [Double]
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, encoder: RowEncoder) {
    self.roles = roles
    self.encoder = encoder
    forecasts = ForecastReader(roles: roles, header: header)
    quantiles = [Double](repeating: 0, count: roles.groups.map(\.levels.count).max()!)
    own = [Double](repeating: 0, count: roles.groups.count * roles.columns.count)
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try forecasts.transformedTarget(row)
    let width = roles.columns.count
    try own.withUnsafeMutableBufferPointer { own in
      for (g, group) in roles.groups.enumerated() {
        let values = own.baseAddress! + g * width
        let isComplete = try quantiles.withUnsafeMutableBufferPointer { try forecasts.readTransformed(row, group, scored: !target.isNaN, into: $0.baseAddress!) }
        if target.isNaN || !isComplete {
          for k in 0..<width { values[k] = .nan }
        } else {
          quantiles.withUnsafeBufferPointer { roles.scorers[g].evaluate(quantiles: $0.baseAddress!, target: target, into: values) }
        }
      }
    }
    for g in roles.groups.indices where own[g * width].isNaN {
      if target.isNaN { tally.countMissingTarget(0, g) } else { tally.countMissingPrediction(0, g) }
    }
    own.withUnsafeBufferPointer { encoder.write(row, cells: nil, own: $0.baseAddress!, into: output) }
  }
}
