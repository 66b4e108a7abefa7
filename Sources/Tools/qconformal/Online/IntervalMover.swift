import Calibration
import FilterKit
import Quantiles

/// A central interval of one of the groups.
struct OnlineInterval {
  let group: Int
  let pair: LevelPairs.Pair
  /// Places of its ends among the quantiles of all groups.
  let lowerPlace: Int
  let upperPlace: Int
  /// Miscoverage α.
  var alpha: Double { pair.level.miscoverage }

  /// How far a target lies outside each end of given quantiles.
  func scores(_ target: Double, given: UnsafeBufferPointer<Double>) -> EndScores {
    EndScores(below: OnlineInterval.distance(given[lowerPlace], target), above: OnlineInterval.distance(target, given[upperPlace]))
  }

  /// a − b within ±1e150, as the squares of scores, and their sums, are to be numbers; infinite or missing only where a quantile is.
  private static func distance(_ a: Double, _ b: Double) -> Double {
    a.isFinite && b.isFinite ? max(-1e150, min(1e150, a - b)) : a - b
  }

  /// The intervals of all groups, one group's after the other's.
  static func all(_ groups: [QuantileColumns]) -> [OnlineInterval] {
    groups.enumerated().flatMap { g, group in
      let first = groups[..<g].reduce(0) { $0 + $1.levels.count }
      return LevelPairs(group.levels).pairs.map { OnlineInterval(group: g, pair: $0, lowerPlace: first + $0.lower, upperPlace: first + $0.upper) }
    }
  }
}

/// Moves the ends of intervals by the thresholds of a row's series, keeps levels in order outwards from the median, and clips.
struct IntervalMover {
  private let bounds: AnswerBounds
  private let orders: [OutwardOrder]
  private let intervals: [OnlineInterval]
  private let intervalsOfGroup: [Range<Int>]

  init(_ plan: AnswerPlan, _ intervals: [OnlineInterval]) {
    bounds = plan.bounds
    self.intervals = intervals
    orders = plan.groups.map { OutwardOrder(levels: $0.levels) }
    intervalsOfGroup = plan.groups.indices.map { g in
      let first = intervals.firstIndex { $0.group >= g } ?? intervals.count
      return first..<(intervals.firstIndex { $0.group > g } ?? intervals.count)
    }
  }

  /// `series` is the number of the row's state, nil where nothing is learnt.
  func move(_ quantiles: QuantileCodec, by states: any OnlineStates, series: Int?) {
    for g in orders.indices {
      let values = quantiles.values(g)
      for k in intervalsOfGroup[g] {
        let pair = intervals[k].pair
        let (lower, upper) = (values[pair.lower], values[pair.upper])
        if lower.isNaN || upper.isNaN { continue }
        let thresholds = states.thresholds(series: series, interval: k)
        values[pair.lower] = IntervalMover.moved(lower, by: thresholds.lower, towards: -1)
        values[pair.upper] = IntervalMover.moved(upper, by: thresholds.upper, towards: 1)
      }
      orders[g].apply(to: values)
      bounds.clip(values)
    }
  }

  private static func moved(_ end: Double, by threshold: Double, towards side: Double) -> Double {
    if threshold == .infinity { return side * .infinity }
    return threshold == -.infinity ? end : end + side * threshold
  }
}
