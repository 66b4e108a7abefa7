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
  guard data.rows > data.columns, data.columns > 0 else { return nil }
  guard var path = FrischNewtonPath(data, level: level) else { return nil }
  // Without a spread the least squares fit is the answer.
  if path.spread.isFinite, path.spread > 0 {
    path.start()
    for _ in 0..<maximumSteps {
      let gap = path.gap()
      guard gap.isFinite else { return nil }
      if gap <= gapTolerance * path.objective() { break }
      guard path.step(gap: gap) else { return nil }
    }
  }
  return path.beta.allSatisfy(\.isFinite) ? path.beta : nil
}

/// A point inside the bounds, and the memory of the step from it.
private struct FrischNewtonPath {
  private let n: Int
  private let level: Double
  private let y: [Double]
  private var equations: WeightedNormalEquations
  private(set) var beta: [Double]
  /// Mean |y − Xβ| at the least squares fit.
  let spread: Double

  private var a: [Double]
  /// Residual y − Xβ = above − below, both kept positive. `above` pairs with 1 − a and `below` with a: complementarity drives one of each
  /// pair to zero.
  private var above: [Double]
  private var below: [Double]

  /// Weights of the normal equations, and the residuals that they fit.
  private var q: [Double]
  private var r: [Double]
  private var da: [Double]
  private var dAbove: [Double]
  private var dBelow: [Double]

  /// The least squares fit. Nil where it breaks down.
  init?(_ data: WhitenedRows, level: Double) {
    let (n, p) = (data.rows, data.columns)
    let unit = data.weight.reduce(0) { max($0, $1) }
    var rows = data.design
    var y = data.target
    for i in 0..<n {
      let w = data.weight[i] / unit
      y[i] *= w
      for c in 0..<p { rows[i * p + c] *= w }
    }
    self.n = n
    self.level = level
    self.y = y
    equations = WeightedNormalEquations(rows, count: n, columns: p)
    let ones = [Double](repeating: 1, count: n)
    guard equations.factor(ones) else { return nil }
    beta = equations.solve(ones, y)
    let fit = equations.fit(beta)
    r = (0..<n).map { y[$0] - fit[$0] }
    spread = r.reduce(0) { $0 + abs($1) } / Double(n)
    a = [Double](repeating: 1 - level, count: n)
    above = [Double](repeating: 0, count: n)
    (below, q, da, dAbove, dBelow) = (above, above, above, above, above)
  }

  /// Takes the residuals of the least squares fit apart, which must have a spread.
  mutating func start() {
    for i in 0..<n {
      above[i] = max(r[i], 0) + 1e-3 * spread
      below[i] = above[i] - r[i]
    }
  }

  /// Σ (1 − a) above + a below: how far the objective is from that of the dual.
  func gap() -> Double {
    var sum = 0.0
    for i in 0..<n { sum += (1 - a[i]) * above[i] + a[i] * below[i] }
    return sum
  }

  /// Σ ψ_τ of the residuals as they stand apart.
  func objective() -> Double {
    var sum = 0.0
    for i in 0..<n { sum += level * above[i] + (1 - level) * below[i] }
    return sum
  }

  /// Mehrotra's step: a predictor that aims at a gap of nothing tells how far a corrector shall aim. False where it breaks down.
  mutating func step(gap: Double) -> Bool {
    for i in 0..<n {
      q[i] = 1 / (above[i] / (1 - a[i]) + below[i] / a[i])
      r[i] = above[i] - below[i]
    }
    guard q.allSatisfy({ $0.isFinite }), equations.factor(q) else { return false }
    var dBeta = predictor()
    var length = stepLengths()
    if min(length.primal, length.dual) < 1 {
      dBeta = corrector(centre: mehrotraTarget(gap, afterAffineStep: gapAfter(length), pairs: 2 * Double(n)))
      length = stepLengths()
    }
    for i in 0..<n {
      a[i] += length.primal * da[i]
      above[i] += length.dual * dAbove[i]
      below[i] += length.dual * dBelow[i]
    }
    for c in beta.indices { beta[c] += length.dual * dBeta[c] }
    return true
  }

