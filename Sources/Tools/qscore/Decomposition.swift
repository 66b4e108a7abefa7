import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// The rows of one model: targets, their weights where rows have any, quantiles one row after the other, and the part each row belongs to.
private struct HeldForecasts {
  var targets: [Double] = []
  var weights: [Double] = []
  var quantiles: [Double] = []
  var parts: [Int32] = []
}

/// What `--decompose` holds and reports: a row a model and level.
final class Decomposition {
  private let groups: [QuantileGroup]
  /// Names of what tells parts apart.
  private let partNames: [String]
  /// Parts of rows that were not scored are among them.
  private var parts = RowLabels()
  /// One a group.
  private var forecasts: [HeldForecasts]

  init(groups: [QuantileGroup], partNames: [String]) {
    self.groups = groups
    self.partNames = partNames
    forecasts = groups.map { _ in HeldForecasts() }
    if partNames.isEmpty { _ = parts.number(of: []) }
  }

  var columns: (names: [String], keys: Int) {
    let keys = ["model"] + partNames + ["level"]
    return (keys + ["n", "pinball", "miscalibration", "discrimination", "uncertainty"], keys.count)
  }

  /// Takes over what a worker has read: parts by numbers in `names`.
  fileprivate func append(_ new: [HeldForecasts], partNames names: [[String]]) {
    let numbers = names.map { parts.number(of: $0) }
    for g in groups.indices {
      forecasts[g].targets += new[g].targets
      forecasts[g].weights += new[g].weights
      forecasts[g].quantiles += new[g].quantiles
      forecasts[g].parts += new[g].parts.map { numbers[Int($0)] }
    }
  }

  func report(threads: Int) -> Report {
    let rowsOfPart = forecasts.map { held in
      var rows = [[Int]](repeating: [], count: parts.names.count)
      for (row, part) in held.parts.enumerated() { rows[Int(part)].append(row) }
      return rows
    }
    let ranks = parts.ranks
    let units = parts.names.indices.sorted { ranks[$0] < ranks[$1] }.flatMap { part in
      groups.indices.flatMap { g in groups[g].levels.indices.map { (part: part, group: g, level: $0) } }
    }
    let rows = try! parallelMap(units.count, threads: threads) { [forecasts, groups, parts] u -> [ReportTable.Cell] in
      let (part, g, t) = units[u]
      let (held, levels) = (forecasts[g], groups[g].levels)
      let rows = rowsOfPart[g][part]
      let result = QuantileScoreDecomposition(
        level: levels[t], forecasts: rows.map { held.quantiles[$0 * levels.count + t] }, targets: rows.map { held.targets[$0] },
        weights: held.weights.isEmpty ? nil : rows.map { held.weights[$0] })
      return [.text(groups[g].name)] + parts.names[part].map { .field($0) } + [.key(levels[t]), .count(result.rows)]
        + [result.score, result.miscalibration, result.discrimination, result.uncertainty].map { .number($0) }
    }
    return Report(columns: columns.names, keys: columns.keys, rows: rows)
  }
}

/// Reads the rows to decompose.
final class DecomposingWorker: RowWorker {
  private let roles: ScoringRoles
  private let decomposition: Decomposition
  private let forecasts: ForecastRow
  private var held: [HeldForecasts]
  private var parts = RowLabels()
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, decomposition: Decomposition) {
    self.roles = roles
    self.decomposition = decomposition
    forecasts = ForecastRow(roles: roles, header: header)
    held = roles.groups.map { _ in HeldForecasts() }
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    for g in roles.groups.indices {
      if forecasts.target.isNaN { tally.countMissingTarget(0, g) } else if !forecasts.isComplete(g) { tally.countMissingPrediction(0, g) }
    }
    forecasts.forEachScale { s in
      let part = parts.number(of: forecasts.part(row, s))
      guard !forecasts.target.isNaN, forecasts.weight > 0 else { return }
      for (g, group) in roles.groups.enumerated() where forecasts.isComplete(g) {
        held[g].targets.append(forecasts.target)
        if roles.weight != nil { held[g].weights.append(forecasts.weight) }
        held[g].quantiles += UnsafeBufferPointer(start: forecasts.quantiles(g), count: group.levels.count)
        held[g].parts.append(part)
      }
    }
  }

  override func commit(_ rows: Rows) throws {
    decomposition.append(held, partNames: parts.names)
    for g in held.indices { held[g] = HeldForecasts() }
    parts = RowLabels()
  }
}
