import FilterKit
import Groundwork
import Scoring
import Tables

/// What the tests and intervals of a comparison ask of its rows, and the rows lack: each is said once.
extension Comparison {
  /// With fewer units than this, rows or blocks, sign changes are few and the spread of resamples tells little.
  private static let leastUnits = 10

  func warn(_ keys: [KeyRows], _ session: FilterSession) {
    let keys = keys.filter { !$0.scores.isEmpty }
    for message in [sharedTimes(keys), fewUnits(keys), shortSeries(keys)].compactMap({ $0 }) { session.diagnostics.warn(message) }
  }

  /// Rows of one time have the same weather, so they are hardly independent.
  private func sharedTimes(_ keys: [KeyRows]) -> String? {
    guard let order, blocks.isEmpty else { return nil }
    let shared = keys.map { (rows: $0.times.count, times: Set($0.times).count) }.filter { $0.rows > $0.times }
    if shared.isEmpty { return nil }
    let (rows, times) = shared.reduce((0, 0)) { ($0.0 + $1.rows, $0.1 + $1.times) }
    return "\(counted(rows, "row")) share \(counted(times, "time")) of \(order), and p_permutation and p_wilcoxon take rows as independent; "
      + "--blocks \(order) keeps those of a time together"
  }

  private func fewUnits(_ keys: [KeyRows]) -> String? {
    if blocks.isEmpty, resamples == 0 { return nil }
    let counts = keys.map { units($0).count }
    let few = counts.filter { $0 < Comparison.leastUnits }
    guard let least = few.min() else { return nil }
    let unit = blocks.isEmpty ? "row" : "block"
    let told = counts.count > 1 ? "some parts have as few as \(counted(least, unit))" : "\(counted(least, unit)) \(least == 1 ? "is" : "are") few"
    let what = blocks.isEmpty ? "intervals" : resamples == 0 ? "p_permutation" : "p_permutation and intervals"
    return "\(told): \(what) \(what == "intervals" || resamples > 0 ? "want" : "wants") \(Comparison.leastUnits) or more"
  }

  private func shortSeries(_ keys: [KeyRows]) -> String? {
    guard order != nil else { return nil }
    let k = models.count
    let lengths = keys.flatMap { rows in
      testedPairs.map { i, j in
        Set(rows.times.indices.filter { !rows.scores[$0 * k + i].isNaN && !rows.scores[$0 * k + j].isNaN }.map { rows.times[$0] }).count
      }
    }
    // Three degrees of freedom: with fewer, only differences beyond four standard errors are seen.
    guard let least = lengths.filter({ $0 > 0 }).min(), least <= horizon || dieboldMarianoFreedom(least, horizon: horizon) < 3 else { return nil }
    var needed = horizon + 1
    while dieboldMarianoFreedom(needed, horizon: horizon) < 3 { needed += 1 }
    let can = least <= horizon || least < 2 ? "is missing" : "sees large differences only"
    return "\(counted(least, "time")) \(least == 1 ? "is" : "are") few for forecasts \(counted(horizon, "step")) ahead: p_diebold_mariano \(can); "
      + "\(needed) times or more are wanted"
  }
}
