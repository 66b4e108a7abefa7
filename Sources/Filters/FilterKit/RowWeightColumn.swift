import Groundwork
import Tables

extension FilterSession {
  /// A column of row weights: those of labelled rows not all zero.
  public func rowWeights(_ table: StoredTable, _ column: Int, of labelled: [Int]) throws -> [Double] {
    let weights = table.numbers(column)
    guard labelled.contains(where: { weights[$0] > 0 }) else { throw failure("all weights are zero", column: table.header.names[column]) }
    return weights
  }
}
