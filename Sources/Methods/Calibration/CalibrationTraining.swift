import MethodKit
import Quantiles

/// What a calibrator learns from: quantiles of n rows at m increasing levels, by models that did not see those rows, and the
/// targets that came true.
public struct CalibrationTraining: Sendable {
  public let levels: [Double]
  /// n × m; NaN is missing, ±∞ is allowed.
  public let quantiles: Matrix
  /// n finite targets.
  public let target: [Double]
  /// n finite non-negative weights.
  public let weights: [Double]?
  /// The power of two that the weights of rows are multiplied by in `weights`, so that what makes them less with age does not lose their digits;
  /// it is applied to those of rows to be answered.
  public let weightUnit: Double
  /// The weight of a row to be answered for which corrections are reported.
  public let typicalWeight: Double
  /// Of n rows: what methods that use features are given.
  public let features: FeatureTable?

  public init(
    levels: [Double], quantiles: Matrix, target: [Double], weights: [Double]? = nil, weightUnit: Double = 1, typicalWeight: Double = 1,
    features: FeatureTable? = nil
  ) {
    precondition(quantiles.rows == target.count && quantiles.columns == levels.count && (weights == nil || weights!.count == target.count))
    precondition(features == nil || features!.rows == target.count)
    self.levels = levels
    self.quantiles = quantiles
    self.target = target
    self.weights = weights
    self.weightUnit = weightUnit
    self.typicalWeight = typicalWeight
    self.features = features
  }

  /// The rows of `indices`, in that order.
  public func selecting(_ indices: [Int]) -> CalibrationTraining {
    CalibrationTraining(
      levels: levels,
      quantiles: Matrix(rows: indices.count, columns: levels.count, values: indices.flatMap { quantiles.row($0) }),
      target: indices.map { target[$0] }, weights: weights.map { weights in indices.map { weights[$0] } }, weightUnit: weightUnit,
      typicalWeight: typicalWeight,
      features: features?.selecting(indices))
  }

  /// The same rows with other weights.
  public func weighing(_ weights: [Double]?) -> CalibrationTraining {
    CalibrationTraining(
      levels: levels, quantiles: quantiles, target: target, weights: weights, weightUnit: weightUnit, typicalWeight: typicalWeight,
      features: features)
  }
}

extension CalibrationTraining {
  /// The rows in order, where the measure wants them so.
  func ordered<Measure: ConformityMeasure>(by measure: Measure) -> CalibrationTraining {
    guard Measure.ordersFirst else { return self }
    var values = quantiles.values
    values.withUnsafeMutableBufferPointer { values in
      for i in 0..<target.count { measure.order.apply(to: UnsafeMutableBufferPointer(rebasing: values[i * levels.count..<(i + 1) * levels.count])) }
    }
    return CalibrationTraining(
      levels: levels, quantiles: Matrix(rows: target.count, columns: levels.count, values: values), target: target, weights: weights,
      weightUnit: weightUnit, typicalWeight: typicalWeight)
  }

  /// One bound's scores of all rows, NaN where a row has none.
  func scores<Measure: ConformityMeasure>(_ measure: Measure, bound k: Int) -> [Double] {
    quantiles.values.withUnsafeBufferPointer { values in
      target.indices.map { i in measure.score(values.baseAddress! + i * levels.count, target: target[i], bound: k) }
    }
  }

  /// One row's scores for all bounds.
  func scores<Measure: ConformityMeasure>(_ measure: Measure, row i: Int) -> [Double] {
    quantiles.values.withUnsafeBufferPointer { values in
      var scores: [Double] = []
      scores.reserveCapacity(measure.bounds.count)
      for k in measure.bounds.indices {
        let first = measure.firstBound(scoringAs: k)
        scores.append(first < k ? scores[first] : measure.score(values.baseAddress! + i * levels.count, target: target[i], bound: k))
      }
      return scores
    }
  }
}
