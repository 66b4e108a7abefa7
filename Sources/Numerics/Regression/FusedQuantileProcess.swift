import COpenBLAS
import Glibc
import Groundwork
import LinearAlgebra
import Quantiles

/// Linear quantile regression at all levels τ_1 < … < τ_m together, slopes of neighbouring levels drawn to one another (Jiang, Wang and
/// Bondell 2013, "Interquantile shrinkage in regression models", Journal of Computational and Graphical Statistics 22):
///
///     min Σ_t [Σ_i w_i ψ_{τ_t}(y_i − a_t − x_iᵀb_t) + λ_t Σ_j |b_tj|] + Σ_{t<m} μ_t Σ_j |b_{t+1,j} − b_tj|,   all λ_t, μ_t positive.
///
/// One linear program, solved by the interior point of Portnoy and Koenker (1997) with Mehrotra's corrector: each absolute value is one more row
/// of a quantile regression, so its dual d is bounded, and d = 0 is inside. A step factors a matrix that is block tridiagonal over the levels.
/// Weak duality is the proof: primal less dual objective bounds what the answer is above the minimum.
///
/// Cost: some 40 steps of O(m · (n p² + p³)); memory some 12 · m · n numbers.
package struct FusedQuantileProcess: Sendable {
  /// A row a level: the intercept, then the slopes. Slopes that are zero or equal at the minimum are so exactly.
  package let coefficients: Matrix
  /// Value at the answer of what is minimised.
  package let objective: Double
  /// (primal − dual objective) / the loss of the quantiles of the target alone: a bound of how far the answer is from the minimum.
  package let gap: Double
  package let steps: Int

  /// What `gap` is brought to, where rounding allows it.
  package static let tolerance = 1e-9

  /// `design` is n × p without a column of ones, its columns of about unit size; weights positive, of mean about 1; all finite.
  /// The answer does not depend on `threads`.
  package init(
    design: Matrix, target: [Double], weights: [Double]?, levels: [Double], penalties: [Double], fusions: [Double], threads: Int = 1
  ) {
    precondition(design.rows == target.count && penalties.count == levels.count && fusions.count == levels.count - 1)
    precondition(penalties.allSatisfy { $0 > 0 } && fusions.allSatisfy { $0 > 0 })
    useSingleThreadedBLAS()
    let largest = target.reduce(0) { max($0, abs($1)) }
    let exponent = largest > 0 ? Int32(largest.exponent) : 0
    var scores = [Double](repeating: 0, count: design.columns)
    for i in 0..<design.rows { for j in 0..<design.columns { scores[j] += (weights?[i] ?? 1) * abs(design.values[i * design.columns + j]) } }
    // A fusion that ties two levels ties them as well if it is larger, so large ones are tried smaller: they would cost digits.
    let reach = max(scores.max() ?? 0, penalties.max()!)
    let enough = 2 * (Double(levels.count) * reach + penalties.reduce(0, +))
    var cap = 2 * reach
    while true {
      var run = FusedInteriorPoint(
        design: design, target: target.map { scalbn($0, -exponent) }, weights: weights, levels: levels, penalties: penalties,
        fusions: fusions.map { min($0, cap) }, threads: threads)
      let gap = run.solve()
      guard cap < enough, fusions.indices.contains(where: { fusions[$0] > cap && !run.ties($0) }) else {
        self.init(run, exponent: exponent, gap: gap)
        return
      }
      cap *= 4
    }
  }

  private init(_ run: FusedInteriorPoint, exponent: Int32, gap: Double) {
    coefficients = Matrix(rows: run.m, columns: run.q, values: run.beta.map { scalbn($0, exponent) })
    objective = scalbn(run.objective(run.beta), exponent)
    self.gap = gap
    steps = run.steps
  }
}

