import Quantiles

/// Predictions of p models at m common levels for n rows: element (i, j, t) is `values[(i * p + j) * m + t]`.
/// NaN is missing: the model did not predict that row, or not that level.
public struct BasePredictions: Sendable {
  public let models: [String]
  public let levels: [Double]
  public let rows: Int
  public var values: [Double]

  public init(models: [String], levels: [Double], rows: Int, values: [Double]) {
    precondition(values.count == rows * models.count * levels.count)
    self.models = models
    self.levels = levels
    self.rows = rows
    self.values = values
  }
}

extension BasePredictions {
  /// The predictions of models of these names, in this order; NaN for a model that is not there.
  func ordered(_ names: [String]) -> BasePredictions {
    if names == models { return self }
    let m = levels.count
    var result = [Double](repeating: .nan, count: rows * names.count * m)
    for (j, name) in names.enumerated() {
      guard let from = models.firstIndex(where: { $0.hasSameBytes(as: name) }) else { continue }
      for i in 0..<rows { for t in 0..<m { result[(i * names.count + j) * m + t] = values[(i * models.count + from) * m + t] } }
    }
    return BasePredictions(models: names, levels: levels, rows: rows, values: result)
  }

  /// Whether some model predicts a level of the row.
  package func hasPrediction(row: Int) -> Bool {
    let width = models.count * levels.count
    return values[row * width..<(row + 1) * width].contains { $0.isFinite }
  }

  /// These models and one more, whose quantiles are n × m.
  func appending(_ name: String, _ quantiles: Matrix) -> BasePredictions {
    let width = models.count * levels.count
    var all: [Double] = []
    all.reserveCapacity(rows * (width + levels.count))
    for i in 0..<rows {
      all += values[i * width..<(i + 1) * width]
      all += quantiles.row(i)
    }
    return BasePredictions(models: models + [name], levels: levels, rows: rows, values: all)
  }
}
