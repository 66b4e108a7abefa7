import Glibc
import Quantiles

/// Smooths weights by level over neighbouring levels: P̃_τ ∝ Σ_σ exp(−½ ((z_τ − z_σ)/h)²) P_σ, with z the normal scores of levels (Berrisch and
/// Ziel 2023, "CRPS learning", smooth over levels too).
struct LevelKernel: Sendable {
  private let levels: Int
  /// m × m, rows summing to one.
  private let shares: [Double]

  init(levels: [Double], width: Double) {
    self.levels = levels.count
    let scores = levels.map(NormalDistribution.quantile)
    shares = scores.flatMap { z in
      let raw = scores.map { exp(-((z - $0) / width) * ((z - $0) / width) / 2) }
      let total = raw.reduce(0, +)
      return raw.map { $0 / total }
    }
  }

  /// Smooths m × p weights in place; models without a level have no weight there.
  func smooth(_ weights: inout [Double], models p: Int, _ presence: [Bool]) {
    let before = weights
    for t in 0..<levels {
      var total = 0.0
      for j in 0..<p {
        var sum = 0.0
        for s in 0..<levels { sum += shares[t * levels + s] * before[s * p + j] }
        weights[t * p + j] = presence[t * p + j] ? sum : 0
        total += weights[t * p + j]
      }
      if total > 0 { for j in 0..<p { weights[t * p + j] /= total } } else { for j in 0..<p { weights[t * p + j] = before[t * p + j] } }
    }
  }
}
