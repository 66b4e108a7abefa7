/// What a learner learns from: n rows with a finite target, optional non-negative weights; where rows stand in time, if that is told: then every
/// choice by rows that are held out must judge rows by earlier ones alone.
public struct TrainingSet: Sendable {
  public let features: FeatureTable
  public let target: [Double]
  public let weights: [Double]?
  public let times: RowTimes?

  public init(features: FeatureTable, target: [Double], weights: [Double]? = nil, times: RowTimes? = nil) {
    precondition(features.rows == target.count && (weights == nil || weights!.count == target.count))
    self.features = features
    self.target = target
    self.weights = weights
    self.times = times
  }

  /// These rows.
  public func selecting(_ rows: [Int]) -> TrainingSet {
    TrainingSet(
      features: features.selecting(rows), target: rows.map { target[$0] }, weights: weights.map { weights in rows.map { weights[$0] } },
      times: times?.selecting(rows))
  }
}
