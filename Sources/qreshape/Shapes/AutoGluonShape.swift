import Quantiles
import Tables

/// AutoGluon, tabular and time series, GluonTS and Chronos: bare levels as names.
struct AutoGluonShape: ColumnShape {
  let name = "autogluon"
  let summary = "bare levels 0.1 … 0.9 as names, one model; GluonTS and Chronos alike"
  let namesModels = false

  func parse(_ column: String, input: String) -> (model: String, level: Double)? {
    guard let level = plainDecimal(column[...], needsPoint: true), level < 1, (1..<1_000_000_000).contains(Levels.key(level)) else { return nil }
    return ("", level)
  }

  func columnName(_ model: String, _ level: Double) -> String { levelText(level) }
}
