import Groundwork
import MethodKit
import Quantiles

/// The linear opinion pool: the answer's distribution function is the mean of the models' (Stone 1961; Lichtendahl, Grushka-Cockayne and
/// Winkler 2013, "Is it better to average probabilities or quantiles?"),
///
///     F(x) = (1/p) Σ_j F_j(x),  q(τ) = inf {x : F(x) ≥ τ}.
///
/// Its variance is no less than that of the average of quantiles: models that disagree make it doubt. A central interval may be narrower: of N(0, 1)
/// and N(0, 100) the 50 % interval is ±1.54, that of the average ±3.71. F_j is what `PiecewiseNormalDistribution` makes of the
/// quantiles that model j gives in a row, sorted where they cross; a level it does not give follows from the others. Where the models have the
/// same quantile at a level, that quantile is the answer, to the last bit.
///
/// A model that gives a single quantile in a row, or no finite one, has no distribution there: it is left out, and where no model has
/// one the answer is the mean, level by level. Cost: O(p·m·log(p·m)) a row.
public struct LinearPool: Aggregator {
  public static let description = MethodDescription(
    name: "pool", summary: "linear opinion pool: the mean of the models' distribution functions, inverted")
  public static let learns = false
  public static let complexity: Int? = 0

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator { FittedLinearPool() }
  public static var fitted: any FittedAggregator.Type { FittedLinearPool.self }
}

struct FittedLinearPool: FittedAggregator {
  init() {}

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let p = predictions.models.count
    let m = predictions.levels.count
    var result = Matrix(rows: predictions.rows, columns: m)
    let pool = PooledDistributions(levels: predictions.levels)
    predictions.values.withUnsafeBufferPointer { values in
      result.values.withUnsafeMutableBufferPointer { result in
        for i in 0..<predictions.rows {
          let row = values.baseAddress! + i * p * m
          let answer = UnsafeMutableBufferPointer(rebasing: result[i * m..<(i + 1) * m])
          if pool.read(row, models: p) { pool.invert(into: answer); continue }
          for t in 0..<m { answer[t] = weightedMean(count: p, level: predictions.levels[t], value: { row[$0 * m + t] }, weight: { _ in 1 }) }
        }
      }
    }
    return result
  }

  var weights: Matrix? { nil }
  func fits(_ inputs: CombinedInputs) -> Bool { true }
  func encode(into writer: inout ByteWriter) {}

  init(decoding reader: inout ByteReader) {}
  var summary: [(key: String, value: String)] { [] }
}
