import Quantiles

/// How weighted predictions become one.
public enum OnlineCombination: String, CaseIterable, Sendable {
  /// The weighted linear opinion pool, as `LinearPool` inverts it.
  case pool
  /// The weighted mean of quantiles, level by level.
  case mean
  /// The weighted median of quantiles, level by level (`weightedQuantiles` at ½).
  case median
}

/// Combines the predictions of a row by weights. One value per worker.
public struct OnlineCombiner {
  private let combination: OnlineCombination
  private let levels: [Double]
  private var pool: PooledDistributions

  public init(_ combination: OnlineCombination, levels: [Double]) {
    self.combination = combination
    self.levels = levels
    pool = PooledDistributions(levels: levels)
  }

  /// Writes m quantiles; NaN only where no model predicts a level. `predictions` are p × m, and `weights` p or, by level, m × p; a pool takes
  /// the mean weight of a model over levels, for it has one distribution.
  public mutating func combine(_ predictions: [Double], models p: Int, weights: [Double], into answer: UnsafeMutableBufferPointer<Double>) {
    let m = levels.count
    predictions.withUnsafeBufferPointer { values in
      if combination == .pool {
        let own = weights.count == p ? weights : (0..<p).map { j in (0..<m).reduce(0) { $0 + weights[$1 * p + j] } / Double(m) }
        if pool.read(values.baseAddress!, models: p, weights: own) { return pool.invert(into: answer) }
      }
      for t in 0..<m {
        let first = weights.count == p ? 0 : t * p
        answer[t] =
          combination == .median
          ? OnlineCombiner.median((0..<p).map { (values[$0 * m + t], weights[first + $0]) })
          : weightedMean(count: p, level: levels[t], value: { values[$0 * m + t] }, weight: { weights[first + $0] })
      }
    }
  }

  private static func median(_ all: [(value: Double, weight: Double)]) -> Double {
    let present = all.filter { !$0.value.isNaN }.sorted { $0.value < $1.value || ($0.value == $1.value && $0.weight < $1.weight) }
    guard let first = present.first else { return .nan }
    if first.value == present.last!.value { return first.value }
    let hasWeight = present.contains { $0.weight > 1e-100 }
    let taken = hasWeight ? present.filter { $0.weight > 0 } : present
    return weightedQuantiles(sortedValues: taken.map(\.value), weights: hasWeight ? taken.map(\.weight) : nil, levels: [0.5])[0]
  }
}
