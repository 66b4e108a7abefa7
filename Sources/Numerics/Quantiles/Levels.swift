import Groundwork

/// Quantile levels τ ∈ (0, 1). Two levels are the same when they agree after rounding to nine decimals.
public enum Levels {
  /// The 23 levels of the forecast hubs: .01 .025 .05 .1 … .9 .95 .975 .99.
  public static let hub: [Double] = [0.01, 0.025] + (1...19).map { rounded(Double($0) / 20) } + [0.975, 0.99]

  /// The double nearest to the level's nine decimals.
  public static func rounded(_ level: Double) -> Double { Level(level).value }

  /// Whether these can be the levels of a fit: at least one, in (0, 1), increasing, none twice.
  public static func areProper(_ levels: [Double]) -> Bool {
    guard !levels.isEmpty, levels.allSatisfy({ $0 > 0 && $0 < 1 }) else { return false }
    let levels = levels.map { Level($0) }
    return levels[0].isProper && levels[levels.count - 1].isProper && zip(levels, levels.dropFirst()).allSatisfy { $0 < $1 }
  }

  /// A question for the levels that a list or a range of percents means; nil where it can mean none.
  private static func meant(byPercents text: String) -> String? {
    let isRange = text.contains(":")
    let parts = text.split(separator: isRange ? ":" : ",", omittingEmptySubsequences: false)
    let percents = parts.compactMap { part -> Double? in
      let number = part.hasSuffix("%") ? part.dropLast() : part
      return Double(number.drop { $0 == " " }).flatMap { $0 > 0 && $0 < 100 ? $0 : nil }
    }
    guard percents.count == parts.count, percents.max()! > 1 else { return nil }
    return "is \(percents.map { "\(rounded($0 / 100))" }.joined(separator: isRange ? ":" : ",")) meant?"
  }

  /// Reads what `--levels` takes: a count `99` (k/100), a list `0.1,0.5,0.9`, or a range `0.05:0.95:0.05`.
  /// Returns them increasing. Throws a usage `Failure` for text that is none of these, a level outside (0, 1), or one
  /// given twice.
  public static func parse(_ text: String) throws -> [Double] {
    func number(_ part: Substring) throws -> Double {
      guard let value = Double(part), value.isFinite else {
        throw Failure(
          .usage, "--levels \(text): \"\(part)\" is not a number",
          remedy: meant(byPercents: text) ?? "give a count (99), a list (0.1,0.5,0.9) or a range (0.05:0.95:0.05)")
      }
      return value
    }
    var levels: [Double]
    if let count = Int(text), count >= 1 {
      guard count <= 999_999 else { throw Failure(.usage, "--levels \(text): too many levels") }
      levels = (1...count).map { Double($0) / Double(count + 1) }
    } else if text.contains(":") {
      let parts = try text.split(separator: ":", omittingEmptySubsequences: false).map(number)
      guard parts.count == 3, parts[2] > 0, parts[0] <= parts[1] else {
        throw Failure(.usage, "--levels \(text): not a range", remedy: "write FIRST:LAST:STEP, for example 0.05:0.95:0.05")
      }
      let count = ((parts[1] - parts[0]) / parts[2] + 1e-9).rounded(.down)
      guard count < 1_000_000 else { throw Failure(.usage, "--levels \(text): too many levels") }
      levels = (0...Int(count)).map { parts[0] + Double($0) * parts[2] }
    } else {
      levels = try text.split(separator: ",", omittingEmptySubsequences: false).map(number)
    }
    levels = levels.map { $0 > 0 && $0 < 1 ? rounded($0) : $0 }.sorted()
    if let outside = levels.first(where: { $0 <= 0 || $0 >= 1 }) {
      throw Failure(.usage, "--levels \(text): \(outside) is not strictly between 0 and 1", remedy: meant(byPercents: text))
    }
    for (a, b) in zip(levels, levels.dropFirst()) where Level(a) == Level(b) {
      throw Failure(.usage, "--levels \(text): level \(a) is given twice")
    }
    return levels
  }
}