/// Rows: n for each level, then p penalties for each level, then p differences for each pair of neighbours; all level-major.
/// Row k costs hi_k r for a residual r ≥ 0 and lo_k r below; its dual lies between lo_k and hi_k.
private struct FusedInteriorPoint {
  let n: Int, p: Int, q: Int, m: Int
  let threads: Int
  /// n × q, ones first.
  private var design: [Double]
  private var target: [Double]
  private var low: [Double]
  private var high: [Double]
  /// Loss of the constants that the search starts from.
  private var unit = 0.0
  var beta: [Double]
  var steps = 0
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
    design = [Double](repeating: 1, count: n * q)
    for i in 0..<n { for j in 0..<p { design[i * q + 1 + j] = given.values[i * p + j] } }
    target = y
    let w = weights ?? [Double](repeating: 1, count: n)
    func spread(_ bounds: [Double]) -> [Double] { bounds.flatMap { [Double](repeating: $0, count: given.columns) } }
    let sides = spread(penalties) + spread(fusions)
    high = levels.flatMap { level in w.map { $0 * level } } + sides
    low = levels.flatMap { level in w.map { $0 * (level - 1) } } + sides.map { -$0 }
    beta = [Double](repeating: 0, count: m * q)
    factors = [[Double]](repeating: [], count: m)
    links = factors
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
    factors.withUnsafeMutableBufferPointer { factors in
      let slots = factors
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
    var dual = [Double](repeating: 0, count: size)
    // Residual = above − below, both positive; above pairs with hi − d, below with d − lo.
    var above = residuals(beta)
    var below = above
    let spread = (0..<fits).reduce(0) { $0 + abs(above[$1]) } / Double(fits)
    for k in 0..<size {
      // All pairs start with about the same product.
      let margin = 0.3 * spread / (high[k] - low[k])
      above[k] = max(above[k], 0) + margin
      below[k] = above[k] - below[k]
    }
    // hi − d and d − lo, kept by themselves: as differences they would round to zero.
    var upper = high
    var lower = low.map { -$0 }
    var scale = dual, change = dual, shifted = dual, dAbove = dual, dBelow = dual
    var best = (gap: Double.infinity, beta: beta, bound: 0.0)
    // The gap falls slowly at first: it stands still where it has not halved for long.
    var halved = (gap: Double.infinity, step: 0)
    while steps < 150 {
      let imbalance = transposed(dual)
      var bound = 0.0
      for k in 0..<fits { bound += dual[k] * target[k % n] }
      // What the dual lacks of feasibility counts against it.
      bound -= zip(imbalance, beta).reduce(0) { $0 + abs($1.0 * $1.1) }
      let gap = (objective(beta) - bound) / unit
      guard gap.isFinite else { break }
      if abs(gap) < abs(best.gap) { best = (gap, beta, bound) }
      if abs(gap) < 0.5 * halved.gap { halved = (abs(gap), steps) }
      if gap <= 0.01 * FusedQuantileProcess.tolerance || steps > halved.step + 20 { break }
      steps += 1

      var complementarity = 0.0
      for k in 0..<size {
        complementarity += upper[k] * above[k] + lower[k] * below[k]
        scale[k] = 1 / (above[k] / upper[k] + below[k] / lower[k])
        shifted[k] = above[k] - below[k]
      }
      guard scale.allSatisfy(\.isFinite), factor(scale) else { break }
      func direction() -> [Double] {
        var right = shifted
        for k in 0..<size { right[k] *= scale[k] }
        let step = solved(zip(transposed(right), imbalance).map { $0 + $1 })
        let moved = fitted(step)
        for k in 0..<size { change[k] = scale[k] * (shifted[k] - moved[k]) }
        return step
      }
      func lengths() -> (dual: Double, primal: Double) {
        var (first, second) = (1e20, 1e20)
        for k in 0..<size {
          if change[k] < 0 { first = min(first, -lower[k] / change[k]) }
          if change[k] > 0 { first = min(first, upper[k] / change[k]) }
          if dAbove[k] < 0 { second = min(second, -above[k] / dAbove[k]) }
          if dBelow[k] < 0 { second = min(second, -below[k] / dBelow[k]) }
        }
        return (min(0.9995 * first, 1), min(0.9995 * second, 1))
      }
      var step = direction()
      for k in 0..<size {
        dAbove[k] = -above[k] + above[k] * change[k] / upper[k]
        dBelow[k] = -below[k] - below[k] * change[k] / lower[k]
      }
      var length = lengths()
      if min(length.dual, length.primal) < 1 {
        var reached = 0.0
        for k in 0..<size {
          let move = length.dual * change[k]
          reached += (upper[k] - move) * (above[k] + length.primal * dAbove[k]) + (lower[k] + move) * (below[k] + length.primal * dBelow[k])
        }
        let ratio = reached / complementarity
        let centre = complementarity * ratio * ratio * ratio / (2 * Double(size))
        for k in 0..<size {
          dAbove[k] = (centre + change[k] * dAbove[k]) / upper[k]
          dBelow[k] = (centre - change[k] * dBelow[k]) / lower[k]
          shifted[k] = above[k] - below[k] - dAbove[k] + dBelow[k]
        }
        step = direction()
        for k in 0..<size {
          dAbove[k] += -above[k] + above[k] * change[k] / upper[k]
          dBelow[k] += -below[k] - below[k] * change[k] / lower[k]
        }
        length = lengths()
      }
      for k in 0..<size {
        dual[k] += length.dual * change[k]
        upper[k] -= length.dual * change[k]
        lower[k] += length.dual * change[k]
        above[k] += length.primal * dAbove[k]
        below[k] += length.primal * dBelow[k]
      }
      for c in 0..<m * q { beta[c] += length.primal * step[c] }
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
