import Groundwork
import MethodKit
import Quantiles
import Regression

/// Quantile regression averaging (Nowotarski and Weron 2015, "Computing electricity spot price prediction intervals using quantile
/// regression and forecast averaging"): at each level τ the linear quantile regression of y on the p predictions at that level,
///
///     ĝ(x; τ) = b₀(τ) + Σ_j b_j(τ) ĝ_j(x; τ),  b(τ) = argmin Σ_i ω_i ψ_τ(y_i − b₀ − Σ_j b_j ĝ_j(x_i; τ)),
///
/// exact and certified (see `QuantileRegression`). Coefficients are free, so it mends a bias or a spread that all models share; levels
/// know nothing of each other, so answers may cross. Predictions that depend linearly on those of models before get coefficient zero.
///
/// A missing prediction is taken to be the mean of the row's other models at that level, in training and in answering. A level that no
/// training row has a prediction of is answered by the mean.
public struct QuantileRegressionAveraging: Aggregator {
  public static let description = MethodDescription(
    name: "qra", summary: "linear quantile regression on the models, with intercept, level by level")
  public static let learns = true
  public static let complexity: Int? = 40

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let predictions = training.predictions
    let (p, m) = (predictions.models.count, predictions.levels.count)
    let rowWeights = try training.normalisedWeights()
    let filled = FilledPredictions(predictions)
    if let message = FilledPredictions.message(training, context) { context.warn(message) }
    let centre = middle(training.target)
    var coefficients = Matrix(rows: m, columns: p + 1)
    let fits = try parallelMap(m, threads: context.threads) { t -> (coefficients: [Double], violation: Double, isEmpty: Bool) in
      var rows: [Double] = []
      rows.reserveCapacity(training.target.count * (p + 1))
      var used: [Int] = []
      predictions.values.withUnsafeBufferPointer { values in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: p) { buffer in
          for i in training.target.indices where rowWeights[i] > 0 {
            guard filled.fill(values.baseAddress! + i * p * m, level: t, into: buffer.baseAddress!) > 0 else { continue }
            used.append(i)
            rows.append(1)
            for value in buffer { rows.append(clampedDifference(value, centre)) }
          }
        }
      }
      guard !used.isEmpty else { return ([0] + [Double](repeating: 1 / Double(p), count: p), 0, true) }
      let solution = try QuantileRegression(
        design: Matrix(rows: used.count, columns: p + 1, values: rows), target: used.map { clampedDifference(training.target[$0], centre) },
        weights: training.weights.map { w in used.map { w[$0] } }, levels: [predictions.levels[t]])
      return (Array(solution.coefficients.row(0)), solution.certificates[0].violation, false)
    }
    if fits.allSatisfy({ $0.isEmpty }) { throw noPredictions }
    let limit = Double.greatestFiniteMagnitude
    for t in 0..<m { for c in 0...p { coefficients[t, c] = max(-limit, min(limit, fits[t].coefficients[c])) } }
    let violation = fits.reduce(0) { max($0, $1.violation) }
    if violation > 1e-8 { context.warn("rounding kept some levels from a proof of optimality (violation \(violation))") }
    return FittedQuantileRegressionAveraging(models: predictions.models, centre: centre, coefficients: coefficients, violation: violation)
  }

  public static var fitted: any FittedAggregator.Type { FittedQuantileRegressionAveraging.self }
}

struct FittedQuantileRegressionAveraging: FittedAggregator {
  let models: [String]
  /// Subtracted from predictions and added to the answer.
  let centre: Double
  /// m × (1 + p): of each level the intercept, then a coefficient a model.
  let coefficients: Matrix
  let violation: Double

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let (p, m) = (models.count, predictions.levels.count)
    precondition(coefficients.rows == m)
    let filled = FilledPredictions(predictions)
    var result = Matrix(rows: predictions.rows, columns: m)
    predictions.values.withUnsafeBufferPointer { values in
      coefficients.values.withUnsafeBufferPointer { beta in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: p) { x in
          for i in 0..<predictions.rows {
            for t in 0..<m {
              guard filled.fill(values.baseAddress! + i * p * m, level: t, into: x.baseAddress!) > 0 else {
                result.values[i * m + t] = .nan
                continue
              }
              let own = beta.baseAddress! + t * (p + 1)
              let sum = clampedSum(count: p, own[0], { own[$0 + 1] }, { clampedDifference(x[$0], centre) })
              result.values[i * m + t] = clampedDifference(sum, -centre)
            }
          }
        }
      }
    }
    return result
  }

  var weights: Matrix? { nil }

  func fits(_ inputs: CombinedInputs) -> Bool { inputs.areOf(models) && coefficients.rows == inputs.levels.count }

  func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(centre)
    writer.write(coefficients.rows)
    writer.write(coefficients.values)
    writer.write(violation)
  }

  var summary: [(key: String, value: String)] { [("largest certificate violation", "\(violation)")] }
}

extension FittedQuantileRegressionAveraging {
  init(decoding reader: inout ByteReader) throws {
    models = try reader.readStrings()
    centre = try reader.readDouble()
    let levels = try reader.readInt()
    let values = try reader.readArray(of: Double.self)
    violation = try reader.readDouble()
    let (count, overflow) = levels.multipliedReportingOverflow(by: models.count + 1)
    guard !models.isEmpty, Set(models).count == models.count, levels > 0, !overflow, values.count == count, centre.isFinite, violation >= 0,
      values.allSatisfy(\.isFinite)
    else { throw ByteReader.damaged }
    coefficients = Matrix(rows: levels, columns: models.count + 1, values: values)
  }
}
