import Groundwork
import MethodKit
import Quantiles
import Regression

/// Factor quantile regression averaging (Maciejowska, Nowotarski and Weron 2016, "Probabilistic forecasting of electricity spot prices
/// using Factor Quantile Regression Averaging"): linear quantile regression of y on the K leading principal components f_k of the
/// standardised predictions, at each level τ with its own coefficients,
///
///     ĝ(x; τ) = b₀(τ) + Σ_k b_k(τ) f_k(x),
///
/// exact and certified (see `QuantileRegression`). The components are the same for all levels; see `PredictionFactors`. K comes
/// from 5-fold cross-validation of the pinball loss at nine levels unless it is given: the source's criterion wants to know
/// the panel's dimension, this one how well it predicts. A missing prediction is the mean of the row's other models at that level.
public struct FactorQuantileRegressionAveraging: Aggregator {
  public static let description = MethodDescription(
    name: "fqra", summary: "linear quantile regression on the leading principal components of all predictions",
    settings: [
      SettingDescription(
        "factors", .integer(0...1000), default: "0", "number of principal components; 0 is chosen by cross-validation")
    ])
  public static let learns = true
  public static let complexity: Int? = 30

  private static let candidates = [1, 2, 3, 4, 6, 8, 12, 16, 24]
  private let wanted: Int

  public init(settings: Settings) { wanted = settings.integer("factors") }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let predictions = training.predictions
    let rowWeights = try training.normalisedWeights()
    if let message = FilledPredictions.message(training, context) { context.warn(message) }
    let all = PredictionFactors(
      predictions, rowWeights: rowWeights, limit: wanted > 0 ? wanted : FactorQuantileRegressionAveraging.candidates.last!)
    let factors = all(predictions)
    let rows = training.target.indices.filter { rowWeights[$0] > 0 && (all.count == 0 || !factors[$0, 0].isNaN) }
    guard predictions.values.contains(where: { $0.isFinite }), !rows.isEmpty else { throw noPredictions }
    let centre = middle(training.target)
    let target = training.target.map { clampedDifference($0, centre) }
    let regression = FactorRegression(factors: factors, target: target, weights: training.weights, levels: predictions.levels)
    let count = wanted > 0 ? all.count : try chooseCount(regression, rows, rowWeights, training.times, context)
    if wanted > all.count { context.warn("the predictions have \(all.count) components, not \(wanted): all are used") }
    let solution = try regression.fit(rows, count: count, levels: predictions.levels, threads: context.threads)
    let violation = solution.certificates.map(\.violation).max() ?? 0
    if violation > 1e-8 { context.warn("rounding kept some levels from a proof of optimality (violation \(violation))") }
    let limit = Double.greatestFiniteMagnitude
    var coefficients = solution.coefficients
    for k in coefficients.values.indices { coefficients.values[k] = max(-limit, min(limit, coefficients.values[k])) }
    return FittedFactorRegression(
      models: predictions.models, factors: all.keeping(count), centre: centre, coefficients: coefficients, violation: violation)
  }

  /// The number of factors with the least cross-validated loss, the smaller one on a tie.
  private func chooseCount(
    _ regression: FactorRegression, _ rows: [Int], _ rowWeights: [Double], _ times: RowTimes?, _ context: FitContext
  ) throws -> Int {
    let most = regression.factors.columns
    let candidates = Self.candidates.filter { $0 < most && 10 * $0 <= rows.count } + (10 * most <= rows.count ? [most] : [])
    guard candidates.count > 1, rows.count >= 10 else { return candidates.first ?? min(most, 1) }
    let splits = crossValidationSplits(rows, count: 5, times: times, seed: context.seed)
    let levels = spreadLevels(regression.levels.count, count: 9).map { regression.levels[$0] }
    let losses = try parallelMap(candidates.count * splits.count, threads: context.threads) { job -> Double in
      let (count, split) = (candidates[job / splits.count], splits[job % splits.count])
      let solution = try regression.fit(split.teaching, count: count, levels: levels, threads: 1)
      return regression.loss(solution.coefficients, split.judged, levels: levels, rowWeights)
    }
    let sums = candidates.indices.map { c in losses[c * splits.count..<(c + 1) * splits.count].reduce(0, +) }
    let best = candidates.indices.min { (sums[$0], $0) < (sums[$1], $1) }!
    context.note("\(candidates[best]) of \(most) factors by cross-validation")
    return candidates[best]
  }

  public static var fitted: any FittedAggregator.Type { FittedFactorRegression.self }
}

