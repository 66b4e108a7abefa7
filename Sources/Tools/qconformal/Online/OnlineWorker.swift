import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// Answers each row with what was learnt before it, and learns from it. There is one, since what it learns depends on the order of rows.
///
/// With `--order` a row teaches once its time is over, together with the others of that time, so the answers to rows of one time depend on neither
/// their order nor the run that they come in. With `--state` answered rows are kept until their targets come.
final class OnlineWorker: RowWorker, CalibratingWorker {
  struct Plan {
    let answers: AnswerPlan
    let target: Int
    let intervals: [OnlineInterval]
    /// Labelled rows teach and are not written.
    let newOnly: Bool
    let reports: Bool
    /// What tells answered rows apart, and when their truth is known; nil where nobody asks.
    let identity: RowIdentity?
    /// Whether rows are kept until their targets come.
    let keepsAnswers: Bool
  }

  /// Coverage and width of an interval on the rows that taught.
  struct Change {
    var before = CalibrationReport.Tally()
    var after = CalibrationReport.Tally()
    var rows = 0
  }

  let row: CalibratedRow
  private(set) var series: OnlineSeries
  private(set) var kept: AnsweredRows
  let states: any OnlineStates
  private(set) var labelledRows = 0
  private(set) var learntRows: Int
  /// Labelled rows that came before with their targets.
  private(set) var repeatedRows = 0
  /// Labelled rows before the last time of earlier runs that nobody waits for: they taught, or were never answered.
  private(set) var pastRows = 0
  /// Whether the state is another than the one that was read.
  private(set) var hasChanged = false
  private(set) var changes: [Change]

  private let plan: Plan
  private var identity: RowIdentity?
  private let mover: IntervalMover
  private let reader = NumberReader()

  init(_ plan: Plan, _ series: OnlineSeries, _ kept: AnsweredRows, _ states: any OnlineStates, learntRows: Int) {
    self.plan = plan
    self.series = series
    self.kept = kept
    self.states = states
    self.learntRows = learntRows
    identity = plan.identity
    changes = plan.reports ? plan.intervals.map { _ in Change() } : []
    mover = IntervalMover(plan.answers, plan.intervals)
    row = CalibratedRow(plan.answers)
  }

  override func handle(_ next: Row, into output: ByteBuffer) throws {
    let target = try next.finiteNumber(plan.target, reader, plan.answers.header)
    let current = try series.find(next, isKept: !target.isNaN || plan.keepsAnswers)
    let time = try series.time(next)
    let known = try identity?.known(next, time)
    try row.read(next)
    let mark = output.count
    let name = plan.keepsAnswers ? try identity?.name(next, time) : nil
    if let name, let before = kept.find(name) {
      try answerAgain(next, before, name, target, into: output)
    } else {
      try answer(next, current, time, known: known, name, target, into: output)
    }
    guard !target.isNaN else { return }
    labelledRows += 1
    if plan.newOnly { output.truncate(to: mark) }
  }

  // MARK: Rows that come for the first time

  private func answer(
    _ next: Row, _ current: Int, _ time: Moment?, known: Moment?, _ name: FieldText?, _ target: Double, into output: ByteBuffer
  ) throws {
    var isPast = false
    if let time {
      switch try series.place(time, of: current, next, toleratesPast: kept.dropped > 0) {
      case .past: isPast = true
      case .atEnd(let isNew): if isNew { teach(kept.takeDue(of: current, before: time), current) }
      }
      hasChanged = hasChanged || plan.keepsAnswers
      series.see(time, of: current)
    }
    let state = series.state(of: current)
    mover.move(row.quantiles, by: states, series: state)
    let isTaught = !target.isNaN && !isPast
    if plan.reports, isTaught { report(target, given: row.quantiles.all, answered: row.quantiles.answered) }
    let kept = isPast || (target.isNaN && name == nil) ? nil : keptRow(current, known, name, state)
    row.write(next, into: output)
    // Of rows whose time is past nobody knows whether they taught.
    if isPast { return pastRows += target.isNaN ? 0 : 1 }
    guard var kept else { return }
    if isTaught {
      learntRows += 1
      hasChanged = true
      (kept.target, kept.learntAt, kept.scores) = (target, time, scores(target, given: row.quantiles.all))
      if time == nil { return teach([[kept]], current) }
    }
    self.kept.keep(kept, as: name)
  }

