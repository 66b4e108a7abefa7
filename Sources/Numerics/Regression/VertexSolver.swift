import COpenBLAS
import Glibc
import Quantiles

/// How closely a vertex is known to minimise Σ_i w_i ψ_τ(y_i − x_iᵀβ) (Koenker 2005, "Quantile Regression", theorem 2.1).
///
/// The vertex interpolates p rows h. With d_i = w_i (τ − 1{r_i < 0}) on the other rows, β is a minimiser if and only if the d_h that solve
/// Σ_i d_i x_i = 0 lie in w_h · [τ − 1, τ].
public struct SubgradientCertificate: Equatable, Sendable {
  /// The largest distance of a d_h from its interval, in units of the mean weight. Zero, or rounding.
  public internal(set) var dualViolation: Double
  /// The largest |r_i| whose sign is not that of its d_i, in units of |y_i| + ‖x_i‖‖β‖ with orthonormal columns. Zero, or rounding.
  public internal(set) var signViolation: Double

  /// The larger of the two.
  public var violation: Double { max(dualViolation, signViolation) }
  public var holds: Bool { violation <= 1e-8 }
}

/// A vertex of Σ_i w_i ψ_τ(y_i − x_iᵀβ) − gᵀβ: the β that interpolates the rows of a basis. `solve()` walks from it to the minimum.
///
/// Rows can be added between solves.
struct VertexSolver {
  let columns: Int
  private(set) var rows = 0
  private(set) var capacity: Int
  /// Column-major, leading dimension `capacity`.
  private(set) var design: [Double]
  /// The same row-major: a single row costs a cache line here, p of them there.
  private(set) var designRows: [Double] = []
  private(set) var target: [Double] = []
  private(set) var weight: [Double] = []
  private(set) var norm: [Double] = []
  /// g: the gradient of rows that are known to stay on their side.
  var linear: [Double]
  var level: Double
  /// Σ of the weights of all rows, those behind g included, over their number: the unit of duals.
  let meanWeight: Double
  let dualTolerance: Double

  /// Rows that the vertex interpolates.
  var basis: [Int] = []
  /// Column k, contiguous: the direction that moves the fit of basis row k by one and of the others not at all.
  var inverse: [Double] = []
  var residual: [Double] = []
  /// Side of a row that is not in the basis: 1 above, −1 below; 0 in the basis.
  var side: [Int8] = []
  /// What the walk adds to the targets, empty for nothing.
  var perturbation: [Double] = []
  private(set) var coefficients: [Double]
  /// Euclidean norm of `coefficients`.
  private(set) var coefficientLength = 0.0
  /// Steps since it was last set to zero.
  var pivots = 0

  init(columns: Int, capacity: Int, level: Double, meanWeight: Double, totalRows: Int) {
    self.columns = columns
    self.capacity = max(capacity, columns, 8)
    self.level = level
    self.meanWeight = meanWeight
    dualTolerance = meanWeight * max(1e-10, 1e-15 * Double(totalRows))
    design = [Double](repeating: 0, count: columns * self.capacity)
    linear = [Double](repeating: 0, count: columns)
    coefficients = linear
    // Arrays that grow by doubling are copied, and stand in memory twice meanwhile.
    designRows.reserveCapacity(columns * self.capacity)
    for column in [\VertexSolver.target, \.weight, \.norm, \.residual] { self[keyPath: column].reserveCapacity(self.capacity) }
    side.reserveCapacity(self.capacity)
  }

  /// Adds one row of `columns` numbers.
  mutating func append(row: UnsafePointer<Double>, target y: Double, weight w: Double) {
    if rows == capacity {
      let wider = capacity * 2
      var grown = [Double](repeating: 0, count: columns * wider)
      for c in 0..<columns { for i in 0..<rows { grown[c * wider + i] = design[c * capacity + i] } }
      design = grown
      capacity = wider
    }
    designRows.append(contentsOf: UnsafeBufferPointer(start: row, count: columns))
    var square = 0.0
    for c in 0..<columns {
      design[c * capacity + rows] = row[c]
      square += row[c] * row[c]
    }
    target.append(y)
    weight.append(w)
    norm.append(square.squareRoot())
    residual.append(0)
    side.append(1)
    if !perturbation.isEmpty { perturbation.append(0) }
    rows += 1
  }

  // MARK: Start

  /// Takes as basis p independent rows near the fit `guess`. False where there are none.
  mutating func start(near guess: [Double]) -> Bool {
    guard rows >= columns else { return false }
    coefficients = guess
    computeResiduals()
    let distance = (0..<rows).map { abs(residual[$0]) / max(norm[$0], .leastNormalMagnitude) }
    func nearer(_ a: Int, _ b: Int) -> Bool { distance[a] < distance[b] || (distance[a] == distance[b] && a < b) }
    // The nearest few rows nearly always do, and need no sort of all.
    let few = 8 * columns
    if rows > 4 * few {
      var copy = distance
      let reach = copy.withUnsafeMutableBufferPointer { orderStatistic($0, rank: few + 1) }
      let near = (0..<rows).filter { distance[$0] <= reach }
      if near.count <= 4 * few, let chosen = independentRows(near.sorted(by: nearer), threshold: 0.2) {
        basis = chosen
        if enterBasis() { return true }
      }
    }
    let order = (0..<rows).sorted(by: nearer)
    for threshold in [0.2, 1e-3, 1e-6, 1e-10] {
      if let chosen = independentRows(order, threshold: threshold) {
        basis = chosen
        if enterBasis() { return true }
      }
    }
    return false
  }

  /// Takes the basis of another solver over the same rows. False where it is singular.
  mutating func start(from basis: [Int]) -> Bool {
    self.basis = basis
    return enterBasis()
  }

