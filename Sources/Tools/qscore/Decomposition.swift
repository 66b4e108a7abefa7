import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// The rows of one model: targets, their weights where rows have any, quantiles one row after the other, and the key of each row.
struct StoredForecasts {
  var targets: [Double] = []
  var weights: [Double] = []
  var quantiles: [Double] = []
  var keys: [Int32] = []
}

/// What `--decompose` holds and reports: a row a model and level.
final class Decomposition {
  private let groups: [QuantileGroup]
  /// Names of what tells keys apart.
  private let keyNames: [String]
  /// Whether what recalibration gains on rows that did not teach it is told too.
  private let crossFits: Bool
  /// Keys of rows that were not scored are among them.
  private let keys = KeyTable()
  /// One a group.
  private var forecasts: [StoredForecasts]

  init(groups: [QuantileGroup], keyNames: [String], crossFits: Bool) {
    self.groups = groups
    self.keyNames = keyNames
    self.crossFits = crossFits
    forecasts = groups.map { _ in StoredForecasts() }
    if keyNames.isEmpty { _ = try! keys.number(of: []) }
  }

  var columns: (names: [String], labels: Int) {
    let labels = ["model"] + keyNames + ["level"]
    return (labels + ["n", "pinball", "miscalibration", "discrimination", "uncertainty"] + (crossFits ? ["recalibration_gain"] : []), labels.count)
  }

  /// Takes over what a worker has read, with its keys.
  func append(_ new: [StoredForecasts], _ theirs: KeyTable) throws {
    let numbers = try keys.merge(theirs)
    for g in groups.indices {
      forecasts[g].targets += new[g].targets
      forecasts[g].weights += new[g].weights
      forecasts[g].quantiles += new[g].quantiles
      forecasts[g].keys += new[g].keys.map { Int32(numbers[Int($0)]) }
    }
  }

  func report(threads: Int) -> Report {
    let rowsOfKey = forecasts.map { stored in
      var rows = [[Int]](repeating: [], count: keys.names.count)
      for (row, key) in stored.keys.enumerated() { rows[Int(key)].append(row) }
      return rows
    }
    let units = keys.inOrder.flatMap { key in
      groups.indices.flatMap { g in groups[g].levels.indices.map { (key: key, group: g, level: $0) } }
    }
    let rows = try! parallelMap(units.count, threads: threads) { [forecasts, groups, crossFits, names = keys.names] u -> [ReportTable.Cell] in
      let (key, g, t) = units[u]
      let (stored, levels) = (forecasts[g], groups[g].levels)
      let rows = rowsOfKey[g][key]
      let (quantiles, targets) = (rows.map { stored.quantiles[$0 * levels.count + t] }, rows.map { stored.targets[$0] })
      let weights = stored.weights.isEmpty ? nil : rows.map { stored.weights[$0] }
      let result = QuantileScoreDecomposition(level: levels[t], forecasts: quantiles, targets: targets, weights: weights)
      let gain = crossFits ? [recalibrationGain(level: levels[t], forecasts: quantiles, targets: targets, weights: weights)] : []
      return [.text(groups[g].name)] + names[key].map { .field($0) } + [.key(levels[t]), .count(result.rows)]
        + ([result.score, result.miscalibration, result.discrimination, result.uncertainty] + gain).map { .number($0) }
    }
    return Report(columns: columns.names, labels: columns.labels, rows: rows)
  }
}
