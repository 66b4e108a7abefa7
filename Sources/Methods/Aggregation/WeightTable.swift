import Quantiles

/// What `--describe` shows of a combination: the weight of each model at each level, columns of `mean` summing to one.
public struct WeightTable: Sendable {
  public let models: [String]
  public let levels: [Double]
  /// p × m: the weights, or their means over rows where they are local.
  public let mean: Matrix
  /// p × m: standard deviations over rows; nil where all rows have the same weights.
  public let spread: Matrix?
  /// Of each feature, p × m: the mean absolute change of a row's weight when the feature is that of another row.
  public let moves: [(feature: String, change: Matrix)]

  public init(models: [String], levels: [Double], mean: Matrix, spread: Matrix? = nil, moves: [(feature: String, change: Matrix)] = []) {
    self.models = models
    self.levels = levels
    self.mean = mean
    self.spread = spread
    self.moves = moves
  }
}