  /// The first p rows of `order` whose distance from the span of those before is at least `threshold` of their norm.
  private func independentRows(_ order: [Int], threshold: Double) -> [Int]? {
    let p = columns
    var orthonormal = [Double](repeating: 0, count: p * p)
    var chosen: [Int] = []
    var x = [Double](repeating: 0, count: p)
    for i in order {
      if chosen.count == p { break }
      guard norm[i] > 0 else { continue }
      for c in 0..<p { x[c] = designRows[i * p + c] }
      // Twice is enough for orthogonality to working precision.
      for _ in 0..<2 {
        for k in 0..<chosen.count {
          var dot = 0.0
          for c in 0..<p { dot += x[c] * orthonormal[k * p + c] }
          for c in 0..<p { x[c] -= dot * orthonormal[k * p + c] }
        }
      }
      var square = 0.0
      for c in 0..<p { square += x[c] * x[c] }
      let length = square.squareRoot()
      guard length > threshold * norm[i] else { continue }
      for c in 0..<p { orthonormal[chosen.count * p + c] = x[c] / length }
      chosen.append(i)
    }
    return chosen.count == p ? chosen : nil
  }

  private mutating func enterBasis() -> Bool {
    for i in 0..<rows where side[i] == 0 { side[i] = 1 }
    for i in basis { side[i] = 0 }
    return refactor()
  }

  /// Inverts the basis anew, recomputes coefficients and residuals, and puts rows that clearly lie on the other side there.
  mutating func refactor() -> Bool {
    let p = columns
    var matrix = [Double](repeating: 0, count: p * p)
    for k in 0..<p { for c in 0..<p { matrix[c * p + k] = designRows[basis[k] * p + c] } }
    var pivotRows = [Int32](repeating: 0, count: p)
    var size = Int32(p)
    var status: Int32 = 0
    dgetrf_(&size, &size, &matrix, &size, &pivotRows, &status)
    guard status == 0 else { return false }
    inverse = [Double](repeating: 0, count: p * p)
    for k in 0..<p { inverse[k * p + k] = 1 }
    dgetrs_("N", &size, &size, matrix, &size, pivotRows, &inverse, &size, &status)
    guard status == 0, inverse.allSatisfy(\.isFinite) else { return false }
    for c in 0..<p { coefficients[c] = 0 }
    for k in 0..<p {
      let y = targetValue(basis[k])
      for c in 0..<p { coefficients[c] += y * inverse[k * p + c] }
    }
    // One step of refinement: the fit at the basis rows is the answer, and rounding in the inverse must not show in it.
    let first = coefficients
    for k in 0..<p {
      var fit = 0.0
      for c in 0..<p { fit += designRows[basis[k] * p + c] * first[c] }
      let y = targetValue(basis[k]) - fit
      for c in 0..<p { coefficients[c] += y * inverse[k * p + c] }
    }
    computeResiduals()
    var square = 0.0
    for value in coefficients { square += value * value }
    coefficientLength = square.squareRoot()
    for i in 0..<rows where side[i] != 0 {
      if abs(residual[i]) > 32 * .ulpOfOne * (abs(target[i]) + norm[i] * coefficientLength) { side[i] = residual[i] > 0 ? 1 : -1 }
    }
    for i in basis { residual[i] = 0 }
    return true
  }

  func targetValue(_ i: Int) -> Double { perturbation.isEmpty ? target[i] : target[i] + perturbation[i] }

  private mutating func computeResiduals() {
    for i in 0..<rows { residual[i] = targetValue(i) }
    cblas_dgemv(CblasColMajor, CblasNoTrans, Int32(rows), Int32(columns), -1, design, Int32(capacity), coefficients, 1, 1, &residual, 1)
  }

  // MARK: Duals

  /// d of the basis rows: the solution of Σ_i d_i x_i + g = 0.
  func duals(_ gradient: [Double]) -> [Double] {
    var d = [Double](repeating: 0, count: columns)
    cblas_dgemv(CblasRowMajor, CblasNoTrans, Int32(columns), Int32(columns), -1, inverse, Int32(columns), gradient, 1, 0, &d, 1)
    return d
  }

  /// g + Σ d_i x_i over rows out of the basis.
  func gradientOutsideBasis() -> [Double] {
    var d = [Double](repeating: 0, count: rows)
    for i in 0..<rows where side[i] != 0 { d[i] = weight[i] * (side[i] > 0 ? level : level - 1) }
    var gradient = linear
    cblas_dgemv(CblasColMajor, CblasTrans, Int32(rows), Int32(columns), 1, design, Int32(capacity), d, 1, 1, &gradient, 1)
    return gradient
  }

  /// d of every row: what the subgradient condition pairs with columns that the design lacks.
  func rowDuals() -> [Double] {
    var d = (0..<rows).map { side[$0] == 0 ? 0 : weight[$0] * (side[$0] > 0 ? level : level - 1) }
    for (k, value) in duals(gradientOutsideBasis()).enumerated() { d[basis[k]] = value }
    return d
  }

  // MARK: Proof

  /// Computed afresh from basis and sides.
  func certificate() -> SubgradientCertificate {
    let d = duals(gradientOutsideBasis())
    var dual = 0.0
    for k in 0..<columns {
      let w = weight[basis[k]]
      dual = max(dual, d[k] - w * level, w * (level - 1) - d[k])
    }
    var sign = 0.0
    for i in 0..<rows where side[i] != 0 {
      let wrong = side[i] > 0 ? -residual[i] : residual[i]
      if wrong > 0 { sign = max(sign, wrong / (abs(target[i]) + norm[i] * coefficientLength)) }
    }
    return SubgradientCertificate(dualViolation: dual / meanWeight, signViolation: sign)
  }
}
