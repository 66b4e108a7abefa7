import COpenBLAS
import Glibc

/// The coefficients that nearly minimise Σ_i w_i ψ_τ(y_i − x_iᵀβ), by the Frisch–Newton interior point with Mehrotra's corrector
/// (Portnoy and Koenker 1997, section 3). Nil where a step breaks down, as it may for weights or targets of extreme range.
///
/// The dual is max yᵀa subject to Xᵀa = (1 − τ)Xᵀ1, 0 ≤ a ≤ 1, rows multiplied by their weights; a = 1 − τ is inside from the start.
/// About twenty steps of O(n · p²).
package func interiorPointQuantile(
  _ data: WhitenedRows, level: Double, gapTolerance: Double = 1e-6, maximumSteps: Int = 40
) -> [Double]? {
  let (n, p) = (data.rows, data.columns)
  guard n > p, p > 0 else { return nil }
  let unit = data.weight.reduce(0) { max($0, $1) }
  var rows = data.design
  var y = data.target
  for i in 0..<n {
    let w = data.weight[i] / unit
    y[i] *= w
    for c in 0..<p { rows[i * p + c] *= w }
  }
  let (n32, p32) = (Int32(n), Int32(p))
  func fit(_ beta: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: n)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n32, p32, 1, rows, p32, beta, 1, 0, &out, 1)
    return out
  }

  var scaled = rows
  var gram = [Double](repeating: 0, count: p * p)
  /// Factors Xᵀ diag(q) X. False where it is not positive definite.
  func factor(_ q: [Double]) -> Bool {
    scaled.withUnsafeMutableBufferPointer { scaled in
      rows.withUnsafeBufferPointer { rows in
        for i in 0..<n {
          let root = q[i].squareRoot()
          for c in 0..<p { scaled[i * p + c] = root * rows[i * p + c] }
        }
      }
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, p32, n32, 1, scaled, p32, 0, &gram, p32)
    var status: Int32 = 0
    var size = p32
    // Row-major upper is column-major lower.
    dpotrf_("L", &size, &gram, &size, &status)
    return status == 0
  }
  /// Solves (Xᵀ diag(q) X) v = Xᵀ(q ∘ r).
  func solve(_ q: [Double], _ r: [Double]) -> [Double] {
    var right = [Double](repeating: 0, count: p)
    var product = q
    for i in 0..<n { product[i] *= r[i] }
    cblas_dgemv(CblasRowMajor, CblasTrans, n32, p32, 1, rows, p32, product, 1, 0, &right, 1)
    var size = p32
    var one: Int32 = 1
    var status: Int32 = 0
    dpotrs_("L", &size, &one, gram, &size, &right, &size, &status)
    return right
  }

  guard factor([Double](repeating: 1, count: n)) else { return nil }
  var beta = solve([Double](repeating: 1, count: n), y)
  let firstFit = fit(beta)
  var a = [Double](repeating: 1 - level, count: n)
  // Residual y − Xβ = above − below, both kept positive.
  var above = [Double](repeating: 0, count: n)
  var below = above
  var spread = 0.0
  for i in 0..<n { spread += abs(y[i] - firstFit[i]) }
  spread /= Double(n)
  guard spread.isFinite, spread > 0 else { return beta.allSatisfy(\.isFinite) ? beta : nil }
  for i in 0..<n {
    let r = y[i] - firstFit[i]
    above[i] = max(r, 0) + 1e-3 * spread
    below[i] = above[i] - r
  }

  var q = [Double](repeating: 0, count: n)
  var r = q, da = q, dAbove = q, dBelow = q, shifted = q
  for _ in 0..<maximumSteps {
    // `above` pairs with 1 − a and `below` with a: complementarity drives one of each pair to zero.
    var gap = 0.0
    for i in 0..<n { gap += (1 - a[i]) * above[i] + a[i] * below[i] }
    var size = 0.0
    for i in 0..<n { size += level * above[i] + (1 - level) * below[i] }
    guard gap.isFinite else { return nil }
    if gap <= gapTolerance * size { break }

    for i in 0..<n {
      q[i] = 1 / (above[i] / (1 - a[i]) + below[i] / a[i])
      r[i] = above[i] - below[i]
    }
    guard q.allSatisfy({ $0.isFinite }), factor(q) else { return nil }
    var dBeta = solve(q, r)
    var dFit = fit(dBeta)
    func stepLengths() -> (primal: Double, dual: Double) {
      var primal = 1e20
      var dual = 1e20
      for i in 0..<n {
        if da[i] < 0 { primal = min(primal, -a[i] / da[i]) }
        if da[i] > 0 { primal = min(primal, (1 - a[i]) / da[i]) }
        if dAbove[i] < 0 { dual = min(dual, -above[i] / dAbove[i]) }
        if dBelow[i] < 0 { dual = min(dual, -below[i] / dBelow[i]) }
      }
      return (min(0.99995 * primal, 1), min(0.99995 * dual, 1))
    }
    for i in 0..<n {
      da[i] = q[i] * (r[i] - dFit[i])
      dAbove[i] = -above[i] + above[i] * da[i] / (1 - a[i])
      dBelow[i] = -below[i] - below[i] * da[i] / a[i]
    }
    var (primal, dual) = stepLengths()
    if min(primal, dual) < 1 {
      var reached = 0.0
      for i in 0..<n {
        let x = a[i] + primal * da[i]
        reached += (1 - x) * (above[i] + dual * dAbove[i]) + x * (below[i] + dual * dBelow[i])
      }
      let centre = mehrotraTarget(gap, afterAffineStep: reached, pairs: 2 * Double(n))
      var corrections = (q, q)
      for i in 0..<n {
        corrections.0[i] = (centre + da[i] * dAbove[i]) / (1 - a[i])
        corrections.1[i] = (centre - da[i] * dBelow[i]) / a[i]
        shifted[i] = r[i] - corrections.0[i] + corrections.1[i]
      }
      dBeta = solve(q, shifted)
      dFit = fit(dBeta)
      for i in 0..<n {
        da[i] = q[i] * (shifted[i] - dFit[i])
        dAbove[i] = corrections.0[i] - above[i] + above[i] * da[i] / (1 - a[i])
        dBelow[i] = corrections.1[i] - below[i] - below[i] * da[i] / a[i]
      }
      (primal, dual) = stepLengths()
    }
    for i in 0..<n {
      a[i] += primal * da[i]
      above[i] += dual * dAbove[i]
      below[i] += dual * dBelow[i]
    }
    for c in 0..<p { beta[c] += dual * dBeta[c] }
  }
  return beta.allSatisfy(\.isFinite) ? beta : nil
}
