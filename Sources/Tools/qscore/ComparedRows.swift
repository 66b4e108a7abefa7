import FilterKit
import Groundwork
import Tables

/// A score of each model for each row, in the order of the input, and which key, time and block the row belongs to.
final class ComparedRows {
  /// A row of one score a model after the other, NaN where the model did not answer.
  private(set) var scores: [Double] = []
  /// Of each row; none where rows have no weights.
  private(set) var weights: [Double] = []
  /// Keys of rows that were not scored are among them.
  let keys = KeyTable()
  private(set) var keyOfRow: [Int32] = []
  /// Of each row; none where rows are no series.
  private(set) var timeOfRow: [Moment] = []
  private(set) var blockOfRow: [Int32] = []
  /// nil where rows have times or blocks, or before the first.
  private(set) var dates: SharedDates?

  /// What a worker has read of a block.
  struct Labels {
    let keys = KeyTable()
    let blocks = KeyTable()
    /// Of each scored row.
    var keyOfRow: [Int] = []
    var timeOfRow: [Moment] = []
    var blockOfRow: [Int] = []
  }

  private let blocks = KeyTable()

  func append(_ labels: Labels, _ newScores: [Double], _ newWeights: [Double], _ newDates: SharedDates?) throws {
    if let newDates {
      if dates == nil { dates = newDates.emptied }
      try dates!.append(newDates)
    }
    scores += newScores
    weights += newWeights
    let (keys, blocks) = (try self.keys.merge(labels.keys), try self.blocks.merge(labels.blocks))
    keyOfRow += labels.keyOfRow.map { Int32(keys[$0]) }
    timeOfRow += labels.timeOfRow
    blockOfRow += labels.blockOfRow.map { Int32(blocks[$0]) }
  }

  /// Of each row, the place of its time among all times in order.
  var ranksOfTimes: [Int32] {
    let inOrder = timeOfRow.indices.sorted { timeOfRow[$0].isBefore(timeOfRow[$1]) }
    var ranks = [Int32](repeating: 0, count: timeOfRow.count)
    var rank: Int32 = 0
    for (before, row) in zip([nil] + inOrder, inOrder) {
      if let before, timeOfRow[before].isBefore(timeOfRow[row]) { rank += 1 }
      ranks[row] = rank
    }
    return ranks
  }
}
