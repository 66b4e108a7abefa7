import FilterKit
import Groundwork
import Quantiles
import Tables

/// What a fan shows of a quantile group: bands, the widest first, the median, and of a group without any central interval levels as lines.
struct FanContent {
  struct Band {
    let percent: Double
    let low: Int
    let high: Int

    var name: String { "\(shortestText(percent)) % interval" }
  }

  let group: QuantileGroup
  let bands: [Band]
  let median: Int?
  let lines: [Int]

  /// The levels that are drawn, increasing.
  var shown: [Int] { (bands.flatMap { [$0.low, $0.high] } + [median].compactMap { $0 } + lines).sorted() }

  static func percents(_ text: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let percent = Double(part), percent > 0, percent < 100 else {
        throw Failure(.usage, "--intervals \(text): \"\(part)\" is not a percentage between 0 and 100", remedy: "write 50,80,95")
      }
      return percent
    }
  }

  /// `wanted` are percentages; nil is those of 50, 80 and 95 that the levels hold, or three others.
  init(_ group: QuantileGroup, _ wanted: [Double]?, _ session: FilterSession) throws {
    self.group = group
    let levels = group.levels.map { Level($0) }
    let pairs = levels.indices.compactMap { low -> Band? in
      guard levels[low] < .median, let high = levels.firstIndex(of: levels[low].complement) else { return nil }
      return Band(percent: Double(levels[high].key - levels[low].key) / Double(Level.one / 100), low: low, high: high)
    }
    func pair(_ percent: Double) -> Band? { pairs.first { abs($0.percent - percent) < 1e-6 } }
    if let wanted {
      bands = try wanted.sorted(by: >).map { percent in
        guard let found = pair(percent) else {
          let known = pairs.isEmpty ? "they hold none" : "they hold those of \(pairs.map { shortestText($0.percent) }.joined(separator: ", "))"
          throw session.failure("the levels of \(group.title) hold no \(shortestText(percent)) % interval", remedy: known)
        }
        return found
      }
    } else {
      let usual = [95.0, 80, 50].compactMap(pair)
      bands = usual.count >= 2 ? usual : pairs.count <= 3 ? pairs : [pairs[0], pairs[pairs.count / 3], pairs[2 * pairs.count / 3]]
    }
    median = levels.firstIndex(of: .median)
    let stride = max(1, (levels.count + 4) / 5)
    lines = bands.isEmpty ? levels.indices.filter { [median] in $0 % stride == 0 && $0 != median } : []
  }

  /// Where a row stands among rows that have no order: its median, else the mean of what is drawn of it; NaN where that is missing.
  func centre(_ values: [Double]) -> Double {
    if let median { return values[median] }
    let finite = shown.map { values[$0] }.filter(\.isFinite)
    return finite.isEmpty ? .nan : finite.reduce(0) { $0 + $1 / Double(finite.count) }
  }
}
