import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// A score of each model for each row, in the order of the input, and which part, time and block the row belongs to.
final class ComparedRows {
  /// A row of one score a model after the other, NaN where the model did not answer.
  private(set) var scores: [Double] = []
  /// Of each row; none where rows have no weights.
  private(set) var weights: [Double] = []
  /// Parts of rows that were not scored are among them.
  private(set) var parts = RowLabels()
  private(set) var times = RowLabels()
  private(set) var blocks = RowLabels()
  private(set) var partOfRow: [Int32] = []
  private(set) var timeOfRow: [Int32] = []
  private(set) var blockOfRow: [Int32] = []

  fileprivate struct Labelled {
    var part: [String]
    var time: [String]
    var block: [String]
    var isScored: Bool
  }

  fileprivate func append(_ rows: [Labelled], _ newScores: [Double], _ newWeights: [Double]) {
    scores += newScores
    weights += newWeights
    for row in rows {
      let part = parts.number(of: row.part)
      guard row.isScored else { continue }
      partOfRow.append(part)
      timeOfRow.append(times.number(of: row.time))
      blockOfRow.append(blocks.number(of: row.block))
    }
  }
}

/// Which columns and which score a comparison takes.
struct ComparedColumns {
  /// Position of the score among those of `ScoringRoles`.
  let score: Int
  let order: Int?
  let blocks: [Int]
}

/// Scores rows for a comparison.
final class ComparingWorker: RowWorker {
  private let header: Header
  private let roles: ScoringRoles
  private let compared: ComparedColumns
  private let rows: ComparedRows
  private let forecasts: ForecastRow
  private let reader = NumberReader()
  private var values: [Double]
  private var scores: [Double] = []
  private var weights: [Double] = []
  private var labels: [ComparedRows.Labelled] = []
  private(set) var tally: Tally

  init(roles: ScoringRoles, header: Header, compared: ComparedColumns, rows: ComparedRows) {
    self.header = header
    self.roles = roles
    self.compared = compared
    self.rows = rows
    forecasts = ForecastRow(roles: roles, header: header)
    values = [Double](repeating: 0, count: roles.columns.count)
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try forecasts.read(row)
    let isScored = !forecasts.target.isNaN && forecasts.weight > 0
    if let order = compared.order, isScored, row.number(order, reader) == .missing {
      throw Failure(.badData, "the row's place in the series is missing", at: .init(column: header.names[order]))
    }
    var new: (scores: [Double], labels: [ComparedRows.Labelled]) = ([], [])
    try forecasts.forEachScale { s in
      new.labels.append(
        .init(
          part: forecasts.part(row, s), time: compared.order.map { [row.text($0)] } ?? [], block: compared.blocks.map { row.text($0) },
          isScored: isScored))
      if isScored { for g in roles.groups.indices { new.scores.append(try score(s, g)) } }
    }
    for g in roles.groups.indices {
      if forecasts.target.isNaN { tally.countMissingTarget(0, g) } else if !forecasts.isComplete(g) { tally.countMissingPrediction(0, g) }
    }
    labels += new.labels
    scores += new.scores
    if isScored, roles.weight != nil { for _ in new.labels { weights.append(forecasts.weight) } }
  }

  /// NaN where group g did not answer, or its levels do not give the score.
  private func score(_ s: Int, _ g: Int) throws -> Double {
    guard forecasts.isComplete(g) else { return .nan }
    values.withUnsafeMutableBufferPointer {
      roles.scorers[s][g].evaluate(quantiles: forecasts.quantiles(g), target: forecasts.target, into: $0.baseAddress!)
    }
    let score = values[compared.score]
    if score < 0 {
      throw Failure(.badData, "\(roles.columns[compared.score]) is negative, and only scores from 0 have ratios", remedy: "compare another --score")
    }
    return score
  }

  override func commit(_ rows: Rows) throws {
    self.rows.append(labels, scores, weights)
    labels.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    scores.removeAll(keepingCapacity: true)
  }
}