  /// The row that was read last, with its quantiles as they were moved and not yet rounded.
  private func keptRow(_ series: Int, _ known: Moment?, _ name: FieldText?, _ state: Int?) -> AnsweredRow {
    let answer = [Double](unsafeUninitializedCapacity: states.answerSize) { buffer, count in
      states.answer(series: state, into: UnsafeMutableBufferPointer(rebasing: buffer[..<states.answerSize]))
      count = states.answerSize
    }
    let given = name == nil ? [] : Array(row.quantiles.all)
    return AnsweredRow(series: series, given: given, answered: name == nil ? [] : Array(row.quantiles.answered), answer: answer, known: known)
  }

  // MARK: Rows that come again

  /// Writes a row with its first answer; its target, where it comes now, teaches by what was answered then.
  private func answerAgain(_ next: Row, _ before: AnsweredRow, _ name: FieldText, _ target: Double, into output: ByteBuffer) throws {
    let isTruth = before.isOpen && !target.isNaN
    // A run that is made again brings the rows of the one before, with the same predictions.
    let isSame = zip(before.given, row.quantiles.all).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
    if !isTruth, before.isOfThisRun || !isSame {
      throw Failure(
        .badData, "another row with \(identity!.title(name)) \(before.isOpen ? "waits for its target" : "came with its target before")",
        remedy: "name with --id the columns that tell rows apart")
    }
    row.quantiles.restore(before.answered)
    row.write(next, into: output)
    if !isTruth {
      if !target.isNaN { repeatedRows += 1 }
      return
    }
    if plan.reports {
      before.given.withUnsafeBufferPointer { given in
        before.answered.withUnsafeBufferPointer { report(target, given: given, answered: $0) }
      }
    }
    learntRows += 1
    hasChanged = true
    let scores = before.given.withUnsafeBufferPointer { self.scores(target, given: $0) }
    _ = kept.close(name, target: target, scores: scores, at: series.current(before.series))
    if series.order == nil { teach(kept.takeDue(of: before.series, before: nil), before.series) }
  }

  // MARK: Learning

  private func teach(_ steps: [[AnsweredRow]], _ current: Int) {
    for step in steps {
      if series.learn(current) { states.addSeries() }
      let size = states.answerSize
      step.flatMap(\.answer).withUnsafeBufferPointer { answers in
        let rows = step.enumerated().map { ($1.scores, UnsafeBufferPointer(rebasing: answers[$0 * size..<($0 + 1) * size])) }
        states.learn(rows, series: series.state(of: current)!)
      }
    }
  }

  /// Teaches all that waits, to tell what comes next: once the state is saved.
  func teachAll() {
    for current in kept.waitingSeries { teach(kept.takeDue(of: current, before: nil), current) }
  }

  private func scores(_ target: Double, given: UnsafeBufferPointer<Double>) -> [EndScores] {
    plan.intervals.map { $0.scores(target, given: given) }
  }

  private func report(_ target: Double, given: UnsafeBufferPointer<Double>, answered: UnsafeBufferPointer<Double>) {
    for (k, interval) in plan.intervals.enumerated() {
      let (lower, upper) = (interval.lowerPlace, interval.upperPlace)
      guard !given[lower].isNaN, !given[upper].isNaN else { continue }
      changes[k].rows += 1
      changes[k].before.add(given[lower], given[upper], target, weight: 1)
      changes[k].after.add(answered[lower], answered[upper], target, weight: 1)
    }
  }
}
