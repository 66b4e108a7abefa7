import FilterKit
import Groundwork
import Tables

/// Where the rows of a table stand in time: rows of one time are one step.
struct RowTimes {
  /// Of every row of the table, the number of earlier times that the table has.
  let steps: [Int]

  init(_ table: StoredTable, _ column: TimeColumn, _ session: FilterSession) throws {
    let times: [Moment]
    do { times = try table.times(column) } catch var failure as Failure {
      // The records know no more where they came from.
      failure.place = .init(input: session.inputName, column: failure.place.column)
      throw failure
    }
    let order = times.indices.sorted { times[$0].isBefore(times[$1]) || !times[$1].isBefore(times[$0]) && $0 < $1 }
    var steps = [Int](repeating: 0, count: times.count)
    for (before, row) in zip(order, order.dropFirst()) { steps[row] = steps[before] + (times[before].isSame(as: times[row]) ? 0 : 1) }
    self.steps = steps
  }
}
