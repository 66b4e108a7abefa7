import Groundwork
import MethodKit
import Tables

/// Which fits a table in order of time needs, and which of them answers each row.
///
/// A labelled row of a block is answered by the fit on what was known before its block began, any other row by the fit on what was known before
/// its own time. Fits on the same rows are one.
public struct TimedFits: Sendable {
  public let times: TableTimes
  /// Of every row: the block that it stands in, −1 of rows without a target.
  public let blocks: [Int]
  /// Of every row: the fit that answers it; nil before the first.
  public let fit: [Int?]
  /// Of each fit: the step before which its rows were known, increasing. One after the last is on all rows.
  public let steps: [Int]
  /// The fit on all labelled rows that are remembered, which is saved; nil where none of them teaches.
  public let whole: Int?
  private let teachers: [Int]

  /// - Parameters:
  ///   - labelled: rows with a target, increasing; `teaches` tells which of them teach.
  ///   - given: the blocks that a column tells, NaN where it does not; nil makes `count` of them, or one a time where there is no number.
  ///   - answersLabelled: false where only rows without a target are answered.
  ///   - isStrict: false where labelled rows are answered for their losses alone: then there may be fewer blocks, and a window shorter than one.
  ///   - joinsEqual: false where fits on the same rows at different times differ, as rows teach less with age.
  ///   - refitsEachTime: every row is answered by what was known before its own time, whatever its block.
  public init(
    _ times: TableTimes, labelled: [Int], teaches: (Int) -> Bool, given: [Double]?, count: Int?, refitsEachTime: Bool, answersLabelled: Bool,
    joinsEqual: Bool = true, isStrict: Bool = true, _ session: FilterSession
  ) throws {
    let rows = times.rows
    self.times = times
    var blocks = [Int](repeating: -1, count: rows.steps.count)
    var begins: [Int: Int] = [:]
    if let given {
      for row in labelled where !given[row].isNaN {
        blocks[row] = Int(given[row])
        begins[blocks[row]] = min(begins[blocks[row]] ?? .max, rows.steps[row])
      }
      try TimedFits.check(blocks, begins, times, session)
    } else {
      let distinct = Set(labelled.map { rows.steps[$0] }).count
      let count = isStrict ? count ?? distinct : min(count ?? distinct, distinct)
      guard distinct >= count else {
        throw session.failure(
          "\(counted(distinct, "distinct time")) of labelled rows cannot make \(count) blocks", column: times.column,
          remedy: distinct < 2 ? "with --new-only one fit is made without blocks" : "use --folds \(distinct) or fewer")
      }
      let starts = rows.blocks(count, of: labelled)
      for row in labelled { blocks[row] = partitionPoint(0..<starts.count) { starts[$0] > rows.steps[row] } - 1 }
      begins = Dictionary(uniqueKeysWithValues: starts.enumerated().map { ($0, $1) })
    }
    self.blocks = blocks
    if !refitsEachTime, answersLabelled, isStrict { try TimedFits.checkWindow(blocks, begins, times, session) }

    teachers = labelled.filter(teaches)
    let counter = TeacherCounter(rows, teachers, end: times.moments.count)
    var isLabelled = [Bool](repeating: false, count: blocks.count)
    for row in labelled { isLabelled[row] = true }
    var asked = [Int](repeating: -1, count: blocks.count)
    for row in blocks.indices {
      if isLabelled[row], !answersLabelled { continue }
      asked[row] = blocks[row] >= 0 && !refitsEachTime ? begins[blocks[row]]! : rows.steps[row]
    }
    let end = times.moments.count
    var firstOf: [TeacherCounter.Count: Int] = [:]
    var fitOfStep: [Int: Int] = [:]
    var steps: [Int] = []
    for step in Set(asked.filter { $0 >= 0 }).sorted() + [end] {
      let count = step == end ? counter.all : counter(step)
      guard count.isAny else { continue }
      if !joinsEqual || firstOf[count] == nil {
        firstOf[count] = steps.count
        steps.append(step)
      }
      fitOfStep[step] = firstOf[count]!
    }
    self.steps = steps
    fit = asked.map { $0 < 0 ? nil : fitOfStep[$0] }
    whole = fitOfStep[end]
  }

