import Glibc
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
