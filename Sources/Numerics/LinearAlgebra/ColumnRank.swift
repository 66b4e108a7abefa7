import COpenBLAS
import Groundwork

/// Which columns of a design are linearly independent, and the triangle that makes them orthogonal.
///
/// Householder QR with the limited column pivoting of R's `lm` and `qr` (LINPACK `dqrdc2`): a column whose part orthogonal to
/// the columns before it is shorter than `tolerance` times itself is dropped, so of collinear columns the earlier stay. The tall
/// matrix is reduced by blocks of rows first (TSQR; Demmel, Grigori, Hoemmen, Langou 2012), one pass in all. Cost
/// O(n · p · min(n, p)), and min(n, p) · p numbers of memory.
public struct ColumnRank: Sendable {
  /// Columns kept, increasing.
  public let kept: [Int]
  public let dropped: [Int]
  /// Upper triangular, kept × kept, row-major: the kept columns are Q · triangle with Q orthonormal.
  package let triangle: [Double]

  /// `design` is n × p row-major with finite values whose squares do not overflow.
  public init(of design: [Double], columns p: Int, tolerance: Double = 1e-7, threads: Int = 1) {
    let n = p == 0 ? 0 : design.count / p
    // A wide matrix is its own smallest form: a triangle would have p × p numbers.
    let m = min(n, p)
    var work = n < p ? ColumnRank.columns(of: design, rows: n, columns: p) : ColumnRank.triangle(of: design, rows: n, columns: p, threads: threads)
    // Limited pivoting on m × p numbers, which have the column geometry of the matrix.
    var kept: [Int] = []
    var dropped: [Int] = []
    for c in 0..<p {
      let rank = kept.count
      func length(from row: Int) -> Double {
        var square = 0.0
        for r in row..<m { square += work[c * m + r] * work[c * m + r] }
        return square.squareRoot()
      }
      let whole = length(from: 0)
      let rest = rank < m ? length(from: rank) : 0
      if whole == 0 || !(rest >= tolerance * whole) {
        dropped.append(c)
        continue
      }
      reflect(&work, rows: m, from: rank, column: c, others: c + 1..<p)
      kept.append(c)
    }
    self.kept = kept
    self.dropped = dropped
    let k = kept.count
    var triangle = [Double](repeating: 0, count: k * k)
    for (j, c) in kept.enumerated() { for r in 0...j { triangle[r * k + j] = work[c * m + r] } }
    self.triangle = triangle
  }
}

extension ColumnRank {
  /// An n × p row-major matrix column by column.
  private static func columns(of design: [Double], rows n: Int, columns p: Int) -> [Double] {
    var work = [Double](repeating: 0, count: n * p)
    for i in 0..<n { for c in 0..<p { work[c * n + i] = design[i * p + c] } }
    return work
  }

  /// The p × p triangle of a tall matrix, column by column.
  private static func triangle(of design: [Double], rows n: Int, columns p: Int, threads: Int) -> [Double] {
    let block = max(2048, 4 * p)
    let blocks = max(1, (n + block - 1) / block)
    let triangles = try! parallelMap(blocks, threads: threads) { b -> [Double] in
      let first = b * block
      let count = min(block, n - first)
      var work = [Double](repeating: 0, count: max(count, 0) * p)
      design.withUnsafeBufferPointer { source in
        for i in 0..<max(count, 0) { for c in 0..<p { work[c * count + i] = source[(first + i) * p + c] } }
      }
      return triangularise(columnMajor: &work, rows: max(count, 0), columns: p)
    }
    var stacked = triangles[0]
    var pending: [[Double]] = []
    // Triangles are reduced many at a time, in order: the answer does not depend on threads.
    func reduce() {
      let rows = p * (pending.count + 1)
      var work = [Double](repeating: 0, count: rows * p)
      for (t, triangle) in ([stacked] + pending).enumerated() {
        for r in 0..<p { for c in r..<p { work[c * rows + t * p + r] = triangle[r * p + c] } }
      }
      stacked = triangularise(columnMajor: &work, rows: rows, columns: p)
      pending = []
    }
    for triangle in triangles.dropFirst() {
      pending.append(triangle)
      if pending.count == 32 { reduce() }
    }
    if !pending.isEmpty { reduce() }
    var work = [Double](repeating: 0, count: p * p)
    for r in 0..<p { for c in r..<p { work[c * p + r] = stacked[r * p + c] } }
    return work
  }
}

/// Householder reduction; returns the p × p upper triangle, row-major.
private func triangularise(columnMajor work: inout [Double], rows: Int, columns p: Int) -> [Double] {
  for c in 0..<min(p, rows) { reflect(&work, rows: rows, from: c, column: c, others: c + 1..<p) }
  var triangle = [Double](repeating: 0, count: p * p)
  for r in 0..<min(p, rows) { for c in r..<p { triangle[r * p + c] = work[c * rows + r] } }
  return triangle
}

/// Reflects `column` to zero below row `first`, and the `others` with it.
private func reflect(_ work: inout [Double], rows: Int, from first: Int, column: Int, others: Range<Int>) {
  work.withUnsafeMutableBufferPointer { work in
    let v = work.baseAddress! + column * rows
    var square = 0.0
    for r in first..<rows { square += v[r] * v[r] }
    guard square > 0 else { return }
    let length = v[first] > 0 ? -square.squareRoot() : square.squareRoot()
    let head = v[first] - length
    // H = I − u uᵀ / (−length · head) with u = (head, v below).
    let scale = -1 / (length * head)
    for c in others {
      let x = work.baseAddress! + c * rows
      var dot = head * x[first]
      for r in first + 1..<max(rows, first + 1) { dot += v[r] * x[r] }
      dot *= scale
      x[first] -= dot * head
      for r in first + 1..<max(rows, first + 1) { x[r] -= dot * v[r] }
    }
    v[first] = length
    for r in first + 1..<max(rows, first + 1) { v[r] = 0 }
  }
}

extension ColumnRank {
  /// Turns n × p rows into the n × k rows √n · X R⁻¹ of the kept columns, in the same memory.
  package func whiten(_ values: inout [Double], columns p: Int) {
    let (n, k) = (values.count / p, kept.count)
    if k < p {
      values.withUnsafeMutableBufferPointer { values in
        for i in 0..<n { for (j, c) in kept.enumerated() { values[i * k + j] = values[i * p + c] } }
      }
      values.removeLast(n * (p - k))
    }
    cblas_dtrsm(
      CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, Int32(n), Int32(k), Double(n).squareRoot(), triangle,
      Int32(k), &values, Int32(k))
  }
}
