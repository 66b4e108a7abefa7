import Calibration
import FilterKit
import Groundwork
import OnlineKit
import Quantiles
import Tables

/// What is kept of a row that was answered.
struct CalibratedAnswer {
  /// The quantiles as they came, and as they were answered, of all groups. Without `--state` nobody asks for them again, and there are none.
  let given: [Double]
  let answered: [Double]
  /// What the method tells of the answer.
  let answer: [Double]
  /// One an interval, once the target is there.
  var scores: [EndScores]
}

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
  private(set) var book: AnswerBook<CalibratedAnswer>
  let states: any OnlineStates
  private(set) var labelledRows = 0
  private(set) var changes: [Change]

  private let plan: Plan
  private let mover: IntervalMover
  private let reader = NumberReader()

  init(_ plan: Plan, _ book: AnswerBook<CalibratedAnswer>, _ states: any OnlineStates) {
    self.plan = plan
    self.book = book
    self.states = states
    changes = plan.reports ? plan.intervals.map { _ in Change() } : []
    mover = IntervalMover(plan.answers, plan.intervals)
    row = CalibratedRow(plan.answers)
  }

  override func handle(_ next: Row, into output: ByteBuffer) throws {
    let target = try next.finiteNumber(plan.target, reader, plan.answers.header)
    var arrival = try book.arrive(next, isLabelled: !target.isNaN)
    try row.read(next)
    let mark = output.count
    if let before = try book.earlier(&arrival, next) {
      try answerAgain(next, arrival, before, target, into: output)
    } else {
      try answer(next, &arrival, target, into: output)
    }
    guard !target.isNaN else { return }
    labelledRows += 1
    if plan.newOnly { output.truncate(to: mark) }
  }

  /// Answers a row that comes for the first time.
  private func answer(
    _ next: Row, _ arrival: inout AnswerBook<CalibratedAnswer>.Arrival, _ target: Double, into output: ByteBuffer
  ) throws {
    teach(try book.begin(&arrival, next))
    let state = book.series.state(of: arrival.series)
    mover.move(row.quantiles, by: states, series: state)
    let isTaught = !target.isNaN && !arrival.isPast
    if plan.reports, isTaught { report(target, given: row.quantiles.all, answered: row.quantiles.answered) }
    let content = book.keeps(arrival, isLabelled: isTaught) ? content(arrival, state, target) : nil
    row.write(next, into: output)
    teach(book.settle(arrival, content, target: target))
  }

  /// What is kept of the row that was read last, with its quantiles as they were moved and not yet rounded.
  private func content(_ arrival: AnswerBook<CalibratedAnswer>.Arrival, _ state: Int?, _ target: Double) -> CalibratedAnswer {
    let answer = [Double](unsafeUninitializedCapacity: states.answerSize) { buffer, count in
      states.answer(series: state, into: UnsafeMutableBufferPointer(rebasing: buffer[..<states.answerSize]))
      count = states.answerSize
    }
    let isNamed = arrival.name != nil
    return CalibratedAnswer(
      given: isNamed ? Array(row.quantiles.all) : [], answered: isNamed ? Array(row.quantiles.answered) : [], answer: answer,
      scores: target.isNaN ? [] : scores(target, given: row.quantiles.all))
  }

  /// Writes a row that came before with its first answer; its target, where it comes now, teaches by what was answered then.
  private func answerAgain(
    _ next: Row, _ arrival: AnswerBook<CalibratedAnswer>.Arrival, _ before: AnsweredRow<CalibratedAnswer>, _ target: Double,
    into output: ByteBuffer
  ) throws {
    let (given, answered) = (before.content.given, before.content.answered)
    let isSame = zip(given, row.quantiles.all).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
    let (steps, isTruth) = try book.settleAgain(arrival, before, target: target, isSame: isSame) { content in
      content.scores = given.withUnsafeBufferPointer { scores(target, given: $0) }
    }
    row.quantiles.restore(answered)
    row.write(next, into: output)
    if isTruth, plan.reports {
      given.withUnsafeBufferPointer { given in answered.withUnsafeBufferPointer { report(target, given: given, answered: $0) } }
    }
    teach(steps)
  }

  // MARK: Learning

  private func teach(_ steps: [[AnsweredRow<CalibratedAnswer>]]) {
    for step in steps {
      let current = step[0].series
      if book.learn(current) { states.addSeries() }
      let size = states.answerSize
      step.flatMap(\.content.answer).withUnsafeBufferPointer { answers in
        let rows = step.enumerated().map { ($1.content.scores, UnsafeBufferPointer(rebasing: answers[$0 * size..<($0 + 1) * size])) }
        states.learn(rows, series: book.series.state(of: current)!)
      }
    }
  }

  /// Teaches all that waits, to tell what comes next: once the state is saved.
  func teachAll() { teach(book.takeAll()) }

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
