import COpenBLAS
import Glibc
import Groundwork

/// Ridge regression, its penalty chosen by the exact squared error of leaving one row out.
///
/// β = (ZᵀWZ + n λ D)⁻¹ ZᵀWy with D the identity but for a next to nothing in column 0, the intercept. Leaving row i out changes its residual
/// to r_i / (1 − h_i), h_i = w_i z_iᵀ(ZᵀWZ + n λ D)⁻¹ z_i (Golub, Heath and Wahba 1979, section 1). Where rows are over 20 times the columns,
/// h_i / w_i of the judged rows, averaged, stands for that of the others, as in generalised cross-validation (section 2 there): h_i is small.
///
/// Rows come in blocks, made anew in each pass, so memory does not grow with n · columns. Cost O(n · columns²) once, and once a fit where rows are
/// few; O(judged · columns²) a penalty.
package struct RidgeRegression: Sendable {
  let rows: Int
  let columns: Int
  private let weights: [Double]?
  private let threads: Int
  /// Writes rows of Z, row-major.
  private let write: @Sendable (Range<Int>, UnsafeMutablePointer<Double>) -> Void
  private var gram: [Double]
  private static let block = 1024

  package static let penalties = [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]

  package init(
    rows: Int, columns: Int, weights: [Double]?, threads: Int, write: @escaping @Sendable (Range<Int>, UnsafeMutablePointer<Double>) -> Void
  ) {
    useSingleThreadedBLAS()
    self.rows = rows
    self.columns = columns
    self.weights = weights
    self.threads = threads
    self.write = write
    gram = [Double](repeating: 0, count: columns * columns)
    var sum = gram
    let count = columns
    // A few blocks at a time, added in order: the answer does not depend on threads, nor memory on rows.
    forBlocks(
      rows, group: 8,
      { _, z, size in
        var part = [Double](repeating: 0, count: count * count)
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, Int32(count), Int32(size), 1, z, Int32(count), 0, &part, Int32(count))
        return part
      }, { part, _ in for k in sum.indices { sum[k] += part[k] } })
    gram = sum
  }

  /// Visits blocks of rows of √W Z.
  private func forBlocks<T: Sendable>(
    _ count: Int, group: Int, _ work: @Sendable (Range<Int>, UnsafeMutablePointer<Double>, Int) -> T, _ merge: (T, Range<Int>) -> Void
  ) {
    let blocks = (count + RidgeRegression.block - 1) / RidgeRegression.block
    for first in stride(from: 0, to: blocks, by: group) {
      let some = min(group, blocks - first)
      @Sendable func range(_ b: Int) -> Range<Int> { (first + b) * RidgeRegression.block..<min(count, (first + b + 1) * RidgeRegression.block) }
      let results = try! parallelMap(some, threads: threads) { b -> T in
        let range = range(b)
        var z = [Double](repeating: 0, count: range.count * columns)
        return z.withUnsafeMutableBufferPointer { z in
          write(range, z.baseAddress!)
          if let weights {
            for i in range {
              let root = weights[i].squareRoot()
              for c in 0..<columns { z[(i - range.lowerBound) * columns + c] *= root }
            }
          }
          return work(range, z.baseAddress!, range.count)
        }
      }
      for (b, result) in results.enumerated() { merge(result, range(b)) }
    }
  }

  package struct Fit {
    package var coefficients: [Double]
    /// Predictions of each row by a fit without it.
    package var leftOut: [Double]
    /// Mean squared error of the rows the penalty was judged on.
    package var error: Double
    package var penalty: Double
  }

  /// The fit of least error over some penalties, judged on the first `judged` rows. Nil where none could be factored.
  package func fit(_ target: [Double], judged: Int = 4096, penalties: [Double] = RidgeRegression.penalties) -> Fit? {
    let right = right(target)
    var best: (penalty: Double, error: Double, leverage: Double)?
    let seen = min(rows, judged)
    for penalty in penalties {
      guard let factor = factor(penalty, right) else { continue }
      let (predictions, leverage) = leftOut(factor, target, seen)
      var error = 0.0
      for i in 0..<seen { error += (weights?[i] ?? 1) * (target[i] - predictions[i]) * (target[i] - predictions[i]) }
      if error.isFinite, best == nil || error < best!.error { best = (penalty, error, leverage) }
    }
    guard let best, let chosen = factor(best.penalty, right) else { return nil }
    var coefficients = chosen.projected
    let p = Int32(columns)
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, p, chosen.triangle, p, &coefficients, 1)
    let predictions =
      rows > max(20 * columns, judged)
      ? nearlyLeftOut(coefficients, target, leverage: best.leverage) : leftOut(chosen, target, rows).predictions
    guard coefficients.allSatisfy(\.isFinite), predictions.allSatisfy(\.isFinite) else { return nil }
    return Fit(coefficients: coefficients, leftOut: predictions, error: best.error / Double(seen), penalty: best.penalty)
  }

  /// Zᵀ diag(w) y.
  private func right(_ target: [Double]) -> [Double] {
    let p = Int32(columns)
    var right = [Double](repeating: 0, count: columns)
    forBlocks(
      rows, group: 8,
      { range, z, size in
        let y = range.map { target[$0] * (weights?[$0] ?? 1).squareRoot() }
        var part = [Double](repeating: 0, count: columns)
        cblas_dgemv(CblasRowMajor, CblasTrans, Int32(size), p, 1, z, p, y, 1, 0, &part, 1)
        return part
      }, { part, _ in for c in 0..<columns { right[c] += part[c] } })
    return right
  }

  /// The lower factor, column-major, and L⁻¹ right.
  private typealias Factor = (triangle: [Double], projected: [Double])

  private func factor(_ penalty: Double, _ right: [Double]) -> Factor? {
    var triangle = gram
    for c in 0..<columns { triangle[c * columns + c] += Double(rows) * (c == 0 ? 1e-12 : penalty) }
    let p = Int32(columns)
    var size = p
    var status: Int32 = 0
    dpotrf_("L", &size, &triangle, &size, &status)
    guard status == 0, triangle.allSatisfy(\.isFinite) else { return nil }
    var projected = right
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, p, triangle, p, &projected, 1)
    return (triangle, projected)
  }

  /// Predictions of the first `count` rows by fits without each, and the mean of h_i / w_i.
  private func leftOut(_ factor: Factor, _ target: [Double], _ count: Int) -> (predictions: [Double], leverage: Double) {
    let p = Int32(columns)
    var answer = [Double](repeating: 0, count: count)
    var sum = 0.0
    forBlocks(
      count, group: 64,
      { range, z, size in
        // Row-major n × p is column-major p × n: L v = z for all rows at once.
        cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, p, Int32(size), 1, factor.triangle, p, z, p)
        return (0..<size).map { i -> (prediction: Double, leverage: Double) in
          var leverage = 0.0
          var fit = 0.0
          for c in 0..<columns {
            let v = z[i * columns + c]
            leverage += v * v
            fit += v * factor.projected[c]
          }
          let row = range.lowerBound + i
          let weight = weights?[row] ?? 1
          return (RidgeRegression.without(target[row], fit / weight.squareRoot(), leverage), leverage / weight)
        }
      },
      { part, range in
        for (k, i) in range.enumerated() {
          answer[i] = part[k].prediction
          sum += part[k].leverage
        }
      })
    return (answer, sum / Double(count))
  }

  /// The same for all rows, with one leverage for all.
  private func nearlyLeftOut(_ coefficients: [Double], _ target: [Double], leverage: Double) -> [Double] {
    let p = Int32(columns)
    var answer = [Double](repeating: 0, count: rows)
    forBlocks(
      rows, group: 64,
      { range, z, size in
        var fits = [Double](repeating: 0, count: size)
        cblas_dgemv(CblasRowMajor, CblasNoTrans, Int32(size), p, 1, z, p, coefficients, 1, 0, &fits, 1)
        return fits.enumerated().map { k, fit in
          let row = range.lowerBound + k
          let weight = weights?[row] ?? 1
          return RidgeRegression.without(target[row], fit / weight.squareRoot(), leverage * weight)
        }
      }, { part, range in answer.replaceSubrange(range, with: part) })
    return answer
  }

  /// The prediction of a row with this target by a fit without it: from its fit, and its leverage h.
  private static func without(_ target: Double, _ fit: Double, _ leverage: Double) -> Double { target - (target - fit) / max(1 - leverage, 1e-6) }
}
