/// What a learner learns from: n rows with a finite target, optional non-negative weights.
public struct TrainingSet: Sendable {
  public let features: FeatureTable
  public let target: [Double]
  public let weights: [Double]?

  public init(features: FeatureTable, target: [Double], weights: [Double]? = nil) {
    precondition(features.rows == target.count && (weights == nil || weights!.count == target.count))
    self.features = features
    self.target = target
    self.weights = weights
  }

  /// These rows.
  public func selecting(_ rows: [Int]) -> TrainingSet {
    TrainingSet(features: features.selecting(rows), target: rows.map { target[$0] }, weights: weights.map { weights in rows.map { weights[$0] } })
  }
}
