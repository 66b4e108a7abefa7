import Quantiles
import Tables

/// Our own tables: `qLEVEL` and `MODEL_qLEVEL`.
struct WideShape: ColumnShape {
  let name = "wide"
  let summary = "qLEVEL and MODEL_qLEVEL, the tables of these filters"

  func read(_ column: String) -> (model: String, level: LevelText)? {
    Header.quantileText(column).map { ($0.model, LevelText(exactly: $0.level.value)) }
  }

  func columnName(_ model: String, _ level: Double) -> String { QuantileGroup.columnName(model, level) }
}

/// The same with an underscore for the point, for engines whose names take no dots: `q0_025`, `MODEL_q0_5`.
struct UnderscoreShape: ColumnShape {
  let name = "wide"
  let summary = "wide with --level-style underscore: q0_025"

  func read(_ column: String) -> (model: String, level: LevelText)? {
    guard let (model, text) = UnderscoreShape.split(column, letter: "q"), text.hasPrefix("0_") else { return nil }
    return LevelText("0." + text.dropFirst(2)).map { (model, $0) }
  }

  func columnName(_ model: String, _ level: Double) -> String {
    (model.isEmpty ? "q" : model + "_q") + String(levelText(level).map { $0 == "." ? "_" : $0 })
  }
}
