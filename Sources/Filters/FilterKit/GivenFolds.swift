import Tables

/// What the column `fold` of a table holds.
public enum GivenFolds {
  /// The numbers of folds drawn at random, NaN where a row has none.
  case drawn([Double])
  /// The numbers of blocks of time, NaN where a row has none.
  case blocks([Double])

  /// Reads a column that was stored as folds. Throws where it holds both, and for blocks of time where no order is told.
  public init(_ table: StoredTable, _ column: Int, order: OrderRoles?, _ session: FilterSession) throws {
    let values = table.numbers(column)
    let name = table.header.names[column]
    guard let block = values.firstIndex(where: { $0 < 0 }) else {
      self = .drawn(values)
      return
    }
    if let fold = values.firstIndex(where: { $0 >= 0 }) {
      throw session.failure(
        "row \(block + 1) stands in a block of time, t\(Int(-1 - values[block])), and row \(fold + 1) in fold \(Int(values[fold])), drawn at random",
        column: name, remedy: "make all of them in one run of qfit")
    }
    guard order != nil else {
      throw session.failure(
        "the folds are blocks of time (t\(Int(-1 - values[block]))), and nothing says which column holds the times", column: name,
        remedy: "name it with --order, or QORDER in the environment")
    }
    self = .blocks(values.map { -1 - $0 })
  }
}
