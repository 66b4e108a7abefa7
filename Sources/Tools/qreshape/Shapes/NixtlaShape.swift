import Tables

/// Nixtla's libraries: the ends of central intervals, `MODEL-lo-90` and `MODEL-hi-90`, and the median `MODEL-median`. Read are also
/// TimeGPT's `MODEL-q-10`, percents without their decimals, and neuralforecast's `MODEL_ql0.1` and `MODEL-ql0.1`. A column `MODEL` alone
/// is a point forecast and passes through.
struct NixtlaShape: ColumnShape {
  let name = "nixtla"
  let summary = "MODEL-lo-90, MODEL-median, MODEL-hi-90 beside unique_id, ds, y"
  let shortenings = [Shortening.truncated, .formatted, .halvesToEven, .halvesUp]
  let target: String? = "y"

  func parse(_ column: String, input: String) -> (model: String, level: LevelText)? {
    if let (model, level) = NixtlaShape.quantileLoss(column) { return (model, level) }
    let parts = column.split(separator: "-", omittingEmptySubsequences: false)
    func model(_ suffixes: Int) -> String? {
      let model = parts.dropLast(suffixes).joined(separator: "-")
      return model.isEmpty ? nil : model
    }
    if parts.last == "median" { return model(1).map { ($0, LevelText(exactly: 0.5)) } }
    guard parts.count >= 3, let percent = LevelText(parts[parts.count - 1], isPercent: true), percent.value < 1, let model = model(2) else {
      return nil
    }
    let level: LevelText
    switch parts[parts.count - 2] {
    case "lo": level = LevelText(exactly: (1 - percent.value) / 2)
    case "hi": level = LevelText(exactly: (1 + percent.value) / 2)
    case "q": return (model, percent)
    default: return nil
    }
    return level.isLevel ? (model, level) : nil
  }

  /// `MODEL_ql0.1` and `MODEL-ql0.1`, a network's output for the quantile loss of a level.
  private static func quantileLoss(_ column: String) -> (String, LevelText)? {
    guard let at = column.lastIndex(of: "l") else { return nil }
    let head = column[..<at]
    guard head.hasSuffix("_q") || head.hasSuffix("-q"), head.count > 2, let level = LevelText(column[column.index(after: at)...]), level.isLevel
    else { return nil }
    return (String(head.dropLast(2)), LevelText(exactly: level.value))
  }

  /// A median's name is also that of many other columns.
  func isTold(by columns: [String]) -> Bool { columns.contains { !$0.hasSuffix("-median") } }

  func columnName(_ model: String, _ level: Double) throws -> String {
    if model.isEmpty { throw cannotHold("the group without a name", remedy: "name it with --as") }
    if level == 0.5 { return model + "-median" }
    return model + (level < 0.5 ? "-lo-" : "-hi-") + levelText(abs(1 - 2 * level) * 100)
  }
}
