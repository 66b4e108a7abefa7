import COpenBLAS
import Glibc
import Quantiles

/// The leading principal components of n rows of d columns: the unit vectors v_k, largest eigenvalue first, that diagonalise XᵀX / n
/// (Pearson 1901; Hotelling 1933). Columns are not centred here. A vector's largest entry is positive, so its sign is no accident.
public struct PrincipalComponents: Sendable {
  /// d × k.
  public let loadings: Matrix
  /// The mean squares of the k components, decreasing.
  public let variances: [Double]

  /// At most `count` components; those with less than 10⁻¹² of the first one's variance are nothing but rounding and left out.
  /// `rows` are row-major and finite. Cost: O(n·d² + d³).
  public init(of rows: Matrix, count: Int) {
    useSingleThreadedBLAS()
    let d = rows.columns
    var gram = [Double](repeating: 0, count: d * d)
    cblas_dsyrk(
      CblasRowMajor, CblasUpper, CblasTrans, Int32(d), Int32(rows.rows), 1 / Double(max(rows.rows, 1)), rows.values, Int32(max(d, 1)), 0, &gram,
      Int32(max(d, 1)))
    let k = min(count, d)
    guard k > 0, let found = PrincipalComponents.eigenpairs(gram, size: d), found.values[0] > 0 else {
      loadings = Matrix(rows: d, columns: 0)
      variances = []
      return
    }
    let kept = found.values.prefix(k).prefix { $0 > 1e-12 * found.values[0] }.count
    var loadings = Matrix(rows: d, columns: kept)
    for c in 0..<kept {
      let vector = found.vectors[c * d..<(c + 1) * d]
      let largest = vector.indices.max { (abs(vector[$0]), $1) < (abs(vector[$1]), $0) }!
      let sign: Double = vector[largest] < 0 ? -1 : 1
      for (r, value) in vector.enumerated() { loadings[r, c] = sign * value }
    }
    self.loadings = loadings
    variances = Array(found.values[..<kept])
  }

  /// Eigenvalues of a symmetric matrix (row-major, upper triangle), decreasing, and their vectors one after the other, by Jacobi's cyclic
  /// rotations (Golub and Van Loan 2013, algorithm 8.5.3). Nil where it is not finite.
  private static func eigenpairs(_ upper: [Double], size d: Int) -> (values: [Double], vectors: [Double])? {
    guard upper.allSatisfy(\.isFinite) else { return nil }
    var a = upper
    for i in 0..<d { for j in 0..<i { a[i * d + j] = a[j * d + i] } }
    var v = [Double](repeating: 0, count: d * d)
    for i in 0..<d { v[i * d + i] = 1 }
    a.withUnsafeMutableBufferPointer { a in
      v.withUnsafeMutableBufferPointer { v in
        for _ in 0..<40 {
          var rotations = 0
          for i in 0..<d {
            for j in i + 1..<max(d, i + 1) {
              let off = a[i * d + j]
              guard abs(off) > 1e-15 * (abs(a[i * d + i] * a[j * d + j])).squareRoot() else { continue }
              rotations += 1
              let theta = (a[j * d + j] - a[i * d + i]) / (2 * off)
              let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
              let c = 1 / (t * t + 1).squareRoot()
              let s = t * c
              for k in 0..<d {
                let (x, y) = (a[i * d + k], a[j * d + k])
                (a[i * d + k], a[j * d + k]) = (c * x - s * y, s * x + c * y)
                let (p, q) = (v[i * d + k], v[j * d + k])
                (v[i * d + k], v[j * d + k]) = (c * p - s * q, s * p + c * q)
              }
              for k in 0..<d {
                let (x, y) = (a[k * d + i], a[k * d + j])
                (a[k * d + i], a[k * d + j]) = (c * x - s * y, s * x + c * y)
              }
            }
          }
          if rotations == 0 { break }
        }
      }
    }
    let order = (0..<d).sorted { (a[$1 * d + $1], $0) < (a[$0 * d + $0], $1) }
    return (order.map { a[$0 * d + $0] }, order.flatMap { v[$0 * d..<($0 + 1) * d] })
  }
}
