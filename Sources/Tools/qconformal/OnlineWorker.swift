import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// Answers each row with what was learnt before it, and learns from it. There is one, since what it learns depends on the order of rows.
final class OnlineWorker: RowWorker {
  /// A central interval of one of the groups.
  struct Interval {
    let group: Int
    let pair: LevelPairs.Pair
    /// Miscoverage α.
    var alpha: Double { pair.level.miscoverage }
  }

  struct Plan {
    let answers: CalibratingWorker.Plan
    let target: Int
    let intervals: [Interval]
    /// Labelled rows teach and are not written.
    let newOnly: Bool
    let reports: Bool

    init(_ answers: CalibratingWorker.Plan, target: Int, newOnly: Bool, reports: Bool) {
      self.answers = answers
      self.target = target
      self.newOnly = newOnly
      self.reports = reports
      intervals = answers.groups.enumerated().flatMap { g, group in LevelPairs(group.levels).pairs.map { Interval(group: g, pair: $0) } }
    }
  }

  /// Coverage and width of an interval on the rows that taught.
  struct Change {
    var before = CalibrationReport.Tally()
    var after = CalibrationReport.Tally()
    var rows = 0
  }

  let answering: CalibratingWorker
  private(set) var series: OnlineSeries
  let states: any OnlineStates
  private(set) var labelledRows = 0
  private(set) var learntRows: Int
  /// Labelled rows that an earlier run learnt from.
  private(set) var repeatedRows = 0
  private(set) var unboundedRows = 0
  private(set) var changes: [Change]

  private let plan: Plan
  private let move: Movement
  private let reader = NumberReader()

  init(_ plan: Plan, _ series: OnlineSeries, _ states: any OnlineStates, learntRows: Int) {
    self.plan = plan
    self.series = series
    self.states = states
    self.learntRows = learntRows
    changes = plan.reports ? plan.intervals.map { _ in Change() } : []
    let move = Movement(plan, states)
    self.move = move
    answering = CalibratingWorker(plan.answers, .online { move.apply($0, $1) })
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try row.finiteNumber(plan.target, reader, plan.answers.header)
    let current = series.find(row)
    let time = try series.time(row, of: current)
    move.series = series.state(of: current)
    move.isUnbounded = false
    let mark = output.count
    try answering.handle(row, into: output)

    if let time { series.see(time, of: current) }
    if move.isUnbounded { unboundedRows += 1 }
    guard !target.isNaN else { return }
    labelledRows += 1
    if plan.newOnly { output.truncate(to: mark) }
    // What answers such a row has learnt from it: it neither teaches again nor shows how well rows are answered.
    if let time, series.isLearnt(time, of: current) {
      repeatedRows += 1
      return
    }
    if plan.reports { report(target) }
    if series.learn(current, at: time) { states.addSeries() }
    let state = series.state(of: current)!
    for k in plan.intervals.indices {
      let (lower, upper) = move.before(k)
      states.learn(EndScores(below: distance(lower, target), above: distance(target, upper)), series: state, interval: k)
    }
    learntRows += 1
  }

  /// a − b within ±1e150, as the squares of scores, and their sums, are to be numbers; infinite or missing only where a quantile is.
  private func distance(_ a: Double, _ b: Double) -> Double {
    a.isFinite && b.isFinite ? max(-1e150, min(1e150, a - b)) : a - b
  }

  private func report(_ target: Double) {
    for k in plan.intervals.indices {
      let (before, after) = (move.before(k), move.after(k))
      guard !before.lower.isNaN, !before.upper.isNaN else { continue }
      changes[k].rows += 1
      changes[k].before.add(before.lower, before.upper, target, weight: 1)
      changes[k].after.add(after.lower, after.upper, target, weight: 1)
    }
  }
}

/// Moves the quantiles of a row by the thresholds of its series, and keeps them as they were and as they became.
private final class Movement {
  /// The series' state, nil where nothing is learnt.
  var series: Int?
  /// Whether an end that was finite became infinite.
  var isUnbounded = false

  private let states: any OnlineStates
  private let bounds: AnswerBounds
  private let orders: [OutwardOrder]
  private let offsets: [Int]
  private let intervals: [OnlineWorker.Interval]
  private let intervalsOfGroup: [Range<Int>]
  private var old: [Double]
  private var new: [Double]

  init(_ plan: OnlineWorker.Plan, _ states: any OnlineStates) {
    self.states = states
    bounds = plan.answers.bounds
    intervals = plan.intervals
    let groups = plan.answers.groups
    orders = groups.map { OutwardOrder(levels: $0.levels) }
    offsets = groups.indices.map { g in groups[..<g].reduce(0) { $0 + $1.levels.count } }
    intervalsOfGroup = groups.indices.map { g in
      let first = plan.intervals.firstIndex { $0.group >= g } ?? plan.intervals.count
      return first..<(plan.intervals.firstIndex { $0.group > g } ?? plan.intervals.count)
    }
    old = [Double](repeating: .nan, count: groups.reduce(0) { $0 + $1.levels.count })
    new = old
  }

  func apply(_ group: Int, _ values: UnsafeMutableBufferPointer<Double>) {
    let offset = offsets[group]
    for j in values.indices { old[offset + j] = values[j] }
    for k in intervalsOfGroup[group] {
      let pair = intervals[k].pair
      let (lower, upper) = (values[pair.lower], values[pair.upper])
      if lower.isNaN || upper.isNaN { continue }
      let thresholds = states.thresholds(series: series, interval: k)
      values[pair.lower] = Movement.moved(lower, by: thresholds.lower, towards: -1)
      values[pair.upper] = Movement.moved(upper, by: thresholds.upper, towards: 1)
    }
    orders[group].apply(to: values)
    bounds.clip(values)
    for j in values.indices {
      new[offset + j] = values[j]
      if values[j].isInfinite, old[offset + j].isFinite { isUnbounded = true }
    }
  }

  private static func moved(_ end: Double, by threshold: Double, towards side: Double) -> Double {
    if threshold == .infinity { return side * .infinity }
    return threshold == -.infinity ? end : end + side * threshold
  }

  func before(_ k: Int) -> (lower: Double, upper: Double) { ends(k, old) }
  func after(_ k: Int) -> (lower: Double, upper: Double) { ends(k, new) }

  @inline(__always)
  private func ends(_ k: Int, _ values: [Double]) -> (lower: Double, upper: Double) {
    let offset = offsets[intervals[k].group]
    return (values[offset + intervals[k].pair.lower], values[offset + intervals[k].pair.upper])
  }
}
