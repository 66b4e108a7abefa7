import Designs
import Groundwork
import MethodKit
import Quantiles
import Regression

/// Linear quantile regression: q_τ(x) = xᵀβ(τ), β(τ) the exact minimiser of Σ_i w_i ψ_τ(y_i − x_iᵀβ), every level by itself
/// (Koenker and Bassett 1978). Quantiles of different levels may cross.
///
/// Features enter as `DesignEncoding` says, with an intercept; the 64 most frequent categories of a feature have columns. Columns that depend
/// linearly on earlier ones are dropped.
public struct Linear: Learner {
  public static let description = MethodDescription(name: "linear", summary: "linear quantile regression, exact")

  public init(settings: Settings) {}

  /// A column each for thousands of categories would fit their few rows exactly, at a cost that grows with their square.
  static let mostCategories = 64

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    var features = training.features
    var target = training.target
    var weights = training.weights
    if let given = weights, given.contains(0) {
      // Rows of weight zero teach nothing: neither medians nor categories.
      let used = try RowWeights.used(given, rows: target.count)
      features = features.selecting(used)
      target = used.map { target[$0] }
      weights = used.map { given[$0] }
    }

    let encoding = DesignEncoding(learning: features, mostCategories: Linear.mostCategories)
    if !encoding.pooled.isEmpty { context.warn("rare categories count as one: \(context.list(encoding.pooled))") }
    let p = encoding.count + 1
    var rows = [Double](repeating: 1, count: features.rows * p)
    encoding.encode(features, into: &rows, stride: p, offset: 1)
    let standardisation = Standardisation(exactlyScaling: rows, columns: p)
    standardisation.apply(to: &rows)
    let lowest = target.min()!
    let highest = target.max()!
    let centre = Standardisation.exactCentre(lowest: lowest, highest: highest, values: { target }) ?? 0
    if centre != 0 { for i in target.indices { target[i] -= centre } }

    let design = Matrix(rows: features.rows, columns: p, values: rows)
    rows = []
    let solution = try QuantileRegression(design: consume design, target: target, weights: weights, levels: levels, threads: context.threads)

    let dropped = Set(solution.dropped)
    let kept = (1..<p).filter { !dropped.contains($0) }.map { $0 - 1 }
    let collinear = solution.dropped.filter { $0 > 0 }.map { encoding.names[$0 - 1] }
    let collinearTitles = solution.dropped.filter { $0 > 0 }.map { encoding.title($0 - 1) }
    let leftOut = encoding.constantFeatures.map { "\($0) (constant)" } + collinearTitles.map { "\($0) (collinear with columns before)" }
    if !leftOut.isEmpty { context.warn("features left out: \(context.list(leftOut))") }
    let violation = solution.certificates.map(\.violation).max() ?? 0
    context.note("\(features.rows) rows, \(kept.count) columns, largest certificate violation \(violation)")
    if !solution.certificates.allSatisfy(\.holds) {
      context.warn("rounding kept some levels from a proof of optimality (violation \(violation)); features of less extreme size may help")
    }
    var coefficients = Matrix(rows: kept.count + 1, columns: levels.count)
    let limit = Double.greatestFiniteMagnitude
    for t in levels.indices {
      for (j, c) in ([0] + kept.map { $0 + 1 }).enumerated() { coefficients[j, t] = max(-limit, min(limit, solution.coefficients[t, c])) }
    }
    return FittedLinear(
      encoding: encoding.keeping(kept), standardisation: standardisation.keeping(kept.map { $0 + 1 }), centre: centre, coefficients: coefficients,
      trainingRows: features.rows, dropped: encoding.constantFeatures + collinear,
      violation: violation)
  }

  public static var fitted: any FittedLearner.Type { FittedLinear.self }
}

/// Coefficients of all levels on standardised columns.
struct FittedLinear: FittedLearner {
  let encoding: DesignEncoding
  let standardisation: Standardisation
  /// Added to every answer.
  let centre: Double
  /// (1 + columns) × levels: the intercepts, then a row a column.
  let coefficients: Matrix
  let trainingRows: Int
  let dropped: [String]
  let violation: Double

  /// Cost O(rows · columns · levels).
  func predict(_ features: FeatureTable) -> Matrix {
    let (n, p, m) = (features.rows, encoding.count, coefficients.columns)
    var rows = [Double](repeating: 0, count: n * p)
    encoding.encode(features, into: &rows, stride: p, offset: 0)
    standardisation.apply(to: &rows)
    var answer = Matrix(rows: n, columns: m)
    answer.values.withUnsafeMutableBufferPointer { answer in
      coefficients.values.withUnsafeBufferPointer { beta in
        rows.withUnsafeBufferPointer { rows in
          // Plain sums in one order: the answer of a row must not depend on the rows beside it, as a matrix product's may.
          for i in 0..<n {
            for t in 0..<m { answer[i * m + t] = beta[t] }
            for c in 0..<p {
              let x = rows[i * p + c]
              for t in 0..<m { answer[i * m + t] += x * beta[(c + 1) * m + t] }
            }
            for t in 0..<m {
              let q = answer[i * m + t] + centre
              answer[i * m + t] = q.isFinite ? q : clampedFit(rows.baseAddress.map { UnsafeBufferPointer(start: $0 + i * p, count: p) }, beta, t, m)
            }
          }
        }
      }
    }
    return answer
  }

  /// The sum with terms scaled down so that none overflows, then held within what a double holds.
  private func clampedFit(_ x: UnsafeBufferPointer<Double>?, _ beta: UnsafeBufferPointer<Double>, _ t: Int, _ m: Int) -> Double {
    let shrink = 0x1p-600
    var sum = (beta[t] * shrink + centre * shrink) * shrink
    if let x { for c in 0..<x.count { sum += (clamped(x[c]) * shrink) * (beta[(c + 1) * m + t] * shrink) } }
    return clamped(sum * 0x1p600 * 0x1p600)
  }

  private func clamped(_ x: Double) -> Double {
    x.isNaN ? centre : max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, x))
  }

  var summary: [(key: String, value: String)] {
    [
      ("rows", "\(trainingRows)"), ("columns", "\(encoding.count)"),
      ("dropped", dropped.isEmpty ? "none" : dropped.joined(separator: ", ")),
      ("largest certificate violation", "\(violation)"),
    ]
  }

  func fits(_ features: FeatureTable, levels: [Double]) -> Bool { encoding.fits(features) && coefficients.columns == levels.count }

  func encode(into writer: inout ByteWriter) {
    encoding.encode(into: &writer)
    standardisation.encode(into: &writer)
    writer.write(centre)
    writer.write(coefficients.columns)
    writer.write(coefficients.values)
    writer.write(trainingRows)
    writer.write(dropped)
    writer.write(violation)
  }
}

extension FittedLinear {
  init(decoding reader: inout ByteReader) throws {
    encoding = try DesignEncoding(decoding: &reader)
    standardisation = try Standardisation(decoding: &reader)
    centre = try reader.readDouble()
    let levels = try reader.readInt()
    let values = try reader.readArray(of: Double.self)
    trainingRows = try reader.readCounter()
    dropped = try reader.readStrings()
    violation = try reader.readDouble()
    let (expected, overflow) = levels.multipliedReportingOverflow(by: encoding.count + 1)
    guard standardisation.centres.count == encoding.count, centre.isFinite, levels > 0, !overflow, values.count == expected,
      values.allSatisfy(\.isFinite)
    else { throw ByteReader.damaged }
    coefficients = Matrix(rows: encoding.count + 1, columns: levels, values: values)
  }
}
