import Groundwork
import Quantiles
import Tables

/// Darts: `COMPONENT_q0.05`, levels written with two decimals, by later versions with three. Its names are also ours, so it is read only
/// when asked for.
struct DartsShape: ColumnShape {
  let name = "darts"
  let summary = "COMPONENT_q0.05 or COMPONENT_q0.050"
  let isRecognised = false
  let shortenings = [Shortening.formatted, .halvesToEven, .halvesUp]

  func read(_ column: String) -> (model: String, level: LevelText)? {
    guard let (model, text) = DartsShape.split(column, letter: "q"), text.contains("."), let level = LevelText(text) else { return nil }
    return (model, level)
  }

  /// What is 0 or 1 with decimals may be the rounding of a level.
  func fault(_ level: LevelText, _ column: String, input: String) -> Failure? {
    level.isLevel || (level.level.key <= Level.one && level.decimals > 1) ? nil : DartsShape.outside(column, input)
  }

  /// Two decimals; three where two would not tell the level.
  func columnName(_ model: String, _ level: Double) throws -> String {
    let thousandths = Level(level).key / (Level.one / 1000)
    guard thousandths * (Level.one / 1000) == Level(level).key else {
      throw cannotHold("the level \(levelText(level)), its names have three decimals", remedy: "choose levels with --levels")
    }
    let digits = String("\(1000 + thousandths)".dropFirst())
    let isPlain =
      digits.hasSuffix("0") && ShortenedLevels(names: [LevelText("0." + digits.dropLast())!], ways: shortenings).doubts.allSatisfy(\.isSlight)
    return (model.isEmpty ? "" : model + "_") + "q0." + (isPlain ? digits.dropLast() : digits[...])
  }
}
