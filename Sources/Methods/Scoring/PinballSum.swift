import Quantiles

/// Σ_τ ψ_τ(y − q_τ). +∞ where some quantile is infinite. `quantiles` holds one value a level. The order of additions is fixed.
///
/// ψ_τ(u) = max(τu, (τ − 1)u), which unlike τu + (−u)₊ stays a number where u is infinite.
func pinballSum(levels: [Double], quantiles: UnsafePointer<Double>, target: Double) -> Double {
  levels.withUnsafeBytes { bytes in
    var sums = SIMD4<Double>.zero
    let targets = SIMD4<Double>(repeating: target)
    let blocks = levels.count / 4
    for block in 0..<blocks {
      let level = bytes.loadUnaligned(fromByteOffset: 32 * block, as: SIMD4<Double>.self)
      let error = targets - UnsafeRawPointer(quantiles).loadUnaligned(fromByteOffset: 32 * block, as: SIMD4<Double>.self)
      let below = (level - 1) * error
      let above = level * error
      sums += above.replacing(with: below, where: below .> above)
    }
    var sum = (sums[0] + sums[1]) + (sums[2] + sums[3])
    for j in 4 * blocks..<levels.count { sum += pinballLoss(level: levels[j], target: target, quantile: quantiles[j]) }
    return sum
  }
}
