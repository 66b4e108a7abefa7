import FilterKit
import Groundwork
import Tables

/// The book of an online run: to which series rows belong, which were answered and wait for their targets, and which teach when.
///
/// With `--order` a row teaches once its truth is out, together with the others of that time, so the answers to rows of one time depend on neither
/// their order nor the run that they come in. With `--state` answered rows are kept until their targets come. For each row a tool calls `arrive`,
/// then `earlier`, and answers a new row between `begin` and `settle`.
package struct AnswerBook<Content> {
  package typealias Steps = [[AnsweredRow<Content>]]

  /// A row that came.
  package struct Arrival {
    package let series: Int
    package let time: Moment?
    let known: Moment?
    /// What tells it apart; nil where rows are not kept.
    package fileprivate(set) var name: FieldText?
    /// Before the last time of an earlier run.
    package fileprivate(set) var isPast = false
  }

  package private(set) var series: OnlineSeries
  package private(set) var kept: AnsweredRows<Content>
  /// What tells answered rows apart, and when their truth is out; nil where nobody asks.
  private var identity: RowIdentity?
  /// Whether rows are kept until their targets come.
  private let keepsAnswers: Bool

  /// Rows that taught or will, of all runs.
  package private(set) var learntRows: Int
  /// Labelled rows that came before with their targets.
  package private(set) var repeatedRows = 0
  /// Rows before the last time of earlier runs that nobody waits for: they taught, or were never answered.
  package private(set) var pastRows = 0
  /// Whether the state is another than the one that was read.
  package private(set) var hasChanged = false

  package init(_ series: OnlineSeries, _ kept: AnsweredRows<Content>, _ identity: RowIdentity?, keepsAnswers: Bool, learntRows: Int) {
    self.series = series
    self.kept = kept
    self.identity = identity
    self.keepsAnswers = keepsAnswers
    self.learntRows = learntRows
  }

  // MARK: A row comes

  /// Finds a row's series and time.
  package mutating func arrive(_ row: Row, isLabelled: Bool) throws -> Arrival {
    let current = try series.find(row, isKept: isLabelled || keepsAnswers)
    let time = try series.time(row)
    return Arrival(series: current, time: time, known: try identity?.known(row, time))
  }

  /// The row as it was answered before, if it was.
  package mutating func earlier(_ arrival: inout Arrival, _ row: Row) throws -> AnsweredRow<Content>? {
    guard keepsAnswers else { return nil }
    arrival.name = try identity?.name(row, arrival.time)
    return arrival.name.flatMap { kept.find($0) }
  }

  // MARK: Rows that come for the first time

  /// Moves the clock to a row that is to be answered, and returns the rows that teach before it is.
  package mutating func begin(_ arrival: inout Arrival, _ row: Row) throws -> Steps {
    guard let time = arrival.time else { return [] }
    var due: Steps = []
    switch try series.place(time, of: arrival.series, row, toleratesPast: kept.dropped > 0) {
    case .past: arrival.isPast = true
    case .atEnd(let isNew): if isNew { due = kept.takeDue(of: arrival.series, before: series.next(time, of: arrival.series)) }
    }
    hasChanged = hasChanged || keepsAnswers
    series.see(time, of: arrival.series)
    return due
  }

  /// Whether a row that was answered is kept, to teach or until its target comes.
  package func keeps(_ arrival: Arrival, isLabelled: Bool) -> Bool { !arrival.isPast && (isLabelled || arrival.name != nil) }

  /// Keeps a row that was answered, and returns what teaches now. `target` is NaN where it is still to come; `content` is nil where the row is not
  /// kept.
  package mutating func settle(_ arrival: Arrival, _ content: Content?, target: Double) -> Steps {
    // Of rows whose time is past nobody knows whether they taught.
    if arrival.isPast { pastRows += 1 }
    guard let content else { return [] }
    var row = AnsweredRow(
      series: arrival.series, content: content, known: arrival.known, start: arrival.time == nil ? nil : series.now(arrival.series))
    if !target.isNaN {
      learntRows += 1
      hasChanged = true
      row.target = target
      row.learntAt = row.start
      if arrival.time == nil { return [[row]] }
    }
    kept.keep(row, as: arrival.name)
    return []
  }

  // MARK: Rows that come again

  /// Takes a row that came before, with its target or again. `isSame` tells whether it has the predictions of then, and `change` makes of what
  /// was kept what it teaches. Returns what teaches now, and whether the target is news. Throws for another row of its name.
  package mutating func settleAgain(
    _ arrival: Arrival, _ before: AnsweredRow<Content>, target: Double, isSame: Bool, _ change: (inout Content) -> Void
  ) throws -> (teach: Steps, isTruth: Bool) {
    let name = arrival.name!
    let isTruth = before.isOpen && !target.isNaN
    // A run that is made again brings the rows of the one before, with the same predictions.
    if !isTruth, before.isOfThisRun || !isSame {
      throw Failure(
        .badData, "another row with \(identity!.title(name)) \(before.isOpen ? "waits for its target" : "came with its target before")",
        remedy: "name with --id the columns that tell rows apart")
    }
    if !isTruth {
      if !target.isNaN { repeatedRows += 1 }
      return ([], false)
    }
    learntRows += 1
    hasChanged = true
    _ = kept.close(name, target: target, at: series.now(before.series), change)
    return (series.order == nil ? kept.takeDue(of: before.series, before: nil) : [], true)
  }

  // MARK: Learning

  /// Says that a series learns. Returns whether it is for the first time: then the next state is its.
  package mutating func learn(_ current: Int) -> Bool { series.learn(current) }

  /// Takes all that waits, to tell what comes next: once the state is saved.
  package mutating func takeAll() -> Steps { kept.waitingSeries.flatMap { kept.takeDue(of: $0, before: nil) } }

  // MARK: Messages

  /// Tells which rows did not teach, and why.
  package func tell(order: String?, state: String?, _ diagnostics: Diagnostics) {
    if repeatedRows > 0 {
      diagnostics.warn("\(counted(repeatedRows, "labelled row")) came again with a target, and did not teach twice")
    }
    if pastRows > 0 {
      diagnostics.warn(
        """
        \(counted(pastRows, "row stands", "rows stand")) before the last \(order ?? "time") in \(state ?? "the state"): \
        answered with what later rows taught, and not learnt from
        """
      )
    }
    if let first = kept.firstDropped {
      diagnostics.warn(
        """
        \(counted(kept.droppedNow, "row")) dropped that waited for a target, \(printable(first.description)) the first: \
        --keep-open \(kept.limit) are kept
        """
      )
    }
  }
}
