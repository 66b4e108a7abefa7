import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// The rows of one model: targets, their weights where rows have any, quantiles one row after the other, and the part each row belongs to.
struct HeldForecasts {
  var targets: [Double] = []
  var weights: [Double] = []
  var quantiles: [Double] = []
  var parts: [[String]] = []
}

/// What `--decompose` holds and reports: a row a model and level.
final class Decomposition {
  private let groups: [QuantileGroup]
  private let by: [String]
  /// One a group.
  private var forecasts: [HeldForecasts]

  init(groups: [QuantileGroup], by: [String]) {
    self.groups = groups
    self.by = by
    forecasts = groups.map { _ in HeldForecasts() }
  }

  var columns: (names: [String], keys: Int) {
    let keys = ["model"] + by + ["level"]
    return (keys + ["n", "pinball", "miscalibration", "discrimination", "uncertainty"], keys.count)
  }

  func append(_ new: [HeldForecasts]) {
    for g in groups.indices {
      forecasts[g].targets += new[g].targets
      forecasts[g].weights += new[g].weights
      forecasts[g].quantiles += new[g].quantiles
      if !by.isEmpty { forecasts[g].parts += new[g].parts }
    }
  }

  func report(threads: Int) -> Report {
    var rowsOfPart: [[String]: [[Int]]] = [:]
    for g in groups.indices {
      for row in forecasts[g].targets.indices {
        rowsOfPart[by.isEmpty ? [] : forecasts[g].parts[row], default: groups.map { _ in [] }][g].append(row)
      }
    }
    if by.isEmpty, rowsOfPart.isEmpty { rowsOfPart[[]] = groups.map { _ in [] } }
    let units = inKeyOrder(Array(rowsOfPart.keys)).flatMap { part in
      groups.indices.flatMap { g in groups[g].levels.indices.map { (part: part, group: g, level: $0) } }
    }
    let rows = try! parallelMap(units.count, threads: threads) { u -> [ReportTable.Cell] in
      let (part, g, t) = units[u]
      let (held, levels) = (self.forecasts[g], self.groups[g].levels)
      let rows = rowsOfPart[part]![g]
      let result = QuantileScoreDecomposition(
        level: levels[t], forecasts: rows.map { held.quantiles[$0 * levels.count + t] }, targets: rows.map { held.targets[$0] },
        weights: held.weights.isEmpty ? nil : rows.map { held.weights[$0] })
      return [.text(self.groups[g].name)] + part.map { .text($0) } + [.number(levels[t]), .count(result.rows)]
        + [result.score, result.miscalibration, result.discrimination, result.uncertainty].map { .number($0) }
    }
    return Report(columns: columns.names, keys: columns.keys, rows: rows)
  }
}

/// Reads the rows to decompose.
final class DecomposingWorker: RowWorker {
  private let roles: ScoringRoles
  private let decomposition: Decomposition
  private let forecasts: ForecastReader
  private var quantiles: [Double]
  private var held: [HeldForecasts]
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, decomposition: Decomposition) {
    self.roles = roles
    self.decomposition = decomposition
    forecasts = ForecastReader(roles: roles, header: header)
    quantiles = [Double](repeating: 0, count: roles.groups.reduce(0) { $0 + $1.levels.count })
    held = roles.groups.map { _ in HeldForecasts() }
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try forecasts.transformedTarget(row)
    let weight = try forecasts.weight(row)
    var offset = 0
    let complete = try roles.groups.map { group in
      defer { offset += group.levels.count }
      return try quantiles.withUnsafeMutableBufferPointer {
        try forecasts.readTransformed(row, group, scored: !target.isNaN, into: $0.baseAddress! + offset)
      }
    }
    offset = 0
    for (g, group) in roles.groups.enumerated() {
      let own = quantiles[offset..<offset + group.levels.count]
      offset += group.levels.count
      if target.isNaN {
        tally.countMissingTarget(0, g)
      } else if !complete[g] {
        tally.countMissingPrediction(0, g)
      } else if weight > 0 {
        if roles.weight != nil { held[g].weights.append(weight) }
        held[g].targets.append(target)
        held[g].quantiles += own
        if !roles.by.isEmpty { held[g].parts.append(roles.by.map { row.text($0) }) }
      }
    }
  }

  override func commit(_ rows: Rows) throws {
    decomposition.append(held)
    for g in held.indices { held[g] = HeldForecasts() }
  }
}
