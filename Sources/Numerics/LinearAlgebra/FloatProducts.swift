import CKernels

/// Products of row-major matrices of floats; strides are distances between rows.
///
/// Every element is a sum in the order of the inner index, each product fused to it: a row's bits depend on neither the other rows, nor its place
/// among them, nor the machine, which a BLAS does not promise. On small matrices they take no longer than OpenBLAS's.
/// Cost: rows · inner · columns fused operations; fastest where the columns are a multiple of 16.
package enum FloatProducts {
  /// result (rows × columns) = a (rows × inner) · b (inner × columns), added to what is there where `adding`.
  @inline(__always)
  package static func multiply(
    _ a: UnsafePointer<Float>, stride aStride: Int, _ b: UnsafePointer<Float>, stride bStride: Int, into result: UnsafeMutablePointer<Float>,
    stride: Int, rows: Int, inner: Int, columns: Int, adding: Bool = false
  ) {
    product_floats(a, aStride, 1, b, bStride, result, stride, rows, inner, columns, adding ? 1 : 0)
  }

  /// result (rows × columns) = aᵀ · b, a inner × rows and b inner × columns.
  @inline(__always)
  package static func multiplyTransposed(
    _ a: UnsafePointer<Float>, stride aStride: Int, _ b: UnsafePointer<Float>, stride bStride: Int, into result: UnsafeMutablePointer<Float>,
    stride: Int, rows: Int, inner: Int, columns: Int
  ) {
    product_floats(a, 1, aStride, b, bStride, result, stride, rows, inner, columns, 0)
  }

  /// result (columns × rows) = the transpose of a (rows × columns); neither has gaps.
  @inline(__always)
  package static func transpose(_ a: UnsafePointer<Float>, rows: Int, columns: Int, into result: UnsafeMutablePointer<Float>) {
    product_transpose(a, rows, columns, result)
  }
}
