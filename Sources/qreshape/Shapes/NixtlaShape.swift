import Quantiles
import Tables

/// Nixtla's libraries: the ends of central intervals, `MODEL-lo-90` and `MODEL-hi-90`, the median `MODEL-median`; `MODEL-q-10` is read
/// too. A column `MODEL` alone is a point forecast and passes through.
struct NixtlaShape: ColumnShape {
  let name = "nixtla"
  let summary = "MODEL-lo-90, MODEL-median, MODEL-hi-90 beside unique_id, ds, y"

  func parse(_ column: String, input: String) -> (model: String, level: Double)? {
    let parts = column.split(separator: "-", omittingEmptySubsequences: false)
    func model(_ suffixes: Int) -> String? {
      let model = parts.dropLast(suffixes).joined(separator: "-")
      return model.isEmpty ? nil : model
    }
    if parts.last == "median" { return model(1).map { ($0, 0.5) } }
    guard parts.count >= 3, let percent = plainDecimal(parts[parts.count - 1]), percent < 100, let model = model(2) else { return nil }
    let level: Double
    switch parts[parts.count - 2] {
    case "lo": level = (100 - percent) / 200
    case "hi": level = (100 + percent) / 200
    case "q": level = percent / 100
    default: return nil
    }
    return (1..<1_000_000_000).contains(Levels.key(level)) ? (model, Levels.rounded(level)) : nil
  }

  func columnName(_ model: String, _ level: Double) throws -> String {
    if model.isEmpty { throw cannotHold("the group without a name", remedy: "name it with --as") }
    if level == 0.5 { return model + "-median" }
    return model + (level < 0.5 ? "-lo-" : "-hi-") + levelText(abs(1 - 2 * level) * 100)
  }
}