/// Regressions of one target on the leading columns of one matrix.
private struct FactorRegression {
  let factors: Matrix
  let target: [Double]
  let weights: [Double]?
  let levels: [Double]

  func fit(_ rows: [Int], count: Int, levels: [Double], threads: Int) throws -> QuantileRegression {
    let k = factors.columns
    let design = rows.flatMap { i in [1] + factors.values[i * k..<i * k + count] }
    return try QuantileRegression(
      design: Matrix(rows: rows.count, columns: count + 1, values: design), target: rows.map { target[$0] },
      weights: weights.map { w in rows.map { w[$0] } }, levels: levels, threads: threads)
  }

  /// Σ_i ω_i Σ_τ ψ_τ, times `errorUnit`.
  func loss(_ coefficients: Matrix, _ rows: [Int], levels: [Double], _ rowWeights: [Double]) -> Double {
    let k = factors.columns
    var sum = 0.0
    for i in rows {
      for (t, level) in levels.enumerated() {
        let fit = clampedSum(count: coefficients.columns - 1, coefficients[t, 0], { coefficients[t, $0 + 1] }, { factors.values[i * k + $0] })
        sum += rowWeights[i] * pinballLoss(level: level, target: target[i] * errorUnit, quantile: fit * errorUnit)
      }
    }
    return sum
  }
}

struct FittedFactorRegression: FittedAggregator {
  let models: [String]
  let factors: PredictionFactors
  /// Added to the answer.
  let centre: Double
  /// m × (1 + K): of each level the intercept, then a coefficient a factor.
  let coefficients: Matrix
  let violation: Double

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let (k, m) = (factors.count, factors.levels)
    precondition(predictions.levels.count == m && predictions.models.count == models.count)
    let found = factors(predictions)
    var result = Matrix(rows: predictions.rows, columns: m)
    for i in 0..<predictions.rows {
      if k > 0 ? found[i, 0].isNaN : (0..<models.count * m).allSatisfy({ !predictions.values[i * models.count * m + $0].isFinite }) {
        for t in 0..<m { result[i, t] = .nan }
        continue
      }
      for t in 0..<m {
        let sum = clampedSum(count: k, coefficients[t, 0], { coefficients[t, $0 + 1] }, { found.values[i * k + $0] })
        result[i, t] = clampedDifference(sum, -centre)
      }
    }
    return result
  }

  var weights: Matrix? { nil }

  func fits(_ inputs: CombinedInputs) -> Bool { inputs.areOf(models) && factors.levels == inputs.levels.count }

  func encode(into writer: inout ByteWriter) {
    writer.write(models)
    factors.encode(into: &writer)
    writer.write(centre)
    writer.write(coefficients.values)
    writer.write(violation)
  }

  var summary: [(key: String, value: String)] {
    [("factors", "\(factors.count)"), ("largest certificate violation", "\(violation)")]
  }
}

extension FittedFactorRegression {
  init(decoding reader: inout ByteReader) throws {
    models = try reader.readStrings()
    factors = try PredictionFactors(decoding: &reader)
    centre = try reader.readDouble()
    let values = try reader.readArray(of: Double.self)
    violation = try reader.readDouble()
    guard models.count == factors.models, Set(models).count == models.count, centre.isFinite, violation >= 0,
      values.count == factors.levels * (factors.count + 1), values.allSatisfy(\.isFinite)
    else { throw ByteReader.damaged }
    coefficients = Matrix(rows: factors.levels, columns: factors.count + 1, values: values)
  }
}
