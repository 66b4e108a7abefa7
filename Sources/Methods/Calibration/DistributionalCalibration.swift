import Groundwork
import MethodKit
import Quantiles

/// Distributional conformal prediction (Chernozhukov, Wüthrich, Zhu 2021, "Distributional conformal prediction", §2), one map of
/// the levels for every row.
///
/// A row's quantiles are a distribution function F (`QuantileFunction`), and the rank of its target is z_i = Φ⁻¹(F_i(y_i)). A level
/// τ < ½ is answered by the row's own quantile at the ⌊τ(n + 1)⌋-th smallest z_i, a level τ > ½ at the ⌈τ(n + 1)⌉-th, and the
/// median midway between the two of ½. Ranks do not decrease in τ, so one increasing map calibrates all levels together:
/// P(y ≥ q_τ) ≥ 1 − τ below ½ and P(y ≤ q_τ) ≥ τ above it. Where F jumps, z_i is the end of the jump that is the safer one.
public struct DistributionalCalibration: ConformityMeasure {
  public static let description = MethodDescription(
    name: "distributional",
    summary: "one map of the levels, from the ranks of the targets within the predicted distributions: the median and levels without a complement too"
  )
  public static let ordersFirst = true
  public let bounds: [ConformalBound]
  public let order: OutwardOrder
  private let normalScores: [Double]
  private let median: Int?
  private let firstLower: Int
  private let firstUpper: Int

  public init(levels: [Double], settings: Settings) throws {
    guard levels.count > 1 else {
      throw Failure(.badData, "\(Self.description.name) needs two levels or more", remedy: "predict more, or choose another --method")
    }
    bounds = levels.indices.flatMap { j -> [ConformalBound] in
      let level = Level(levels[j])
      return (level <= .median ? [ConformalBound(below: j, of: levels)] : []) + (level >= .median ? [ConformalBound(above: j, of: levels)] : [])
    }
    firstLower = bounds.firstIndex { $0.lower != nil } ?? 0
    firstUpper = bounds.firstIndex { $0.lower == nil } ?? 0
    order = OutwardOrder(levels: levels)
    normalScores = levels.map { NormalDistribution.quantile($0) }
    median = LevelPairs(levels).median
  }

  public func score(_ row: UnsafePointer<Double>, target: Double, bound k: Int) -> Double {
    // Most rows are complete, and their quantiles can stay where they are.
    if !normalScores.indices.contains(where: { row[$0].isNaN }) {
      return normalScores.withUnsafeBufferPointer {
        position(in: QuantileFunction(scores: $0.baseAddress!, quantiles: row, count: $0.count), target, k)
      }
    }
    return withFunction(row) { $0.map { position(in: $0, target, k) } ?? .nan }
  }

  public func firstBound(scoringAs k: Int) -> Int { bounds[k].lower != nil ? firstLower : firstUpper }

  private func position(in function: QuantileFunction, _ target: Double, _ k: Int) -> Double {
    bounds[k].lower != nil ? -function.position(of: target, from: .above) : function.position(of: target, from: .below)
  }

  public func move(_ row: UnsafeMutableBufferPointer<Double>, to thresholds: UnsafePointer<Double>) {
    withFunction(row.baseAddress!) { function in
      guard let function else { return }
      for (k, bound) in bounds.enumerated() where thresholds[k] > -.infinity {
        if let j = bound.lower, j != median, !row[j].isNaN { row[j] = function(-thresholds[k]) }
        if let j = bound.upper, j != median, !row[j].isNaN { row[j] = function(thresholds[k]) }
      }
      guard let median, !row[median].isNaN, let k = bounds.firstIndex(where: { $0.lower == median }) else { return }
      let (below, above) = (-thresholds[k], thresholds[k + 1])
      if below.isFinite && above.isFinite { row[median] = function(below / 2 + above / 2) }
    }
  }

  public static func effect(of threshold: String) -> String { "answered at \(threshold) standard deviations outwards of the predicted median" }

  /// The row's present quantiles as a function; nil where there are fewer than two.
  private func withFunction<T>(_ row: UnsafePointer<Double>, _ body: (QuantileFunction?) -> T) -> T {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * normalScores.count) { memory in
      let scores = memory.baseAddress!
      let quantiles = scores + normalScores.count
      var count = 0
      for j in normalScores.indices where !row[j].isNaN {
        scores[count] = normalScores[j]
        quantiles[count] = row[j]
        count += 1
      }
      return body(count < 2 ? nil : QuantileFunction(scores: scores, quantiles: quantiles, count: count))
    }
  }
}
