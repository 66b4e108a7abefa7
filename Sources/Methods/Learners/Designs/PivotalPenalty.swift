import Groundwork
import Quantiles

/// The penalty of Belloni and Chernozhukov (2011, section 2.3): c · Λ(1 − α | X) with c = 1.1 and α = 0.1, where
///
///     Λ = max over levels τ and columns j of |Σ_i w_i x_ij (τ − 1{u_i ≤ τ})| / √(τ(1 − τ)),   u_i uniform on (0, 1),
///
/// for columns of mean 0 and variance 1. The score of the loss at the true coefficients is distributed like this whatever the errors are, so
/// the penalty exceeds it with probability 1 − α. A column's penalty at level τ is √(τ(1 − τ)) times it.
///
/// Λ's quantile is simulated with `draws` draws on at most 5,000 rows, scaled up to all by the central limit theorem. Weights have mean 1.
/// Cost O(draws · rows · columns).
func pivotalPenalty(
  _ design: Matrix, weights: [Double]?, levels: [Double], seed: UInt64, threads: Int, draws: Int = 400
) -> Double {
  let (n, p) = (design.rows, design.columns)
  guard n > 0, p > 0, !levels.isEmpty else { return 1 }
  var chosen = Array(0..<n)
  if n > 5000 {
    var random = RandomStream(seed: seed, stream: 1 << 40)
    random.shuffle(&chosen)
    chosen = Array(chosen[..<5000])
  }
  let suprema = try! parallelMap(draws, threads: threads) { [chosen] draw -> Double in
    var random = RandomStream(seed: seed, stream: UInt64(draw))
    // Rows by the interval between levels that their u falls into: sums over u ≤ τ are then sums of intervals.
    var sums = [Double](repeating: 0, count: (levels.count + 1) * p)
    design.values.withUnsafeBufferPointer { x in
      sums.withUnsafeMutableBufferPointer { sums in
        for i in chosen {
          let u = random.uniform()
          let k = partitionPoint(0..<levels.count) { u <= levels[$0] }
          let w = weights?[i] ?? 1
          for j in 0..<p { sums[k * p + j] += w * x[i * p + j] }
        }
      }
    }
    var total = [Double](repeating: 0, count: p)
    for k in 0...levels.count { for j in 0..<p { total[j] += sums[k * p + j] } }
    var below = [Double](repeating: 0, count: p)
    var supremum = 0.0
    for (t, level) in levels.enumerated() {
      var largest = 0.0
      for j in 0..<p {
        below[j] += sums[t * p + j]
        largest = max(largest, abs(level * total[j] - below[j]))
      }
      supremum = max(supremum, largest / (level * (1 - level)).squareRoot())
    }
    return supremum
  }
  let quantile = weightedQuantiles(sortedValues: suprema.sorted(), levels: [0.9])[0]
  return 1.1 * quantile * (Double(n) / Double(chosen.count)).squareRoot()
}
