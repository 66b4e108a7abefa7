import Quantiles

/// What the models of a row lose, which neither weights nor answers change: pinball losses, finite for every prediction that is there.
public final class ModelLosses: Sendable {
  /// p × m; NaN where a model does not predict a level. Empty where `means` are there.
  let losses: [Double]
  /// Of each model, the mean over all levels; empty where levels are missing, or weights are by level.
  let means: [Double]
  /// Of each slot: the median loss of its models, each over its levels, and their mean.
  let typical: [(median: Double, mean: Double)]
  let models: Int
  let levels: Int

  /// - Parameter predictions: p × m; NaN where a model does not predict a level.
  public init(_ predictions: [Double], models p: Int, target: Double, _ plan: OnlineWeights.Plan) {
    let m = plan.levels.count
    (models, levels) = (p, m)
    if !plan.isByLevel, let means = ModelLosses.means(predictions, models: p, target: target, plan.levels) {
      (losses, self.means, typical) = ([], means, [ModelLosses.typical(means)])
      return
    }
    means = []
    var losses = [Double](repeating: 0, count: p * m)
    for j in 0..<p { for t in 0..<m { losses[j * m + t] = ModelLosses.loss(plan.levels[t], target, predictions[j * m + t]) } }
    self.losses = losses
    if plan.isByLevel {
      typical = (0..<m).map { t in ModelLosses.typical((0..<p).map { losses[$0 * m + t] }.filter { !$0.isNaN }) }
    } else {
      let own = (0..<p).compactMap { j -> Double? in
        let there = losses[j * m..<(j + 1) * m].filter { !$0.isNaN }
        return there.isEmpty ? nil : there.reduce(0, +) / Double(there.count)
      }
      typical = [ModelLosses.typical(own)]
    }
  }

  /// Of each model the mean over all levels; nil where one is missing.
  private static func means(_ predictions: [Double], models p: Int, target: Double, _ levels: [Double]) -> [Double]? {
    let m = levels.count
    var check = 0.0
    let means = [Double](unsafeUninitializedCapacity: p) { sums, count in
      count = p
      sums[..<p].initialize(repeating: 0)
      predictions.withUnsafeBufferPointer { predictions in
        levels.withUnsafeBufferPointer { levels in
          // Sums of several models go on side by side.
          for t in 0..<m {
            let level = levels[t]
            for j in 0..<p {
              let prediction = predictions[j * m + t]
              check += prediction * 0
              let distance = min(max(target - prediction, -1e150), 1e150)
              sums[j] += distance >= 0 ? level * distance : (level - 1) * distance
            }
          }
        }
      }
      for j in 0..<p { sums[j] /= Double(m) }
    }
    return check == 0 ? means : nil
  }

  @inline(__always)
  static func loss(_ level: Double, _ target: Double, _ quantile: Double) -> Double {
    let distance = min(max(target - quantile, -1e150), 1e150)
    return quantile.isNaN ? .nan : distance >= 0 ? level * distance : (level - 1) * distance
  }

  private static func typical(_ losses: [Double]) -> (median: Double, mean: Double) {
    guard !losses.isEmpty else { return (0, 0) }
    let own = losses.sorted()
    let middle = own.count / 2
    return (own.count % 2 == 1 ? own[middle] : (own[middle - 1] + own[middle]) / 2, own.reduce(0, +) / Double(own.count))
  }

  /// The loss at a level of weights of all models, over those that predict it; zero where none does.
  func loss(level t: Int, _ weights: UnsafeBufferPointer<Double>) -> Double {
    var (sum, total, plain, count) = (0.0, 0.0, 0.0, 0.0)
    for j in 0..<models {
      let loss = losses[j * levels + t]
      if loss.isNaN { continue }
      sum += weights[j] * loss
      total += weights[j]
      plain += loss
      count += 1
    }
    return total > 0 ? sum / total : count > 0 ? plain / count : 0
  }

  /// The same as a mean over all levels.
  func loss(_ weights: UnsafeBufferPointer<Double>) -> Double {
    guard means.isEmpty else {
      var sum = 0.0
      means.withUnsafeBufferPointer { means in for j in 0..<models { sum += weights[j] * means[j] } }
      return sum
    }
    return (0..<levels).reduce(0) { $0 + loss(level: $1, weights) } / Double(levels)
  }
}
