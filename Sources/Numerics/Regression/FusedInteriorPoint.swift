import COpenBLAS
import Glibc
import Groundwork
import Quantiles

/// The search behind `FusedQuantileProcess`, and the point that it has come to.
///
/// Rows: n for each level, then p penalties for each level, then p differences for each pair of neighbours; all level-major.
/// Row k costs hi_k r for a residual r ≥ 0 and lo_k r below; its dual lies between lo_k and hi_k.
struct FusedInteriorPoint {
  let n: Int, p: Int, q: Int, m: Int
  let threads: Int
  /// n × q, ones first.
  private let design: [Double]
  private let target: [Double]
  private let low: [Double]
  private let high: [Double]
  /// Loss of the constants that the search starts from.
  private var unit = 0.0
  private(set) var beta: [Double]
  private(set) var steps = 0

  private var dual: [Double]
  /// Residual = above − below, both positive; above pairs with hi − d, below with d − lo.
  private var above: [Double]
  private var below: [Double]
  /// hi − d and d − lo, kept by themselves: as differences they would round to zero.
  private var upper: [Double]
  private var lower: [Double]
  /// What the dual lacks of feasibility.
  private var imbalance: [Double] = []

  /// Weights of the normal equations, the residuals that they fit, and the step.
  private var scale: [Double]
  private var shifted: [Double]
  private var change: [Double]
  private var dAbove: [Double]
  private var dBelow: [Double]

  /// Of each level, column-major lower: the diagonal block's factor, and what it leaves of the block beside it.
  private var factors: [[Double]]
  private var links: [[Double]]

  private var size: Int { low.count }
  private var fits: Int { m * n }
  private var slopes: Int { m * p }

  init(
    design given: Matrix, target y: [Double], weights: [Double]?, levels: [Double], penalties: [Double], fusions: [Double], threads: Int
  ) {
    (n, p, q, m) = (given.rows, given.columns, given.columns + 1, levels.count)
    self.threads = threads
    var design = [Double](repeating: 1, count: n * q)
    for i in 0..<n { for j in 0..<p { design[i * q + 1 + j] = given.values[i * p + j] } }
    self.design = design
    target = y
    let w = weights ?? [Double](repeating: 1, count: n)
    func spread(_ bounds: [Double]) -> [Double] { bounds.flatMap { [Double](repeating: $0, count: given.columns) } }
    let sides = spread(penalties) + spread(fusions)
    high = levels.flatMap { level in w.map { $0 * level } } + sides
    low = levels.flatMap { level in w.map { $0 * (level - 1) } } + sides.map { -$0 }
    beta = [Double](repeating: 0, count: m * q)
    factors = [[Double]](repeating: [], count: m)
    links = factors
    upper = high
    lower = low.map { -$0 }
    dual = [Double](repeating: 0, count: high.count)
    (above, below, scale, shifted, change, dAbove, dBelow) = (dual, dual, dual, dual, dual, dual, dual)
    let order = (0..<n).sorted { (y[$0], $0) < (y[$1], $1) }
    let quantiles = weightedQuantiles(sortedValues: order.map { y[$0] }, weights: order.map { w[$0] }, levels: levels)
    for t in 0..<m { beta[t * q] = quantiles[t] }
    unit = objective(beta)
  }

  /// Whether all slopes of level t are those of the next.
  func ties(_ t: Int) -> Bool { (1..<max(q, 1)).allSatisfy { beta[t * q + $0] == beta[(t + 1) * q + $0] } }

  // MARK: The linear map and its transpose

