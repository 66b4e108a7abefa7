import Tables

/// A row that was answered and has not taught: open, where its target is still to come, else waiting for its truth to be out.
///
/// `Content` is what a tool keeps of it: what it was answered with, and what it teaches.
package struct AnsweredRow<Content> {
  package let series: Int
  package var content: Content
  /// When the truth is out; nil where no column tells.
  package let known: Moment?
  /// The row's own time, and how many times its series had had by then; nil without `--order`.
  package let start: RowStart?
  /// NaN where it is still to come.
  package internal(set) var target = Double.nan
  /// The series' time when the target came.
  package internal(set) var learntAt: RowStart?
  /// Whether it was answered, or its target came, in this run.
  package internal(set) var isOfThisRun = true

  package var isOpen: Bool { target.isNaN }

  /// Whether it teaches before rows of a time are answered: its truth was out before, and the time at which its target came is over.
  func isDue(at next: RowStart, _ lag: TimeSpan?) -> Bool {
    guard learntAt!.time.isBefore(next.time) else { return false }
    if let known { return known.isOver(before: next.time) }
    guard let lag, let start else { return true }
    if let times = lag.times { return next.number > start.number + times }
    return lag.place(of: next.time, after: start.time) > 0
  }

  /// Its step: that of the time when its truth is out, or came.
  func due(_ lag: TimeSpan?) -> TeachingStep {
    let arrival = learntAt!
    if let known { return .at(known.isBefore(arrival.time) ? arrival.time : known) }
    guard let lag, let start else { return .at(arrival.time) }
    if let times = lag.times { return .after(Double(max(start.number + times, arrival.number))) }
    return .after(max(lag.end(after: start.time), arrival.time.value))
  }
}

/// When a row stands in its series: its time, and how many distinct times the series has had with it.
package struct RowStart {
  package let time: Moment
  package let number: Int
}

/// Rows of one step teach together, and steps one after the other.
enum TeachingStep {
  case at(Moment)
  /// Where a span tells: the number of the time, or of seconds, at which it ends.
  case after(Double)

  func isBefore(_ other: TeachingStep) -> Bool {
    switch (self, other) {
    case (.at(let a), .at(let b)): a.isBefore(b)
    case (.after(let a), .after(let b)): a < b
    // Rows of a run are all told by one of both.
    default: false
    }
  }
}
