import COpenBLAS

/// Adds B·Bᵀ to the upper triangle of G, for a row-major B of `rows` × `columns` whose rows lie `stride` apart.
/// G is row-major, `rows` × `rows`. Cost: rows²·columns flops. Call `useSingleThreadedBLAS()` first.
public func addGram(
  of block: UnsafePointer<Double>, rows: Int, columns: Int, stride: Int, to gram: UnsafeMutablePointer<Double>
) {
  cblas_dsyrk(
    CblasRowMajor, CblasUpper, CblasNoTrans, blasint(rows), blasint(columns), 1, block, blasint(stride), 1, gram,
    blasint(rows))
}
