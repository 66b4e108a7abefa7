import COpenBLAS

/// Xᵀz for n × d row-major X.
package func transposedProduct(_ x: [Double], rows: Int, columns: Int, _ z: [Double]) -> [Double] {
  useSingleThreadedBLAS()
  precondition(x.count == rows * columns && z.count == rows)
  var result = [Double](repeating: 0, count: columns)
  if rows > 0 && columns > 0 {
    cblas_dgemv(CblasRowMajor, CblasTrans, Int32(rows), Int32(columns), 1, x, Int32(columns), z, 1, 0, &result, 1)
  }
  return result
}
