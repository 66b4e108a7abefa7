import Quantiles

/// Puts the levels of a row in order by widening outwards from the median: below ½ the running minimum, above ½ the running
/// maximum.
///
/// Quantiles below ½ only fall and those above ½ only rise, so every central interval only grows, and whatever coverage it had
/// it keeps. The median stays. Where there is no median and the innermost levels cross, both go to their middle.
public struct OutwardOrder: Sendable {
  private let median: Int?
  /// Levels below ½ are 0 ..< below, those above are above ..< m.
  private let below: Int
  private let above: Int

  /// Where all levels move one way.
  public let side: Side?

  /// `levels` increasing, in (0, 1).
  public init(levels: [Double]) {
    side = nil
    median = LevelPairs(levels).median
    below = levels.firstIndex { Level($0) >= .median } ?? levels.count
    above = below + (median == nil ? 0 : 1)
  }

  /// Which way levels may move where all of them bound from one side.
  public enum Side: Sendable { case below, above }

  /// For levels that all bound the target from below, which may only fall, or from above, which may only rise.
  public init(levels: [Double], boundingFrom side: Side) {
    self.side = side
    median = nil
    below = side == .below ? levels.count : 0
    above = below
  }

  /// Orders the row in place; NaN is skipped and stays, ±∞ is allowed. O(m).
  public func apply(to row: UnsafeMutableBufferPointer<Double>) {
    var (lower, upper) = start(row)
    for j in stride(from: below - 1, through: 0, by: -1) where !row[j].isNaN {
      lower = min(lower, row[j])
      row[j] = lower
    }
    for j in above..<max(above, row.count) where !row[j].isNaN {
      upper = max(upper, row[j])
      row[j] = upper
    }
  }

  /// What bounds the levels below from above, and those above from below.
  private func start(_ row: UnsafeMutableBufferPointer<Double>) -> (lower: Double, upper: Double) {
    if let median, !row[median].isNaN { return (row[median], row[median]) }
    var j = below - 1
    while j >= 0, row[j].isNaN { j -= 1 }
    var k = above
    while k < row.count, row[k].isNaN { k += 1 }
    guard j >= 0, k < row.count, row[j] > row[k] else { return (.infinity, -.infinity) }
    let middle = row[j] / 2 + row[k] / 2
    // Opposite infinities have no middle: the widest answer.
    return middle.isNaN ? (-.infinity, .infinity) : (middle, middle)
  }
}
