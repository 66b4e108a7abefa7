/// What Mehrotra's corrector aims the product of every complementary pair at (Mehrotra 1992, "On the implementation of a primal-dual interior
/// point method"): μ = σ³ G / k for k pairs whose products sum to G, σ the share of G that the affine step would leave.
package func mehrotraTarget(_ sum: Double, afterAffineStep remaining: Double, pairs: Double) -> Double {
  let share = max(remaining, 0) / sum
  return share * share * share * sum / pairs
}