  /// Whether a labelled row teaches at a step: one of `steps`.
  public func teaches(_ row: Int, at step: Int) -> Bool {
    step == times.moments.count ? !times.rows.isForgotten(row, at: step) : times.rows.teaches(row, at: step)
  }

  /// The rows that teach a fit, increasing.
  public func teaching(_ fit: Int) -> [Int] {
    teachers.filter { teaches($0, at: steps[fit]) }
  }

  /// "known before 2024-01-31", of a fit in messages; nothing of the one on all rows.
  public func title(_ fit: Int) -> String? {
    steps[fit] == times.moments.count ? nil : "known before \(times.title(ofStep: steps[fit]))"
  }

  /// Rows that are answered by nothing.
  public func unanswered(among rows: [Int]) -> Int { rows.count { fit[$0] == nil } }

  /// Blocks that a column tells follow one another in time, and share no time.
  private static func check(_ blocks: [Int], _ begins: [Int: Int], _ times: TableTimes, _ session: FilterSession) throws {
    var ends: [Int: Int] = [:]
    for row in blocks.indices where blocks[row] >= 0 { ends[blocks[row]] = max(ends[blocks[row]] ?? -1, times.rows.steps[row]) }
    let order = begins.keys.sorted()
    for (block, next) in zip(order, order.dropFirst()) where ends[block]! >= begins[next]! {
      throw session.failure(
        "t\(next) begins at \(times.title(ofStep: begins[next]!)), and t\(block) ends at \(times.title(ofStep: ends[block]!)) by \(times.column)",
        column: "fold", remedy: "give the --order that qfit had")
    }
  }

  /// A block's last rows must remember something of what was known before it began.
  private static func checkWindow(_ blocks: [Int], _ begins: [Int: Int], _ times: TableTimes, _ session: FilterSession) throws {
    for row in blocks.indices where blocks[row] >= 0 {
      let begin = begins[blocks[row]]!
      // A row of the time before the block, seen from the row.
      guard begin > 0, times.rows.forgets(begin - 1, at: times.rows.steps[row]) else { continue }
      let (first, last) = (times.title(ofStep: begin), times.title(ofStep: times.rows.steps[row]))
      throw session.failure(
        "the window is shorter than block t\(blocks[row]), which begins at \(first) and reaches \(last)",
        column: times.column, remedy: "use --refit time, more --folds or a longer --window")
    }
  }
}

extension FilterSession {
  /// Says under `--verbose` how many of some rows stand before the first fit.
  public func tellUnanswered(_ fits: TimedFits, among rows: [Int]) {
    let count = fits.unanswered(among: rows)
    guard count > 0 else { return }
    if count == rows.count {
      return diagnostics.warn("no row has a prediction: nothing was known before the time of any (\(fits.times.column), and when truths come out)")
    }
    diagnostics.note("\(counted(count, "row stands", "rows stand")) before the first fit and \(count == 1 ? "has" : "have") no prediction")
  }
}

/// Counts the rows that teach at a step, without a look at each.
private struct TeacherCounter {
  /// Rows known by then, and those of them and of the others that are forgotten: where these agree the rows are the same.
  struct Count: Hashable {
    let known: Int
    let forgotten: Int
    let isAny: Bool
  }

  private let known: [Int]
  private let stepsSorted: [Int]
  private let rows: RowTimes
  private let teachers: [Int]
  private let end: Int

  init(_ rows: RowTimes, _ teachers: [Int], end: Int) {
    self.rows = rows
    self.end = end
    self.teachers = teachers
    known = teachers.map { rows.known[$0] }.sorted()
    stepsSorted = teachers.map { rows.steps[$0] }.sorted()
  }

  func callAsFunction(_ step: Int) -> Count {
    let forgotten = partitionPoint(0..<stepsSorted.count) { !rows.forgets(stepsSorted[$0], at: step) }
    let isAny = forgotten == 0 ? (known.first ?? .max) <= step : teachers.contains { rows.teaches($0, at: step) }
    return Count(known: partitionPoint(0..<known.count) { known[$0] > step }, forgotten: forgotten, isAny: isAny)
  }

  /// Of all that teach, whenever their truth is out.
  var all: Count {
    let forgotten = partitionPoint(0..<stepsSorted.count) { !rows.forgets(stepsSorted[$0], at: end) }
    return Count(known: known.count, forgotten: forgotten, isAny: forgotten < teachers.count)
  }
}
