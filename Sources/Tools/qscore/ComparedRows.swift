/// A score of each model for each row, in the order of the input, and which key, time and block the row belongs to.
final class ComparedRows {
  /// A row of one score a model after the other, NaN where the model did not answer.
  private(set) var scores: [Double] = []
  /// Of each row; none where rows have no weights.
  private(set) var weights: [Double] = []
  /// Keys of rows that were not scored are among them.
  private(set) var keys = RowLabels()
  private(set) var times = RowLabels()
  private(set) var blocks = RowLabels()
  private(set) var keyOfRow: [Int32] = []
  private(set) var timeOfRow: [Int32] = []
  private(set) var blockOfRow: [Int32] = []

  struct Labelled {
    var key: [String]
    var time: [String]
    var block: [String]
    var isScored: Bool
  }

  func append(_ rows: [Labelled], _ newScores: [Double], _ newWeights: [Double]) {
    scores += newScores
    weights += newWeights
    for row in rows {
      let key = keys.number(of: row.key)
      guard row.isScored else { continue }
      keyOfRow.append(key)
      timeOfRow.append(times.number(of: row.time))
      blockOfRow.append(blocks.number(of: row.block))
    }
  }
}
