import Groundwork
import MethodKit
import Tables

/// The times of a stored table, and when its truths are out.
public struct TableTimes: Sendable {
  /// Of every row.
  public let rows: RowTimes
  /// The distinct times, increasing.
  public let moments: [Moment]
  /// The column's name.
  public let column: String

  /// What tells when a truth is out.
  public enum Truth {
    /// Before the next time comes.
    case nextTime
    /// The time that a column says.
    case column(TimeColumn)
    /// A length of time after the row's own.
    case lag(TimeSpan)

    var column: TimeColumn? { if case .column(let column) = self { column } else { nil } }
    var lag: TimeSpan? { if case .lag(let span) = self { span } else { nil } }
  }

  /// - Parameters:
  ///   - order: was stored as times.
  ///   - window: what is older is forgotten; nil forgets nothing.
  ///   - labelled: rows with a target.
  /// Cost O(n log n).
  public init(_ table: StoredTable, _ order: TimeColumn, truth: Truth, window: TimeSpan?, labelled: [Int], _ session: FilterSession) throws {
    let names = table.header.names
    column = names[order.column]
    let read = try TableTimes.read(table, [order] + (truth.column.map { [$0] } ?? []), session)
    let own = read[0]
    let sorted = own.indices.sorted { own[$0].isBefore(own[$1]) || !own[$1].isBefore(own[$0]) && $0 < $1 }
    var steps = [Int](repeating: 0, count: own.count)
    var moments: [Moment] = []
    for row in sorted {
      if moments.last.map({ $0.isBefore(own[row]) }) ?? true { moments.append(own[row]) }
      steps[row] = moments.count - 1
    }
    self.moments = moments
    for (flag, span) in [("--lag", truth.lag), ("--window", window)] {
      if let kind = moments.first?.kind, let fault = span?.fault(with: kind) {
        throw Failure(.usage, "\(flag) \(fault)", remedy: "write a number in units of \(column), or 13t for distinct times")
      }
    }
    let known = TableTimes.known(truth, out: read.last!, steps, moments)
    rows = RowTimes(steps: steps, known: known, oldest: window.map { TableTimes.oldest($0, moments, last: labelled.map { steps[$0] }.max() ?? 0) })
  }

  private static func read(_ table: StoredTable, _ columns: [TimeColumn], _ session: FilterSession) throws -> [[Moment]] {
    do { return try table.times(columns) } catch var failure as Failure {
      // The records know no more where they came from.
      failure.place = .init(input: session.inputName, column: failure.place.column)
      throw failure
    }
  }

  /// Of each row the first step that it teaches: the first after its truth is out, as nobody knows the order of what happens at one time.
  /// `out` are the times that a column says, where one does.
  private static func known(_ truth: Truth, out: [Moment], _ steps: [Int], _ moments: [Moment]) -> [Int] {
    let byStep: [Int]
    switch truth {
    case .nextTime: byStep = moments.indices.map { $0 + 1 }
    case .lag(let span):
      byStep = moments.indices.map { step in
        if let times = span.times { return step + times + 1 }
        return max(step + 1, partitionPoint(0..<moments.count) { span.place(of: moments[$0], after: moments[step]) > 0 })
      }
    case .column:
      return steps.indices.map { row in max(steps[row] + 1, partitionPoint(0..<moments.count) { out[row].isOver(before: moments[$0]) }) }
    }
    return steps.map { byStep[$0] }
  }

  /// Of each step the first that is not forgotten, and at the end that at the time after the last labelled one, which is what a model file answers
  /// at.
  private static func oldest(_ window: TimeSpan, _ moments: [Moment], last: Int) -> [Int] {
    if let times = window.times { return moments.indices.map { max(0, $0 - times) } + [max(0, last + 1 - times)] }
    let own = moments.indices.map { step in partitionPoint(0..<moments.count) { window.place(of: moments[step], after: moments[$0]) <= 0 } }
    // The next time comes after the last, so that what stands a whole window before the last is too old by then.
    return own + [partitionPoint(0..<moments.count) { window.place(of: moments[last], after: moments[$0]) < 0 }]
  }

  /// "2024-01-31"
  public func title(ofStep step: Int) -> String {
    step < moments.count ? printable(moments[step].canonicalText.description) : "the next time"
  }
}
