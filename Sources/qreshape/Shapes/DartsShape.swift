import Quantiles
import Tables

/// Darts: `COMPONENT_q0.05`, levels written with two decimals. Its names are also ours, so it is read only when asked for.
struct DartsShape: ColumnShape {
  let name = "darts"
  let summary = "COMPONENT_q0.05, two decimals"
  let isRecognised = false
  let isRounded = true

  func parse(_ column: String, input: String) throws -> (model: String, level: Double)? { try Header.quantileName(column, input: input) }

  func columnName(_ model: String, _ level: Double) throws -> String {
    let hundredths = Levels.key(level) / 10_000_000
    guard hundredths * 10_000_000 == Levels.key(level) else {
      throw cannotHold("the level \(levelText(level)), its names have two decimals", remedy: "choose levels with --levels")
    }
    return (model.isEmpty ? "" : model + "_") + "q0." + (hundredths < 10 ? "0" : "") + "\(hundredths)"
  }
}