  /// Leaves the affine direction in da, dAbove and dBelow, and returns that of β.
  private mutating func predictor() -> [Double] {
    let dBeta = equations.solve(q, r)
    let dFit = equations.fit(dBeta)
    for i in 0..<n {
      da[i] = q[i] * (r[i] - dFit[i])
      dAbove[i] = -above[i] + above[i] * da[i] / (1 - a[i])
      dBelow[i] = -below[i] - below[i] * da[i] / a[i]
    }
    return dBeta
  }

  /// The same for products `centre`, what the predictor left out of second order made good.
  private mutating func corrector(centre: Double) -> [Double] {
    // dAbove and dBelow hold the corrections until they become the direction.
    for i in 0..<n {
      dAbove[i] = (centre + da[i] * dAbove[i]) / (1 - a[i])
      dBelow[i] = (centre - da[i] * dBelow[i]) / a[i]
      r[i] = r[i] - dAbove[i] + dBelow[i]
    }
    let dBeta = equations.solve(q, r)
    let dFit = equations.fit(dBeta)
    for i in 0..<n {
      da[i] = q[i] * (r[i] - dFit[i])
      dAbove[i] = dAbove[i] - above[i] + above[i] * da[i] / (1 - a[i])
      dBelow[i] = dBelow[i] - below[i] - below[i] * da[i] / a[i]
    }
    return dBeta
  }

  /// The longest steps that stay inside, at most 1.
  private func stepLengths() -> (primal: Double, dual: Double) {
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

  /// `gap` after a step of these lengths.
  private func gapAfter(_ length: (primal: Double, dual: Double)) -> Double {
    var sum = 0.0
    for i in 0..<n {
      let x = a[i] + length.primal * da[i]
      sum += (1 - x) * (above[i] + length.dual * dAbove[i]) + x * (below[i] + length.dual * dBelow[i])
    }
    return sum
  }
}

/// Xᵀ diag(q) X v = Xᵀ(q ∘ r) for a fixed X of n × p, row-major.
private struct WeightedNormalEquations {
  private let rows: [Double]
  private let (n, p): (Int, Int)
  private var scaled: [Double]
  private var gram: [Double]

  init(_ rows: [Double], count: Int, columns: Int) {
    self.rows = rows
    (n, p) = (count, columns)
    scaled = rows
    gram = [Double](repeating: 0, count: columns * columns)
  }

  /// Xβ.
  func fit(_ beta: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: n)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, Int32(n), Int32(p), 1, rows, Int32(p), beta, 1, 0, &out, 1)
    return out
  }

  /// Factors Xᵀ diag(q) X. False where it is not positive definite.
  mutating func factor(_ q: [Double]) -> Bool {
    let (n, p) = (n, p)
    scaled.withUnsafeMutableBufferPointer { scaled in
      rows.withUnsafeBufferPointer { rows in
        for i in 0..<n {
          let root = q[i].squareRoot()
          for c in 0..<p { scaled[i * p + c] = root * rows[i * p + c] }
        }
      }
    }
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, Int32(p), Int32(n), 1, scaled, Int32(p), 0, &gram, Int32(p))
    var status: Int32 = 0
    var size = Int32(p)
    // Row-major upper is column-major lower.
    dpotrf_("L", &size, &gram, &size, &status)
    return status == 0
  }

  /// v, by the factor that `factor(q)` left.
  func solve(_ q: [Double], _ r: [Double]) -> [Double] {
    var right = [Double](repeating: 0, count: p)
    var product = q
    for i in 0..<n { product[i] *= r[i] }
    cblas_dgemv(CblasRowMajor, CblasTrans, Int32(n), Int32(p), 1, rows, Int32(p), product, 1, 0, &right, 1)
    var size = Int32(p)
    var one: Int32 = 1
    var status: Int32 = 0
    dpotrs_("L", &size, &one, gram, &size, &right, &size, &status)
    return right
  }
}
