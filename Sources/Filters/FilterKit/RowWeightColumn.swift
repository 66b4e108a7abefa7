import Groundwork
import Tables

extension FilterSession {
  /// A column of row weights: those of labelled rows not all zero.
  public func rowWeights(_ table: StoredTable, _ column: Int, of labelled: [Int]) throws -> [Double] {
    let weights = table.numbers(column)
    guard labelled.contains(where: { weights[$0] > 0 }) else { throw failure("all weights are zero", column: table.header.names[column]) }
    return weights
  }

  /// The same for what learns by ratios of weights alone: with the largest of labelled rows brought near 1 by a power of two.
  public func learningWeights(_ table: StoredTable, _ column: Int, of labelled: [Int]) throws -> [Double] {
    let weights = try rowWeights(table, column, of: labelled)
    let scale = PowerOfTwo.inverse(of: labelled.reduce(0) { max($0, weights[$1]) })
    return weights.map { $0 * scale }
  }
}
