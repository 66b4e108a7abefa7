import COpenBLAS

/// C ← A·Bᵀ: the products of each row of A with each row of B, both row-major with `columns` columns; rows of C lie `stride` apart.
/// Cost: 2 · rows · rows · columns operations. Call `useSingleThreadedBLAS()` first.
public func rowProducts(
  _ a: UnsafePointer<Float>, rows: Int, _ b: UnsafePointer<Float>?, rows others: Int, columns: Int, into c: UnsafeMutablePointer<Float>, stride: Int
) {
  guard let b, columns > 0 else {
    for i in 0..<rows { (c + i * stride).update(repeating: 0, count: others) }
    return
  }
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(others), blasint(columns), 1, a, blasint(columns), b, blasint(columns), 0, c,
    blasint(stride))
}
