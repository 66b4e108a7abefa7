import Groundwork
import Quantiles
import Tables

/// Percentiles: `p10`, `p50`, `MODEL_p90`. Many other columns are called so, and it is read only when asked for.
struct PercentShape: ColumnShape {
  let name = "percent"
  let summary = "p10, p50 and MODEL_p90, whole percents"
  let isRecognised = false
  let shortenings = [Shortening.formatted, .halvesToEven, .halvesUp, .truncated]

  func parse(_ column: String, input: String) throws -> (model: String, level: LevelText)? {
    guard let (model, text) = PercentShape.split(column, letter: "p"), let level = LevelText(text, isPercent: true), level.level.key <= Level.one
    else {
      return nil
    }
    let whole = text.prefix { $0 != "." }
    guard level.isLevel || level.decimals == 2, !whole.isEmpty, whole.count <= 2 || !whole.hasPrefix("0") else {
      throw Failure(
        .badData, "the level cannot be told", at: .init(input: input, line: 1, column: column), remedy: "percents are written p5, p50 or p97.5")
    }
    return (model, level)
  }

  func columnName(_ model: String, _ level: Double) throws -> String {
    let percent = Level(level).key / (Level.one / 100)
    guard percent * (Level.one / 100) == Level(level).key else {
      throw cannotHold("the level \(levelText(level)), its names are whole percents", remedy: "choose levels with --levels")
    }
    return (model.isEmpty ? "" : model + "_") + "p\(percent)"
  }
}
