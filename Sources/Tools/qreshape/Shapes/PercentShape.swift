import Groundwork
import Quantiles
import Tables

/// Percentiles: `p10`, `p50`, `MODEL_p90`; where a table has none, `q10` and `MODEL_q90`. A table of fractions, `p0.1` and `p0.9`, is read
/// too. Many other columns are called so, and it is read only when asked for.
struct PercentShape: ColumnShape {
  let name = "percent"
  let summary = "p10, p50 and MODEL_p90, whole percents"
  let isRecognised = false
  let shortenings = [Shortening.formatted, .halvesToEven, .halvesUp, .truncated]
  var letter: Character = "p"

  /// The names with p, and those with q, which count where there are none with p.
  static let both = [PercentShape(), PercentShape(letter: "q")]

  var likeness: QuantileLikeness { QuantileLikeness(markers: [String(letter)] + (letter == "p" ? ["perc", "percentile"] : ["quantile"])) }

  func read(_ column: String) -> (model: String, level: LevelText)? {
    guard let (model, text) = PercentShape.split(column, letter: letter), let level = LevelText(text, isPercent: true), level.level.key <= Level.one
    else {
      return nil
    }
    return (model, level)
  }

  /// Whether a percent is written like `025`, of which it cannot be told whether 0.025 is meant.
  private func isUnclear(_ column: String) -> Bool {
    let whole = PercentShape.split(column, letter: letter)?.text.prefix { $0 != "." } ?? ""
    return whole.isEmpty || (whole.count > 2 && whole.hasPrefix("0"))
  }

  func fault(_ level: LevelText, _ column: String, input: String) -> Failure? {
    if !isUnclear(column), level.isLevel || level.decimals == 2 { return nil }
    return Failure(
      .badData, "the level cannot be told", at: .init(input: input, line: 1, column: column), remedy: "percents are written p5, p50 or p97.5")
  }

  func quantiles(of names: [String], told: [Double]?, isAsked: @escaping (String) -> Bool, input: String) throws -> [NamedQuantile] {
    let found = names.enumerated().compactMap { column, name in
      read(name).map { LevelScale.Member(column: column, name: name, model: $0.model, text: PercentShape.split(name, letter: letter)!.text) }
    }
    for member in found where isAsked(member.model) && isUnclear(member.name) { throw fault(member.percent, member.name, input: input)! }
    return try LevelScale(ways: shortenings, told: told, isAsked: isAsked, input: input).read(found)
  }

  func columnName(_ model: String, _ level: Double) throws -> String {
    let percent = Level(level).key / (Level.one / 100)
    guard percent * (Level.one / 100) == Level(level).key else {
      throw cannotHold("the level \(levelText(level)), its names are whole percents", remedy: "choose levels with --levels")
    }
    return (model.isEmpty ? "" : model + "_") + "p\(percent)"
  }
}
