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
  private(set) var parts = Labels()
  private(set) var times = Labels()
  private(set) var blocks = Labels()

  /// Texts as numbers, by first appearance.
  struct Labels {
    private(set) var names: [[String]] = []
    private(set) var ofRow: [Int32] = []
    private var numbers: [[String]: Int32] = [:]

    mutating func append(_ name: [String]) {
      let number = numbers[name] ?? Int32(names.count)
      if number == names.count {
        numbers[name] = number
        names.append(name)
      }
      ofRow.append(number)
    }
  }

  fileprivate struct Labelled {
    var part: [String]
    var time: [String]
    var block: [String]
  }

  fileprivate func append(_ rows: [Labelled], _ newScores: [Double], _ newWeights: [Double]) {
    scores += newScores
    weights += newWeights
    for row in rows {
      parts.append(row.part)
      times.append(row.time)
      blocks.append(row.block)
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
  private let forecasts: ForecastReader
  private let reader = NumberReader()
  private var quantiles: [Double]
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
    forecasts = ForecastReader(roles: roles, header: header)
    quantiles = [Double](repeating: 0, count: roles.groups.map(\.levels.count).max()!)
    values = [Double](repeating: 0, count: roles.columns.count)
    tally = roles.counter
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try forecasts.transformedTarget(row)
    let weight = try forecasts.weight(row)
    var own = [Double](repeating: .nan, count: roles.groups.count)
    for (g, group) in roles.groups.enumerated() {
      let isComplete = try quantiles.withUnsafeMutableBufferPointer {
        try forecasts.readTransformed(row, group, scored: !target.isNaN, into: $0.baseAddress!)
      }
      guard isComplete, !target.isNaN else { continue }
      values.withUnsafeMutableBufferPointer { roles.scorers[g].evaluate(quantiles: quantiles, target: target, into: $0.baseAddress!) }
      own[g] = values[compared.score]
      if own[g] < 0 { throw Failure(.badData, "\(roles.columns[compared.score]) is negative, and only scores from 0 have ratios", remedy: "compare another --score") }
    }
    if let order = compared.order, !target.isNaN, row.number(order, reader) == .missing {
      throw Failure(.badData, "the row's place in the series is missing", at: .init(column: header.names[order]))
    }
    for g in roles.groups.indices where own[g].isNaN {
      if target.isNaN { tally.countMissingTarget(0, g) } else { tally.countMissingPrediction(0, g) }
    }
    if target.isNaN || weight == 0 { return }
    scores += own
    if roles.weight != nil { weights.append(weight) }
    labels.append(.init(part: roles.by.map { row.text($0) }, time: compared.order.map { [row.text($0)] } ?? [], block: compared.blocks.map { row.text($0) }))
  }

  override func commit(_ rows: Rows) throws {
    self.rows.append(labels, scores, weights)
    labels.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    scores.removeAll(keepingCapacity: true)
  }
}
