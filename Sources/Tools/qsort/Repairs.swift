import Quantiles

/// What was repaired in one quantile group. Sums are exact, so they do not depend on who added what.
struct Repairs {
  private(set) var rows = 0
  private(set) var levels = 0
  /// Of those, how many moved by a finite distance.
  private(set) var measured = 0
  private var total = ExactSum()
  private(set) var largest = 0.0

  /// Counts a repaired row. Both hold one quantile a level.
  mutating func add(from before: UnsafeBufferPointer<Double>, to after: UnsafeBufferPointer<Double>) {
    rows += 1
    for k in before.indices where after[k] != before[k] && !before[k].isNaN {
      levels += 1
      let repair = abs(after[k] - before[k])
      guard repair.isFinite else { continue }
      measured += 1
      total.add(repair)
      largest = max(largest, repair)
    }
  }

  mutating func add(_ other: Repairs) {
    rows += other.rows
    levels += other.levels
    measured += other.measured
    total.add(other.total)
    largest = max(largest, other.largest)
  }

  /// The mean distance of the levels that moved.
  var mean: Double { total.rounded / Double(measured) }
}
