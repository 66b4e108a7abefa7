import Groundwork
import Quantiles

/// A central prediction interval, named by its nominal coverage in percent: the 90 % interval is between the quantiles at 0.05
/// and 0.95.
public struct Interval: Hashable, Sendable {
  /// Level of the lower end; that of the upper one is its complement.
  let lower: Level

  /// The intervals that are scored where none are asked for and the levels hold them: 50, 80, 90 and 95 %.
  public static let standard: [Interval] = [50, 80, 90, 95].map { Interval(percent: $0)! }

  /// Those of `standard` that the levels hold.
  public static func standard(heldBy levels: [Double]) -> [Interval] {
    standard.filter { $0.indices(in: levels) != nil }
  }

  /// The interval of `percent` coverage, strictly between 0 and 100; nil for any other number.
  public init?(percent: Double) {
    guard percent > 0, percent < 100 else { return nil }
    lower = Level(key: Int(((100 - percent) * 5e6).rounded()))
    guard lower.isProper, lower < .median else { return nil }
  }

  /// Reads what `--intervals` takes: `50,90,97.5`. Throws a usage `Failure` for anything else and for an interval given twice.
  public static func parse(_ text: String) throws -> [Interval] {
    var intervals: [Interval] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let percent = Double(part), let interval = Interval(percent: percent) else {
        throw Failure(.usage, "--intervals \(text): \"\(part)\" is not a percentage between 0 and 100", remedy: "write for example 50,90")
      }
      if intervals.contains(interval) { throw Failure(.usage, "--intervals \(text): \(interval.name) is given twice") }
      intervals.append(interval)
    }
    return intervals
  }

  /// The coverage in percent, written shortest: `90`, `97.5`.
  public var name: String {
    let coverage = Level.one - 2 * lower.key
    var decimals = String(String(coverage % 10_000_000 + 10_000_000).dropFirst())
    while decimals.last == "0" { decimals.removeLast() }
    return String(coverage / 10_000_000) + (decimals.isEmpty ? "" : "." + decimals)
  }

  /// Where the levels of both ends stand; nil where one is not there.
  public func indices(in levels: [Double]) -> (lower: Int, upper: Int)? {
    guard let below = levels.firstIndex(where: { Level($0) == lower }),
      let above = levels.firstIndex(where: { Level($0) == lower.complement })
    else { return nil }
    return (below, above)
  }
}
