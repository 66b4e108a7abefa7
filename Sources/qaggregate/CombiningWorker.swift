import Aggregation
import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// Answers rows with the combination of their models.
final class CombiningWorker: RowWorker {
  private let header: Header
  private let combination: Combination
  private let encoder: RowEncoder
  private let labelled: Set<Int>
  private var features: RowFeatures
  /// The fold of a row, by its number in the table, and what answers that fold.
  private let fold: (Int) -> Int
  private let fitted: (Int) -> any FittedAggregator
  private let reader = NumberReader()
  private let columns: [Int]
  private var values: [Double] = []
  /// Of each model, the rows that lack it.
  private(set) var rowsWithout: [Int]
  private(set) var unanswered = 0

  init(
    header: Header, combination: Combination, encoder: RowEncoder, features: RowFeatures, skipsLabelled teaching: TeachingRows? = nil,
    fold: @escaping (Int) -> Int = { _ in -1 }, fitted: @escaping (_ fold: Int) -> any FittedAggregator
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
        values.append(try row.finiteNumber(column, reader, header))
      } catch {
        values.removeSubrange(mark...)
        throw error
      }
    }
    do {
      try features.add(row)
    } catch {
      values.removeSubrange(mark...)
      throw error
    }
  }

  var unseen: Int { if case .streamed(let collector) = features { collector.unseen } else { 0 } }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    defer { values.removeAll(keepingCapacity: true) }
    let written = (0..<rows.count).filter { !labelled.contains(rows.firstRow + $0) }
    let width = columns.count
    countMissing(written)
    let features = self.features.take()
    // Neighbouring rows that the same weights answer are answered together.
    var next = 0
    while next < written.count {
      let fold = fold(rows.firstRow + written[next])
      var end = next + 1
      while end < written.count, end - next < 256, self.fold(rows.firstRow + written[end]) == fold { end += 1 }
      let run = written[next..<end]
      let predictions = combination.predictions(run.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: run.count)
      var answers = fitted(fold).answer(predictions, features: features?.table.selecting(run.map { $0 + (features!.isWhole ? rows.firstRow : 0) }))
      let m = answers.columns
      answers.values.withUnsafeMutableBufferPointer { buffer in
        for (i, r) in run.enumerated() {
          let own = buffer.baseAddress! + i * m
          if (0..<m).allSatisfy({ own[$0].isNaN }) { unanswered += 1 }
          combination.order(UnsafeMutableBufferPointer(start: own, count: m))
          encoder.write(rows[r], cells: nil, own: own, into: output)
        }
      }
      next = end
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
