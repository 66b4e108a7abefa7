import Groundwork
import MethodKit

/// What an aggregator learns from: out-of-sample predictions, the targets that came true, features for local weights.
public struct AggregationTraining: Sendable {
  public let predictions: BasePredictions
  /// n finite targets.
  public let target: [Double]
  public let weights: [Double]?
  public let features: FeatureTable?
  /// Where rows stand in time, if that is told: choices by rows that are held out then judge rows by earlier ones alone.
  public let times: RowTimes?

  public init(
    predictions: BasePredictions, target: [Double], weights: [Double]? = nil, features: FeatureTable? = nil, times: RowTimes? = nil
  ) {
    precondition(predictions.rows == target.count)
    self.predictions = predictions
    self.target = target
    self.weights = weights
    self.features = features
    self.times = times
  }

  /// Some of the rows, in the order given.
  public func selecting(_ rows: [Int]) -> AggregationTraining {
    let width = predictions.models.count * predictions.levels.count
    let values = [Double](unsafeUninitializedCapacity: rows.count * width) { target, filled in
      filled = rows.count * width
      predictions.values.withUnsafeBufferPointer { values in
        for (k, row) in rows.enumerated() where width > 0 {
          (target.baseAddress! + k * width).initialize(from: values.baseAddress! + row * width, count: width)
        }
      }
    }
    return AggregationTraining(
      predictions: BasePredictions(models: predictions.models, levels: predictions.levels, rows: rows.count, values: values),
      target: rows.map { target[$0] }, weights: weights.map { w in rows.map { w[$0] } }, features: features?.selecting(rows),
      times: times?.selecting(rows))
  }

  /// Row weights divided by their sum. Throws where no row has weight.
  package func normalisedWeights() throws -> [Double] { try RowWeights.withSumOne(weights, rows: target.count) }

  /// The same rows with one level. Cost O(n·p).
  func selecting(level t: Int) -> AggregationTraining {
    let m = predictions.levels.count
    let values = stride(from: t, to: predictions.values.count, by: m).map { predictions.values[$0] }
    return AggregationTraining(
      predictions: BasePredictions(models: predictions.models, levels: [predictions.levels[t]], rows: predictions.rows, values: values),
      target: target, weights: weights, times: times)
  }
}

/// What every method that learns says where there is nothing to learn from.
let noPredictions = Failure(
  .badData, "no training row has a prediction", remedy: "fill the quantile columns of labelled rows, for example with qfit")
