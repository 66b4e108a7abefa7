import Quantiles

/// Isotonic quantile regression: the non-decreasing function of a forecast that has the least weighted pinball loss at level τ; of
/// several such functions the lowest.
///
/// By partitioning (Stout 2013, "Isotonic regression via partitioning", Algorithmica 66; Jordan, Mühlemann, Ziegel 2022,
/// "Characterizing the optimal solutions to the isotonic regression problem for identifiable functionals"): among candidate values,
/// the sorted targets, rows in the order of their forecasts fall at one place into those whose fit lies in the lower half and those
/// whose fit lies in the upper; each part goes on with its half. That place minimises the loss with the two middle candidates
/// alone, so it is where the sum of what the rows behind it lose by going up is least.
public struct IsotonicQuantileRegression {
  /// The recalibrated forecast of each row.
  public private(set) var fitted: [Double]

  /// - forecasts: one a row, finite or infinite, at least one row; targets: as many, finite.
  /// - weights: as many, finite and positive; nil is equal weights.
  /// - level: τ in (0, 1).
  /// O(n log n).
  public init(level: Double, forecasts: [Double], targets: [Double], weights: [Double]? = nil) {
    precondition(!forecasts.isEmpty && forecasts.count == targets.count && (weights == nil || weights!.count == targets.count))
    let n = forecasts.count
    let order = forecasts.indices.sorted { forecasts[$0] != forecasts[$1] ? forecasts[$0] < forecasts[$1] : $0 < $1 }
    let target = order.map { targets[$0] }
    let weight = weights.map { weights in order.map { weights[$0] } }
    // Equal forecasts have equal fits.
    let mayDiffer = (0..<n).map { $0 > 0 && forecasts[order[$0]] != forecasts[order[$0 - 1]] }
    var candidates = target.sorted()
    var distinct = 1
    for value in candidates where value != candidates[distinct - 1] {
      candidates[distinct] = value
      distinct += 1
    }
    // Levels in their whole units: sums without weights do not round.
    let (down, up) = (-Double(Level(level).key), Double(Level(level).complement.key))

    fitted = [Double](repeating: 0, count: n)
    var parts = [(rows: 0..<n, values: 0..<distinct)]
    while let (rows, values) = parts.popLast() {
      if rows.isEmpty { continue }
      if values.count == 1 {
        for i in rows { fitted[order[i]] = candidates[values.lowerBound] }
        continue
      }
      let middle = (values.lowerBound + values.upperBound) / 2
      let upper = candidates[middle]
      var (sum, least, split) = (0.0, 0.0, rows.upperBound)
      for i in rows.reversed() {
        sum += (target[i] >= upper ? down : up) * (weight?[i] ?? 1)
        if sum < least, mayDiffer[i] || i == rows.lowerBound { (least, split) = (sum, i) }
      }
      parts.append((rows.lowerBound..<split, values.lowerBound..<middle))
      parts.append((split..<rows.upperBound, middle..<values.upperBound))
    }
  }
}
