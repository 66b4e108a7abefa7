import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Adds the scores of rows to a tally.
final class ScoringWorker: RowWorker {
  private let roles: ScoringRoles
  private let forecasts: ForecastReader
  private let levelScores: [LevelScores]?
  private let quantiles: UnsafeMutablePointer<Double>
  private let values: UnsafeMutablePointer<Double>
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, perLevel: Bool) {
    self.roles = roles
    forecasts = ForecastReader(roles: roles, header: header)
    levelScores = perLevel ? roles.groups.map { LevelScores(levels: $0.levels) } : nil
    let widest = roles.groups.map(\.levels.count).max()!
    quantiles = .allocate(capacity: roles.groups.reduce(0) { $0 + $1.levels.count })
    values = .allocate(capacity: max(roles.columns.count, 2 * widest))
    tally = Tally(by: roles.by.map { header.names[$0] }, groups: roles.groups, columns: roles.columns, perLevel: perLevel)
  }

  deinit {
    quantiles.deallocate()
    values.deallocate()
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try forecasts.target(row)
    let weight = try forecasts.weight(row)
    // Everything is read before anything is counted: a bad row leaves no trace.
    var offset = 0
    var complete: UInt64 = 0
    var completeBeyond: [Int: Bool] = [:]
    for (g, group) in roles.groups.enumerated() {
      let isComplete = try forecasts.read(row, group, into: quantiles + offset)
      if g < 64 { complete |= isComplete ? 1 << g : 0 } else { completeBeyond[g] = isComplete }
      offset += group.levels.count
    }
    let part = roles.by.isEmpty ? 0 : tally.part(roles.by.map { row.text($0) })
    offset = 0
    for (g, group) in roles.groups.enumerated() {
      defer { offset += group.levels.count }
      if target.isNaN {
        tally.countMissingTarget(part, g)
      } else if g < 64 ? complete & (1 << g) == 0 : completeBeyond[g] == false {
        tally.countMissingPrediction(part, g)
      } else if let levelScores {
        levelScores[g].evaluate(quantiles: quantiles + offset, target: target, into: values)
        tally.addLevels(part, g, values, weight: roles.weight == nil ? nil : weight)
      } else {
        roles.scorers[g].evaluate(quantiles: quantiles + offset, target: target, into: values)
        tally.add(part, g, values, weight: roles.weight == nil ? nil : weight)
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
    tally = Tally(by: [], groups: roles.groups, columns: roles.columns, perLevel: false)
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try forecasts.target(row)
    let width = roles.columns.count
    try own.withUnsafeMutableBufferPointer { own in
      for (g, group) in roles.groups.enumerated() {
        let values = own.baseAddress! + g * width
        let isComplete = try quantiles.withUnsafeMutableBufferPointer { try forecasts.read(row, group, into: $0.baseAddress!) }
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
