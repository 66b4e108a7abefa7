import Glibc

/// The space that the rows of a design span, in coordinates where its columns are orthonormal up to √n.
public final class RowSpace: Sendable {
  public let rows: Int
  /// Dimension of the space, p.
  public let rank: Int
  /// n × p, row-major.
  package let design: [Double]
  private let columns: Int
  private let exponents: [Int]
  private let columnRank: ColumnRank
  /// For each dropped column its p coefficients on the coordinates.
  private let dependence: [[Double]]

  /// `design` is n × d, row-major and finite, of any size. O(n d²).
  public init(_ design: [Double], columns d: Int, threads: Int = 1) {
    let n = d == 0 ? 0 : design.count / d
    rows = n
    columns = d
    useSingleThreadedBLAS()
    // Powers of two, so that scaling never rounds.
    exponents = (0..<d).map { c in
      let largest = stride(from: c, to: design.count, by: d).reduce(0) { max($0, abs(design[$1])) }
      return largest > 0 ? Int(largest.exponent) : 0
    }
    var values = design
    for c in 0..<d where exponents[c] != 0 {
      for i in stride(from: c, to: values.count, by: d) { values[i] = scalbn(values[i], Int32(-exponents[c])) }
    }
    columnRank = ColumnRank(of: values, columns: d, threads: threads)
    rank = columnRank.kept.count
    let p = rank
    var whitened = values
    if n > 0, p > 0 { columnRank.whiten(&whitened, columns: d) } else { whitened = [] }
    self.design = whitened
    dependence = columnRank.dropped.map { c in
      var sums = [Double](repeating: 0, count: p)
      for i in 0..<n { for j in 0..<p { sums[j] += whitened[i * p + j] * values[i * d + c] } }
      return sums.map { $0 / Double(n) }
    }
  }

  /// Coordinates of another row of d numbers; nil where it is not in the space: where no combination of rows is like it. O(d²).
  public func coordinates(_ row: [Double]) -> [Double]? {
    precondition(row.count == columns)
    let p = rank
    let scaled = row.indices.map { scalbn(row[$0], Int32(-exponents[$0])) }
    var w = [Double](repeating: 0, count: p)
    let root = Double(rows).squareRoot()
    for (j, c) in columnRank.kept.enumerated() {
      var sum = root * scaled[c]
      for i in 0..<j { sum -= w[i] * columnRank.triangle[i * p + j] }
      w[j] = sum / columnRank.triangle[j * p + j]
    }
    for (k, c) in columnRank.dropped.enumerated() {
      var (fit, size) = (0.0, abs(scaled[c]))
      for j in 0..<p {
        fit += w[j] * dependence[k][j]
        size += abs(w[j] * dependence[k][j])
      }
      // As near as columns must be to count as dependent, with room for rounding.
      guard abs(scaled[c] - fit) <= 1e-6 * size else { return nil }
    }
    return w.allSatisfy(\.isFinite) ? w : nil
  }
}
