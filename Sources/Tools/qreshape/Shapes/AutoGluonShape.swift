import Tables

/// AutoGluon, tabular and time series, GluonTS and Chronos: bare levels as names.
struct AutoGluonShape: ColumnShape {
  let name = "autogluon"
  let summary = "bare levels 0.1 … 0.9 as names, one model; GluonTS and Chronos alike"
  let namesModels = false

  let likeness = QuantileLikeness(markers: [""])

  func read(_ column: String) -> (model: String, level: LevelText)? {
    guard column.contains("."), let level = LevelText(column[...]), level.isLevel else { return nil }
    return ("", level)
  }

  func columnName(_ model: String, _ level: Double) -> String { levelText(level) }
}
