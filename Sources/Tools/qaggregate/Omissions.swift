import FilterKit
import Groundwork

/// What the rows of a table lack, for messages.
struct Omissions {
  /// Of each model, the rows that lack it.
  private var rowsWithout: [Int]
  private var infiniteRows = 0
  /// Rows without an answer.
  var unanswered = 0

  init(models: Int) { rowsWithout = [Int](repeating: 0, count: models) }

  /// Counts a row; `values` are its quantiles, one group's after the other's.
  mutating func count(_ values: ArraySlice<Double>, _ combination: Combination) {
    var from = values.startIndex
    for (j, group) in combination.groups.enumerated() {
      if values[from..<from + group.columns.count].contains(where: \.isNaN) { rowsWithout[j] += 1 }
      from += group.columns.count
    }
    if values.contains(where: \.isInfinite) { infiniteRows += 1 }
  }

  mutating func add(_ other: Omissions) {
    for j in rowsWithout.indices { rowsWithout[j] += other.rowsWithout[j] }
    infiniteRows += other.infiniteRows
    unanswered += other.unanswered
  }

  /// Says once what was missing in how many rows.
  func tell(_ combination: Combination, _ diagnostics: Diagnostics) {
    let lacking = zip(combination.groups, rowsWithout).filter { $1 > 0 }
    if lacking.count == 1 {
      let (group, rows) = lacking[0]
      diagnostics.warn("\(counted(rows, "row lacks", "rows lack")) model \(group.name), answered from the others")
    } else if !lacking.isEmpty {
      let list = diagnostics.list(lacking.map { "\($0.name.isEmpty ? "(no name)" : $0.name) in \(counted($1, "row"))" })
      diagnostics.warn("\(lacking.count) models are missing in some rows, answered from the others: \(list)")
    }
    if infiniteRows > 0 {
      diagnostics.warn("\(counted(infiniteRows, "row has", "rows have")) infinite quantiles, which count as missing")
    }
    if unanswered > 0 { diagnostics.warn("\(counted(unanswered, "row has", "rows have")) no prediction of any model and no answer") }
  }
}
