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

  /// That of λ times this combination and (1 − λ) times the average of the models.
  public func leaning(_ share: Double) -> WeightTable {
    func scaled(_ table: Matrix, plus equal: Double = 0) -> Matrix {
      Matrix(rows: table.rows, columns: table.columns, values: table.values.map { share * $0 + equal })
    }
    return WeightTable(
      models: models, levels: levels, mean: scaled(mean, plus: (1 - share) / Double(models.count)), spread: spread.map { scaled($0) },
      moves: moves.map { ($0.feature, scaled($0.change)) })
  }
}
