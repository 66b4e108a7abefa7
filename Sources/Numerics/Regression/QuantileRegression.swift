import COpenBLAS
import Glibc
import Groundwork
import LinearAlgebra
import Quantiles

/// Linear quantile regression at several levels: for each τ the β that minimises Σ_i w_i ψ_τ(y_i − x_iᵀβ)
/// (Koenker and Bassett 1978), exact and certified.
public struct QuantileRegression: Sendable {
  /// A row a level, a column a column of the design; zero for dropped columns. May be infinite only where the answer
  /// exceeds what a double holds.
  public let coefficients: Matrix
  /// Columns that depend linearly on columns before them, or are zero.
  public let dropped: [Int]
  /// Proof of optimality, one a level.
  public let certificates: [SubgradientCertificate]
  /// Simplex steps in all: what the answer cost.
  public let pivots: Int

  /// Solves all `levels`, increasing, in (0, 1).
  ///
  /// `design` is n × p and needs a column of ones for an intercept; it is consumed to save its memory. `weights` are non-negative;
  /// rows of weight zero teach nothing. Numbers must be finite, of any size. Where rank equals n the answer interpolates.
  /// Throws a `Failure` where no row has weight, or the basis is lost to rounding (never seen).
  ///
  /// Few rows: each level walks on from its neighbour's vertex. Many rows: preprocessing, see `PreprocessedPath`; then
  /// roughly O(n · p) a level. The result does not depend on `threads`.
  public init(design: consuming Matrix, target: [Double], weights: [Double]? = nil, levels: [Double], threads: Int = 1) throws {
    try self.init(design: design, target: target, weights: weights, levels: levels, threads: threads, directRows: nil)
  }

  /// `directRows`: up to so many rows are solved without preprocessing.
  package init(design: consuming Matrix, target: [Double], weights: [Double]?, levels: [Double], threads: Int, directRows: Int?) throws {
    precondition(design.rows == target.count && (weights == nil || weights!.count == target.count))
    let p = design.columns
    var rows = design.values
    design = Matrix(rows: 0, columns: p)
    var target = target
    var weights = weights
    if let given = weights, given.contains(where: { !($0 > 0) }) {
      let used = given.indices.filter { given[$0] > 0 }
      rows = used.flatMap { rows[$0 * p..<($0 + 1) * p] }
      target = used.map { target[$0] }
      weights = used.map { given[$0] }
    }
    let n = target.count
    guard n > 0 else { throw Failure(.badData, "no row has a positive weight", remedy: "give some rows weight") }
    useSingleThreadedBLAS()

    // Powers of two, so that scaling never rounds.
    var largest = [Double](repeating: 0, count: p)
    rows.withUnsafeBufferPointer { values in
      for i in 0..<n { for c in 0..<p { largest[c] = max(largest[c], abs(values[i * p + c])) } }
    }
    let columnExponents = largest.map { $0 > 0 ? Int($0.exponent) : 0 }
    if columnExponents.contains(where: { $0 != 0 }) {
      rows.withUnsafeMutableBufferPointer { values in
        for c in 0..<p where columnExponents[c] != 0 { for i in 0..<n { values[i * p + c] = scalbn(values[i * p + c], Int32(-columnExponents[c])) } }
      }
    }
    let largestTarget = target.reduce(0) { max($0, abs($1)) }
    let targetExponent = largestTarget > 0 ? Int(largestTarget.exponent) : 0
    let targetShift = abs(targetExponent) > 400 ? targetExponent : 0
    if targetShift != 0 { for i in 0..<n { target[i] = scalbn(target[i], Int32(-targetShift)) } }
    var scaledWeights = weights ?? [Double](repeating: 1, count: n)
    if weights != nil {
      let exponent = Int(scaledWeights.max()!.exponent)
      for i in 0..<n { scaledWeights[i] = scalbn(scaledWeights[i], Int32(-exponent)) }
    }

    let rank = ColumnRank(of: rows, columns: p, threads: threads)
    dropped = rank.dropped
    let k = rank.kept.count
    let triangle = rank.triangle
    guard k > 0, !levels.isEmpty else {
      coefficients = Matrix(rows: levels.count, columns: p)
      certificates = levels.map { _ in SubgradientCertificate(dualViolation: 0, signViolation: 0) }
      pivots = 0
      return
    }
    rank.whiten(&rows, columns: p)
    let data = WhitenedRows(
      columns: k, design: rows, target: target, weight: scaledWeights)
    rows = []
    guard let path = solveVertexPath(data, levels: levels, threads: threads, directRows: directRows) else {
      throw Failure(.internal, "linear quantile regression lost its basis to rounding", remedy: "drop nearly collinear columns")
    }

    // β = √n R⁻¹ γ, then the scales.
    var answer = Matrix(rows: levels.count, columns: p)
    let root = Double(n).squareRoot()
    for t in levels.indices {
      var beta = path.points[t].coefficients.map { $0 * root }
      cblas_dtrsv(CblasRowMajor, CblasUpper, CblasNoTrans, CblasNonUnit, Int32(k), triangle, Int32(k), &beta, 1)
      for (j, c) in rank.kept.enumerated() { answer[t, c] = scalbn(beta[j], Int32(targetShift - columnExponents[c])) }
    }
    coefficients = answer
    certificates = path.points.map(\.certificate)
    pivots = path.points.reduce(0) { $0 + $1.pivots }
  }
}
