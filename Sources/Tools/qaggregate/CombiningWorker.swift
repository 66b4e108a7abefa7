import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// Where a worker finds the fold without which what answers a row has learnt.
enum FoldOfRow {
  /// By the row's number in the table; nil leaves the row without an answer.
  case ofRow((Int) -> Int?)
  /// In a column of the row, one of these.
  case told(Int, folds: [Int])
}

/// Answers rows with the combination of their models.
final class CombiningWorker: RowWorker {
  private let header: Header
  private let combination: Combination
  private let encoder: RowEncoder
  private let labelled: Set<Int>
  private var features: RowFeatures
  /// The fold of a row, and what answers that fold.
  private let fold: FoldOfRow
  private let fitted: (Int) -> any FittedAggregator
  private let reader = NumberReader()
  private let columns: [Int]
  private var values: [Double] = []
  private var toldFolds: [Int] = []
  /// Of each model, the rows that lack it.
  private(set) var rowsWithout: [Int]
  private(set) var infiniteRows = 0
  private(set) var unanswered = 0

  init(
    header: Header, combination: Combination, encoder: RowEncoder, features: RowFeatures, skipsLabelled teaching: TeachingRows? = nil,
    fold: FoldOfRow = .ofRow { _ in -1 }, fitted: @escaping (_ fold: Int) -> any FittedAggregator
  ) {
    self.header = header
    self.combination = combination
    self.encoder = encoder
    self.features = features
    self.fold = fold
    self.fitted = fitted
    labelled = Set(teaching?.labelled ?? [])
    columns = combination.columns
    rowsWithout = [Int](repeating: 0, count: combination.groups.count)
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let mark = values.count
    for column in columns {
      do {
        values.append(try row.number(column, reader, header))
      } catch {
        values.removeSubrange(mark...)
        throw error
      }
    }
    do {
      let told = try toldFold(row)
      try features.add(row)
      if let told { toldFolds.append(told) }
    } catch {
      values.removeSubrange(mark...)
      throw error
    }
  }

  private func toldFold(_ row: Row) throws -> Int? {
    guard case .told(let column, let folds) = fold else { return nil }
    let told = try row.finiteNumber(column, reader, header)
    if let fold = folds.first(where: { Double($0) == told }) { return fold }
    throw Failure(
      .badData,
      told.isNaN
        ? "it is missing, and tells what answers the row"
        : "\"\(printable(row.text(column)))\" is not one of the folds \(folds.map { "\($0)" }.joined(separator: ", ")) of the model file",
      at: .init(column: header.names[column]), remedy: "load what was learnt from the same folds")
  }

  var unseen: Int { if case .streamed(let collector) = features { collector.unseen } else { 0 } }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    defer {
      values.removeAll(keepingCapacity: true)
      toldFolds.removeAll(keepingCapacity: true)
    }
    let written = (0..<rows.count).filter { !labelled.contains(rows.firstRow + $0) }
    let features = self.features.take()
    for first in stride(from: 0, to: written.count, by: 1024) {
      write(written[first..<min(first + 1024, written.count)], of: rows, features, into: output)
    }
  }

  private func write(_ written: ArraySlice<Int>, of rows: Rows, _ features: (table: FeatureTable, isWhole: Bool)?, into output: ByteBuffer) {
    let (width, m) = (columns.count, combination.levels.count)
    // Rows that the same weights answer are answered together.
    var members: [Int?: [Int]] = [:]
    for (i, row) in written.enumerated() {
      switch fold {
      case .ofRow(let fold): members[fold(rows.firstRow + row), default: []].append(i)
      case .told: members[toldFolds[row], default: []].append(i)
      }
    }
    var own = [Double](repeating: .nan, count: written.count * m)
    for (fold, members) in members {
      guard let fold else { continue }
      let answered = members.map { written[written.startIndex + $0] }
      countMissing(answered)
      let predictions = combination.predictions(answered.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: answered.count)
      var answers = fitted(fold).answer(
        predictions, features: features?.table.selecting(answered.map { $0 + (features!.isWhole ? rows.firstRow : 0) }))
      answers.values.withUnsafeMutableBufferPointer { buffer in
        own.withUnsafeMutableBufferPointer { own in
          for (i, member) in members.enumerated() {
            let row = buffer.baseAddress! + i * m
            let answer = UnsafeMutableBufferPointer(start: row, count: m)
            combination.order(answer)
            let given = values[answered[i] * width..<(answered[i] + 1) * width]
            if given.contains(where: \.isInfinite) {
              infiniteRows += 1
              combination.addUnboundedLevels(given, to: answer)
            }
            if answer.allSatisfy(\.isNaN) { unanswered += 1 }
            (own.baseAddress! + member * m).update(from: row, count: m)
          }
        }
      }
    }
    own.withUnsafeBufferPointer { own in
      for (i, row) in written.enumerated() { encoder.write(rows[row], cells: nil, own: own.baseAddress! + i * m, into: output) }
    }
  }

  private func countMissing(_ rows: [Int]) {
    for row in rows {
      var from = row * columns.count
      for (j, group) in combination.groups.enumerated() {
        if values[from..<from + group.columns.count].contains(where: \.isNaN) { rowsWithout[j] += 1 }
        from += group.columns.count
      }
    }
  }
}

/// Where a worker finds the features of its rows.
enum RowFeatures {
  case none
  /// Of every row of a held table.
  case held(FeatureTable)
  /// Read along with the rows.
  case streamed(FeatureCollector)

  mutating func add(_ row: Row) throws {
    guard case .streamed(var collector) = self else { return }
    self = .none
    defer { self = .streamed(collector) }
    try collector.add(row)
  }

  /// The features of the block's rows, or of the whole table.
  mutating func take() -> (table: FeatureTable, isWhole: Bool)? {
    switch self {
    case .none: return nil
    case .held(let table): return (table, true)
    case .streamed(var collector):
      self = .none
      defer { self = .streamed(collector) }
      return (collector.take(), false)
    }
  }
}
