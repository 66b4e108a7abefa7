import Quantiles

/// Scores of each level by itself: the pinball loss ψ_τ(y − q_τ), whose mean over levels times two is `wis`, and whether
/// y ≤ q_τ, whose mean is the level's coverage and should be τ.
public struct LevelScores: Sendable {
  public let levels: [Double]

  /// `levels` increasing.
  public init(levels: [Double]) { self.levels = levels }

  /// Two values a level: element 2j is the pinball loss of level j, element 2j + 1 its coverage, 0 or 1.
  public var count: Int { 2 * levels.count }

  /// Scores one row: arguments as in `Score.evaluate`, with room for `count` values. O(m).
  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    levels.withUnsafeBufferPointer { levels in
      for j in 0..<levels.count {
        values[2 * j] = pinballLoss(level: levels[j], target: target, quantile: quantiles[j])
        values[2 * j + 1] = target <= quantiles[j] ? 1 : 0
      }
    }
  }
}
