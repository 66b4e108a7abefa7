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
    header: Header, combination: Combination, encoder: RowEncoder, skipsLabelled teaching: TeachingRows? = nil,
    fold: @escaping (Int) -> Int = { _ in -1 }, fitted: @escaping (_ fold: Int) -> any FittedAggregator
  ) {
    self.header = header
    self.combination = combination
    self.encoder = encoder
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
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    defer { values.removeAll(keepingCapacity: true) }
    let written = (0..<rows.count).filter { !labelled.contains(rows.firstRow + $0) }
    let width = columns.count
    countMissing(written)
    // Neighbouring rows that the same weights answer are answered together.
    var next = 0
    while next < written.count {
      let fold = fold(rows.firstRow + written[next])
      var end = next + 1
      while end < written.count, end - next < 256, self.fold(rows.firstRow + written[end]) == fold { end += 1 }
      let run = written[next..<end]
      let predictions = combination.predictions(run.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: run.count)
      let answers = fitted(fold).answer(predictions, features: nil)
      answers.values.withUnsafeBufferPointer { buffer in
        for (i, r) in run.enumerated() {
          let own = buffer.baseAddress! + i * answers.columns
          if (0..<answers.columns).allSatisfy({ own[$0].isNaN }) { unanswered += 1 }
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