  /// What the coefficients make of every row.
  private func fitted(_ b: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: size)
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(m), Int32(n), Int32(q), 1, b, Int32(q), design, Int32(q), 0, &out, Int32(n))
    for t in 0..<m {
      for j in 0..<p {
        out[fits + t * p + j] = b[t * q + 1 + j]
        if t + 1 < m { out[fits + slopes + t * p + j] = b[(t + 1) * q + 1 + j] - b[t * q + 1 + j] }
      }
    }
    return out
  }

  private func transposed(_ d: [Double]) -> [Double] {
    var out = [Double](repeating: 0, count: m * q)
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(q), Int32(n), 1, d, Int32(n), design, Int32(q), 0, &out, Int32(q))
    for t in 0..<m {
      for j in 0..<p {
        out[t * q + 1 + j] += d[fits + t * p + j]
        if t + 1 < m {
          out[(t + 1) * q + 1 + j] += d[fits + slopes + t * p + j]
          out[t * q + 1 + j] -= d[fits + slopes + t * p + j]
        }
      }
    }
    return out
  }

  private func residuals(_ b: [Double]) -> [Double] {
    var out = fitted(b)
    for k in 0..<size { out[k] = (k < fits ? target[k % n] : 0) - out[k] }
    return out
  }

  func objective(_ b: [Double]) -> Double {
    let r = residuals(b)
    var sum = 0.0
    for k in 0..<size { sum += r[k] > 0 ? high[k] * r[k] : low[k] * r[k] }
    return sum
  }

  // MARK: Normal equations

  /// Factors Zᵀ diag(s) Z. False where rounding lost its definiteness.
  private mutating func factor(_ s: [Double]) -> Bool {
    let (n, p, q) = (n, p, q)
    let design = design
    let (fits, slopes) = (fits, slopes)
    factors.withDisjointSlots { slots in
      parallelFor(m, threads: threads) { t in
        var scaled = [Double](repeating: 0, count: n * q)
        for i in 0..<n {
          let root = s[t * n + i].squareRoot()
          for c in 0..<q { scaled[i * q + c] = root * design[i * q + c] }
        }
        var block = [Double](repeating: 0, count: q * q)
        // Row-major upper is column-major lower.
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, Int32(q), Int32(n), 1, scaled, Int32(q), 0, &block, Int32(q))
        for j in 0..<p { block[(j + 1) * (q + 1)] += s[fits + t * p + j] }
        slots[t] = block
      }
    }
    for t in 0..<m {
      if t > 0 {
        for j in 0..<p { factors[t][(j + 1) * (q + 1)] += s[fits + slopes + (t - 1) * p + j] }
        cblas_dsyrk(
          CblasColMajor, CblasLower, CblasTrans, Int32(q), Int32(q), -1, links[t - 1], Int32(q), 1, &factors[t], Int32(q))
      }
      if t + 1 < m { for j in 0..<p { factors[t][(j + 1) * (q + 1)] += s[fits + slopes + t * p + j] } }
      var status: Int32 = 0
      var order = Int32(q)
      dpotrf_("L", &order, &factors[t], &order, &status)
      guard status == 0 else { return false }
      links[t] = [Double](repeating: 0, count: q * q)
      if t + 1 < m {
        for j in 0..<p { links[t][(j + 1) * (q + 1)] = s[fits + slopes + t * p + j] }
        cblas_dtrsm(
          CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, Int32(q), Int32(q), 1, factors[t], Int32(q), &links[t], Int32(q))
      }
    }
    return true
  }

  private func solved(_ right: [Double]) -> [Double] {
    let q32 = Int32(q)
    var parts = (0..<m).map { Array(right[$0 * q..<($0 + 1) * q]) }
    for t in 0..<m {
      if t > 0 { cblas_dgemv(CblasColMajor, CblasTrans, q32, q32, 1, links[t - 1], q32, parts[t - 1], 1, 1, &parts[t], 1) }
      cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, q32, factors[t], q32, &parts[t], 1)
    }
    for t in (0..<m).reversed() {
      if t + 1 < m { cblas_dgemv(CblasColMajor, CblasNoTrans, q32, q32, 1, links[t], q32, parts[t + 1], 1, 1, &parts[t], 1) }
      cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, q32, factors[t], q32, &parts[t], 1)
    }
    return parts.flatMap { $0 }
  }

  // MARK: Steps

  /// Leaves the answer in `beta` and returns its relative gap.
  mutating func solve() -> Double {
    guard unit > 0 else { return 0 }
    let spread = start()
    var best = (gap: Double.infinity, beta: beta, bound: 0.0)
    // The gap falls slowly at first: it stands still where it has not halved for long.
    var halved = (gap: Double.infinity, step: 0)
    while steps < 150 {
      let bound = dualObjective()
      let gap = (objective(beta) - bound) / unit
      guard gap.isFinite else { break }
      if abs(gap) < abs(best.gap) { best = (gap, beta, bound) }
      if abs(gap) < 0.5 * halved.gap { halved = (abs(gap), steps) }
      if gap <= 0.01 * FusedQuantileProcess.tolerance || steps > halved.step + 20 { break }
      steps += 1
      guard step() else { break }
    }
    beta = best.beta
    for digits in [1e-6, 1e-8, 1e-10] {
      let tied = tied(best.beta, within: digits * spread)
      let gap = (objective(tied) - best.bound) / unit
      if gap <= max(FusedQuantileProcess.tolerance, best.gap) {
        beta = tied
        return gap
      }
    }
    return best.gap
  }

  /// Takes the residuals apart where the search starts. Returns their mean size.
  private mutating func start() -> Double {
    above = residuals(beta)
    let spread = (0..<fits).reduce(0) { $0 + abs(above[$1]) } / Double(fits)
    for k in 0..<size {
      // All pairs start with about the same product.
      let margin = 0.3 * spread / (high[k] - low[k])
      let residual = above[k]
      above[k] = max(residual, 0) + margin
      below[k] = above[k] - residual
    }
    return spread
  }

  /// Bounds the minimum from below. Leaves `imbalance`, which counts against it.
  private mutating func dualObjective() -> Double {
    imbalance = transposed(dual)
    var bound = 0.0
    for k in 0..<fits { bound += dual[k] * target[k % n] }
    bound -= zip(imbalance, beta).reduce(0) { $0 + abs($1.0 * $1.1) }
    return bound
  }

  /// Mehrotra's step: a predictor that aims at products of nothing tells how far a corrector shall aim. False where it breaks down.
  private mutating func step() -> Bool {
    var complementarity = 0.0
    for k in 0..<size {
      complementarity += upper[k] * above[k] + lower[k] * below[k]
      scale[k] = 1 / (above[k] / upper[k] + below[k] / lower[k])
      shifted[k] = above[k] - below[k]
    }
    guard scale.allSatisfy(\.isFinite), factor(scale) else { return false }
    var dBeta = predictor()
    var length = stepLengths()
    if min(length.dual, length.primal) < 1 {
      let ratio = complementarityAfter(length) / complementarity
      dBeta = corrector(centre: complementarity * ratio * ratio * ratio / (2 * Double(size)))
      length = stepLengths()
    }
    for k in 0..<size {
      dual[k] += length.dual * change[k]
      upper[k] -= length.dual * change[k]
      lower[k] += length.dual * change[k]
      above[k] += length.primal * dAbove[k]
      below[k] += length.primal * dBelow[k]
    }
    for c in 0..<m * q { beta[c] += length.primal * dBeta[c] }
    return true
  }

  /// Leaves the affine direction in `change`, `dAbove` and `dBelow`, and returns that of the coefficients.
  private mutating func predictor() -> [Double] {
    let dBeta = direction()
    for k in 0..<size {
      dAbove[k] = -above[k] + above[k] * change[k] / upper[k]
      dBelow[k] = -below[k] - below[k] * change[k] / lower[k]
    }
    return dBeta
  }

  /// The same for products `centre`, what the predictor left out of second order made good.
  private mutating func corrector(centre: Double) -> [Double] {
    // dAbove and dBelow hold the corrections until they become the direction.
    for k in 0..<size {
      dAbove[k] = (centre + change[k] * dAbove[k]) / upper[k]
      dBelow[k] = (centre - change[k] * dBelow[k]) / lower[k]
      shifted[k] = above[k] - below[k] - dAbove[k] + dBelow[k]
    }
    let dBeta = direction()
    for k in 0..<size {
      dAbove[k] += -above[k] + above[k] * change[k] / upper[k]
      dBelow[k] += -below[k] - below[k] * change[k] / lower[k]
    }
    return dBeta
  }

  /// Solves the normal equations for `shifted`: leaves the change of the dual, and returns that of the coefficients.
  private mutating func direction() -> [Double] {
    var right = shifted
    for k in 0..<size { right[k] *= scale[k] }
    let dBeta = solved(zip(transposed(right), imbalance).map { $0 + $1 })
    let moved = fitted(dBeta)
    for k in 0..<size { change[k] = scale[k] * (shifted[k] - moved[k]) }
    return dBeta
  }

  /// The longest steps that stay inside, at most 1.
  private func stepLengths() -> (dual: Double, primal: Double) {
    var (first, second) = (1e20, 1e20)
    for k in 0..<size {
      if change[k] < 0 { first = min(first, -lower[k] / change[k]) }
      if change[k] > 0 { first = min(first, upper[k] / change[k]) }
      if dAbove[k] < 0 { second = min(second, -above[k] / dAbove[k]) }
      if dBelow[k] < 0 { second = min(second, -below[k] / dBelow[k]) }
    }
    return (min(0.9995 * first, 1), min(0.9995 * second, 1))
  }

  /// Σ of the products of all pairs after a step of these lengths.
  private func complementarityAfter(_ length: (dual: Double, primal: Double)) -> Double {
    var sum = 0.0
    for k in 0..<size {
      let move = length.dual * change[k]
      sum += (upper[k] - move) * (above[k] + length.primal * dAbove[k]) + (lower[k] + move) * (below[k] + length.primal * dBelow[k])
    }
    return sum
  }

  /// Neighbouring slopes that differ by no more than `within` made equal, and those as small made zero.
  private func tied(_ b: [Double], within: Double) -> [Double] {
    var b = b
    for j in 1..<max(q, 1) {
      var first = 0
      while first < m {
        var end = first + 1
        while end < m && abs(b[end * q + j] - b[(end - 1) * q + j]) <= within { end += 1 }
        let mean = (first..<end).reduce(0) { $0 + b[$1 * q + j] } / Double(end - first)
        for t in first..<end { b[t * q + j] = abs(mean) <= within ? 0 : mean }
        first = end
      }
    }
    return b
  }
}
