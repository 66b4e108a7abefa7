import LinearAlgebra

/// Solves with a symmetric positive definite matrix of a few models' size.
struct CholeskyFactor {
  private let size: Int
  private var l: [Double]

  /// Reads the upper triangle of a row-major matrix. A pivot that rounding has made nothing is taken as infinite, which
  /// leaves its unknown at zero. Nil where the matrix is not finite.
  init?(_ matrix: [Double], size: Int) {
    self.size = size
    l = [Double](repeating: 0, count: size * size)
    for j in 0..<size {
      for i in j..<size {
        var sum = matrix[j * size + i]
        for k in 0..<j { sum -= l[i * size + k] * l[j * size + k] }
        guard sum.isFinite else { return nil }
        if i == j {
          l[j * size + j] = sum > 1e-15 * matrix[j * size + j] ? sum.squareRoot() : 1e150
        } else {
          l[i * size + j] = sum / l[j * size + j]
        }
      }
    }
  }

  func solve(_ right: [Double]) -> [Double] {
    var x = right
    for i in 0..<size {
      for k in 0..<i { x[i] -= l[i * size + k] * x[k] }
      x[i] /= l[i * size + i]
    }
    for i in stride(from: size - 1, through: 0, by: -1) {
      for k in (i + 1)..<max(size, i + 1) { x[i] -= l[k * size + i] * x[k] }
      x[i] /= l[i * size + i]
    }
    return x
  }
}

/// Equations M x + Aᵀλ = f, A x = b, where row g of A sums the unknowns of group g.
struct GroupedEquations {
  private let factor: SymmetricSolver
  private let groups: [Range<Int>]
  /// M⁻¹Aᵀ, a column after the other, and the factor of A M⁻¹Aᵀ.
  private let columns: [[Double]]
  private let schur: CholeskyFactor

  /// Reads the upper triangle of M, positive definite. Nil where it is not finite.
  init?(_ matrix: [Double], groups: [Range<Int>]) {
    let size = groups.last!.upperBound
    guard let factor = SymmetricSolver(matrix, size: size) else { return nil }
    var right = [Double](repeating: 0, count: size * groups.count)
    for (g, group) in groups.enumerated() { for j in group { right[g * size + j] = 1 } }
    let solved = factor.solve(right, count: groups.count)
    let columns = groups.indices.map { Array(solved[$0 * size..<($0 + 1) * size]) }
    let schur = groups.flatMap { group in columns.map { $0[group].reduce(0, +) } }
    guard let small = CholeskyFactor(schur, size: groups.count) else { return nil }
    (self.factor, self.groups, self.columns, self.schur) = (factor, groups, columns, small)
  }

  func solve(_ f: [Double], sums b: [Double]) -> (dw: [Double], dLambda: [Double]) {
    var x = factor.solve(f, count: 1)
    let lambda = schur.solve(zip(groups, b).map { x[$0].reduce(0, +) - $1 })
    for (column, l) in zip(columns, lambda) { for j in x.indices { x[j] -= l * column[j] } }
    return (x, lambda)
  }
}

/// Solves with a symmetric positive definite matrix of any size: plainly where it is small, by LAPACK where it is large and well behaved.
private enum SymmetricSolver {
  case plain(CholeskyFactor)
  case large(PositiveDefiniteSystem)

  init?(_ matrix: [Double], size: Int) {
    if size > 64, let system = PositiveDefiniteSystem(upper: matrix, size: size) {
      self = .large(system)
    } else if let factor = CholeskyFactor(matrix, size: size) {
      self = .plain(factor)
    } else {
      return nil
    }
  }

  func solve(_ right: [Double], count: Int) -> [Double] {
    switch self {
    case .plain(let factor):
      let size = right.count / count
      return (0..<count).flatMap { factor.solve(Array(right[$0 * size..<($0 + 1) * size])) }
    case .large(let system): return system.solve(right, count: count)
    }
  }
}

/// The inverse of a row-major matrix by Gauss–Jordan elimination with partial pivoting; nil where it is singular to
/// working precision.
func inverse(_ matrix: [Double], size: Int) -> [Double]? {
  var a = matrix
  var b = [Double](repeating: 0, count: size * size)
  for i in 0..<size { b[i * size + i] = 1 }
  for column in 0..<size {
    var pivot = column
    for i in column..<size where abs(a[i * size + column]) > abs(a[pivot * size + column]) { pivot = i }
    let value = a[pivot * size + column]
    guard abs(value) > 1e-13, value.isFinite else { return nil }
    if pivot != column {
      for k in 0..<size {
        a.swapAt(pivot * size + k, column * size + k)
        b.swapAt(pivot * size + k, column * size + k)
      }
    }
    for k in 0..<size {
      a[column * size + k] /= value
      b[column * size + k] /= value
    }
    for i in 0..<size where i != column {
      let factor = a[i * size + column]
      if factor == 0 { continue }
      for k in 0..<size {
        a[i * size + k] -= factor * a[column * size + k]
        b[i * size + k] -= factor * b[column * size + k]
      }
    }
  }
  return b
}
