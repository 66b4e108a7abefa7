import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// Answers each row with what was learnt before it, and learns from it. There is one, since what it learns depends on the order of rows.
final class OnlineWorker: RowWorker, CalibratingWorker {
  struct Plan {
    let answers: AnswerPlan
    let target: Int
    let intervals: [OnlineInterval]
    /// Labelled rows teach and are not written.
    let newOnly: Bool
    let reports: Bool
  }

  /// Coverage and width of an interval on the rows that taught.
  struct Change {
    var before = CalibrationReport.Tally()
    var after = CalibrationReport.Tally()
    var rows = 0
  }

  let row: CalibratedRow
  private(set) var series: OnlineSeries
  let states: any OnlineStates
  private(set) var labelledRows = 0
  private(set) var learntRows: Int
  /// Labelled rows that an earlier run learnt from.
  private(set) var repeatedRows = 0
  private(set) var changes: [Change]

  private let plan: Plan
  private let mover: IntervalMover
  private let reader = NumberReader()

  init(_ plan: Plan, _ series: OnlineSeries, _ states: any OnlineStates, learntRows: Int) {
    self.plan = plan
    self.series = series
    self.states = states
    self.learntRows = learntRows
    changes = plan.reports ? plan.intervals.map { _ in Change() } : []
    mover = IntervalMover(plan.answers, plan.intervals)
    row = CalibratedRow(plan.answers)
  }

  override func handle(_ next: Row, into output: ByteBuffer) throws {
    let target = try next.finiteNumber(plan.target, reader, plan.answers.header)
    let current = series.find(next)
    let time = try series.time(next, of: current)
    try row.read(next)
    mover.move(row.quantiles, by: states, series: series.state(of: current))
    // What a labelled row teaches is told by its answer as it was moved; writing rounds it.
    let isTaught = !target.isNaN && !(time.map { series.isLearnt($0, of: current) } ?? false)
    if plan.reports, isTaught { report(target) }
    let mark = output.count
    row.write(next, into: output)

    if let time { series.see(time, of: current) }
    guard !target.isNaN else { return }
    labelledRows += 1
    if plan.newOnly { output.truncate(to: mark) }
    // What answers such a row has learnt from it: it neither teaches again nor shows how well rows are answered.
    guard isTaught else {
      repeatedRows += 1
      return
    }
    learn(target, current, time)
  }

  private func learn(_ target: Double, _ current: Int, _ time: TimeValue?) {
    if series.learn(current, at: time) { states.addSeries() }
    let state = series.state(of: current)!
    for (k, interval) in plan.intervals.enumerated() {
      let given = row.quantiles.given(interval.group)
      let (lower, upper) = (given[interval.pair.lower], given[interval.pair.upper])
      states.learn(EndScores(below: distance(lower, target), above: distance(target, upper)), series: state, interval: k)
    }
    learntRows += 1
  }

  /// a − b within ±1e150, as the squares of scores, and their sums, are to be numbers; infinite or missing only where a quantile is.
  private func distance(_ a: Double, _ b: Double) -> Double {
    a.isFinite && b.isFinite ? max(-1e150, min(1e150, a - b)) : a - b
  }

  private func report(_ target: Double) {
    for (k, interval) in plan.intervals.enumerated() {
      let (before, after) = (row.quantiles.given(interval.group), row.quantiles.values(interval.group))
      let (lower, upper) = (interval.pair.lower, interval.pair.upper)
      guard !before[lower].isNaN, !before[upper].isNaN else { continue }
      changes[k].rows += 1
      changes[k].before.add(before[lower], before[upper], target, weight: 1)
      changes[k].after.add(after[lower], after[upper], target, weight: 1)
    }
  }
}
