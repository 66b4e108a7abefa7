import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// What combines a row's predictions.
enum RowCombiner {
  /// The same for every row.
  case one(LeaningAggregator)
  /// For a row of the table what has not learnt from its fold, or from what came later. With `skipsLabelled` labelled rows are not written.
  case crossFitted(CrossFit, AggregationRows, skipsLabelled: Bool)
  /// What has not learnt from the fold that a column of the row tells.
  case told(SavedCombination, column: Int)
}

/// Answers rows with the combination of their models.
final class CombiningWorker: RowWorker {
  private let header: Header
  private let combination: Combination
  private let combiner: RowCombiner
  private let encoder: RowEncoder
  private let reader = NumberReader()
  private let gatherer: RowGatherer
  private var toldFolds: [Int] = []
  private let labelled: Set<Int>
  private(set) var omissions: Omissions

  init(_ combination: Combination, _ header: Header, _ encoder: RowEncoder, features: RowFeatures, _ combiner: RowCombiner) {
    self.header = header
    self.combination = combination
    self.encoder = encoder
    self.combiner = combiner
    gatherer = RowGatherer(combination, header, features: features)
    if case .crossFitted(_, let rows, true) = combiner { labelled = Set(rows.labelled) } else { labelled = [] }
    omissions = Omissions(models: combination.groups.count)
  }

  /// Fields whose category the model has not seen.
  var unseen: Int { gatherer.unseen }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let told = try toldFold(row)
    try gatherer.add(row)
    if let told { toldFolds.append(told) }
  }

  private func toldFold(_ row: Row) throws -> Int? {
    guard case .told(let saved, let column) = combiner else { return nil }
    let told = try row.finiteNumber(column, reader, header)
    let folds = saved.folds ?? []
    if let fold = folds.first(where: { Double($0) == told }) { return fold }
    let cause =
      told.isNaN
      ? "it is missing, and tells what answers the row"
      : "\"\(printable(row.text(column)))\" is not one of the folds \(folds.map { "\($0)" }.joined(separator: ", ")) of the model file"
    throw Failure(.badData, cause, at: .init(column: header.names[column]), remedy: "load what was learnt from the same folds")
  }

  /// What tells rows that are answered alike; nil leaves the row without an answer.
  private func fit(_ row: Int, numberInTable: Int) -> Int? {
    switch combiner {
    case .one: 0
    case .crossFitted(_, let rows, _): rows.fitOfRow[numberInTable]
    case .told: toldFolds[row]
    }
  }

  /// nil where answers are known already.
  private func fitted(_ fit: Int) -> LeaningAggregator? {
    switch combiner {
    case .one(let fitted): fitted
    case .crossFitted(let fits, _, _): fits[fit]
    case .told(let saved, _): saved.fitted(forFold: fit)
    }
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    defer {
      gatherer.removeAll()
      toldFolds.removeAll(keepingCapacity: true)
    }
    let written = (0..<rows.count).filter { !labelled.contains(rows.firstRow + $0) }
    let features = gatherer.takeFeatures()
    for first in stride(from: 0, to: written.count, by: 1024) {
      write(written[first..<min(first + 1024, written.count)], of: rows, features, into: output)
    }
  }

  private func write(_ written: ArraySlice<Int>, of rows: Rows, _ features: (table: FeatureTable, isWhole: Bool)?, into output: ByteBuffer) {
    let m = combination.levels.count
    // Rows that the same weights answer are answered together.
    let members = Dictionary(grouping: written.indices) { fit(written[$0], numberInTable: rows.firstRow + written[$0]) }
    var own = [Double](repeating: .nan, count: written.count * m)
    for (fit, members) in members {
      guard let fit else { continue }
      let answered = members.map { written[$0] }
      let numbers = features.map { features in answered.map { features.isWhole ? rows.firstRow + $0 : $0 } }
      let answers = answer(answered, by: fitted(fit), of: rows, features: numbers.map { features!.table.selecting($0) })
      for (i, member) in members.enumerated() {
        let place = (member - written.startIndex) * m
        own.replaceSubrange(place..<place + m, with: answers.values[i * m..<(i + 1) * m])
      }
    }
    own.withUnsafeBufferPointer { own in
      for (i, row) in written.enumerated() { encoder.write(rows[row], cells: nil, own: own.baseAddress! + i * m, into: output) }
    }
  }

  /// What a method that learns row after row has answered to rows of the table.
  private func known(_ rows: [Int]) -> Matrix {
    guard case .crossFitted(let fits, _, _) = combiner, let online = fits.online else { preconditionFailure("a fit is missing") }
    return Matrix(rows: rows.count, columns: online.columns, values: rows.flatMap { online.row($0) })
  }

  /// The answers to some of the rows that were gathered, in order of their levels.
  private func answer(_ rows: [Int], by fitted: LeaningAggregator?, of block: Rows, features: FeatureTable?) -> Matrix {
    let (width, m) = (combination.columns.count, combination.levels.count)
    let values = gatherer.values
    for row in rows { omissions.count(values[row * width..<(row + 1) * width], combination) }
    let predictions = combination.predictions(rows.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: rows.count)
    var answers = fitted?.answer(predictions, features: features) ?? known(rows.map { block.firstRow + $0 })
    answers.values.withUnsafeMutableBufferPointer { buffer in
      for (i, row) in rows.enumerated() {
        let answer = UnsafeMutableBufferPointer(rebasing: buffer[i * m..<(i + 1) * m])
        combination.order(answer)
        let given = values[row * width..<(row + 1) * width]
        if given.contains(where: \.isInfinite) {
          combination.addUnboundedLevels(given, to: answer)
          combination.order(answer)
        }
        if answer.allSatisfy(\.isNaN) { omissions.unanswered += 1 }
      }
    }
    return answers
  }
}
