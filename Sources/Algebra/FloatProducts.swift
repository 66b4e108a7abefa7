import COpenBLAS

/// Products of small row-major matrices of floats, written over `result`. Strides are distances between rows.
package enum FloatProducts {
  /// result (rows × columns) = a (rows × inner) · b (inner × columns).
  @inline(__always)
  package static func multiply(
    _ a: UnsafePointer<Float>, stride aStride: Int, _ b: UnsafePointer<Float>, stride bStride: Int, into result: UnsafeMutablePointer<Float>,
    stride: Int, rows: Int, inner: Int, columns: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(inner), 1, a, blasint(aStride), b, blasint(bStride), 0,
      result, blasint(stride))
  }

  /// result (rows × columns) = a (rows × inner) · bᵀ, b columns × inner.
  @inline(__always)
  package static func multiplyTransposed(
    _ a: UnsafePointer<Float>, stride aStride: Int, _ b: UnsafePointer<Float>, stride bStride: Int, into result: UnsafeMutablePointer<Float>,
    stride: Int, rows: Int, inner: Int, columns: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(columns), blasint(inner), 1, a, blasint(aStride), b, blasint(bStride), 0,
      result, blasint(stride))
  }
}
