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

/// Combines the predictions of a row by weights. One for each thread.
public final class OnlineCombiner {
  private let combination: OnlineCombination
  private let levels: [Double]
  private let pool: PooledDistributions

  public init(_ combination: OnlineCombination, levels: [Double]) {
    self.combination = combination
    self.levels = levels
    pool = PooledDistributions(levels: levels)
  }

  /// Writes m quantiles; NaN only where no model predicts a level. `predictions` are p × m, and `weights` p or, by level, m × p; a pool takes
  /// the mean weight of a model over levels, for it has one distribution.
  public func combine(_ predictions: [Double], models p: Int, weights: [Double], into answer: UnsafeMutableBufferPointer<Double>) {
    let m = levels.count
    predictions.withUnsafeBufferPointer { values in
      if combination == .pool {
        let own = weights.count == p ? weights : (0..<p).map { j in (0..<m).reduce(0) { $0 + weights[$1 * p + j] } / Double(m) }
        if pool.read(values.baseAddress!, models: p, weights: own) { return pool.invert(into: answer) }
      }
      if combination == .mean, weights.count == p, OnlineCombiner.mean(values, p, m, weights, into: answer) { return }
      for t in 0..<m {
        let first = weights.count == p ? 0 : t * p
        answer[t] =
          combination == .median
          ? OnlineCombiner.median((0..<p).map { (values[$0 * m + t], weights[first + $0]) })
          : OnlineCombiner.mean(p, level: levels[t], value: { values[$0 * m + t] }, weight: { weights[first + $0] })
      }
    }
  }

  /// The same for all levels at once; false where some prediction is missing or a sum is none.
  private static func mean(
    _ values: UnsafeBufferPointer<Double>, _ p: Int, _ m: Int, _ weights: [Double], into answer: UnsafeMutableBufferPointer<Double>
  ) -> Bool {
    answer.update(repeating: 0)
    var total = 0.0
    for j in 0..<p {
      let weight = weights[j]
      total += weight
      for t in 0..<m { answer[t] += weight * (values[j * m + t] - values[t]) }
    }
    var check = 0.0
    for t in 0..<m {
      answer[t] = values[t] + answer[t] / total
      check += answer[t] * 0
    }
    return check == 0 && total > 1e-100
  }

  /// From the first value on, so that models which agree are answered with what they say.
  @inline(__always)
  private static func mean(_ count: Int, level: Double, value: (Int) -> Double, weight: (Int) -> Double) -> Double {
    var (first, sum, total) = (Double.nan, 0.0, 0.0)
    for j in 0..<count where !value(j).isNaN {
      if first.isNaN { first = value(j) }
      sum += weight(j) * (value(j) - first)
      total += weight(j)
    }
    let mean = first + sum / total
    return mean.isFinite && total > 1e-100 ? mean : weightedMean(count: count, level: level, value: value, weight: weight)
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
