import COpenBLAS

/// The Cholesky factor of a symmetric positive definite matrix.
package struct PositiveDefiniteSystem {
  private let size: Int
  private let factor: [Double]

  /// Reads the upper triangle of a row-major matrix. Nil where it is not positive definite to working precision.
  package init?(upper: [Double], size: Int) {
    useSingleThreadedBLAS()
    precondition(upper.count == size * size)
    var matrix = upper
    var n = Int32(size)
    var status: Int32 = 0
    // Row-major upper is column-major lower.
    dpotrf_("L", &n, &matrix, &n, &status)
    guard status == 0, (0..<size).allSatisfy({ matrix[$0 * size + $0].isFinite }) else { return nil }
    (self.size, factor) = (size, matrix)
  }

  /// Solutions for `count` right-hand sides, one after the other.
  package func solve(_ right: [Double], count: Int) -> [Double] {
    precondition(right.count == size * count)
    var x = right
    var n = Int32(size)
    var columns = Int32(count)
    var status: Int32 = 0
    dpotrs_("L", &n, &columns, factor, &n, &x, &n, &status)
    return x
  }
}
