import FilterKit
import Groundwork
import Tables

/// Writes each row of a table of copies once, with answers that were computed before.
final class CopiedAnswersWorker: RowWorker, CalibratingWorker {
  let row: CalibratedRow
  private let answers: CopiedAnswers

  init(_ plan: AnswerPlan, _ answers: CopiedAnswers) {
    row = CalibratedRow(plan)
    self.answers = answers
  }

  override func finish(_ block: Rows, into output: ByteBuffer) throws {
    for i in 0..<block.count {
      guard let place = answers.place(of: block.firstRow + i) else { continue }
      try row.read(block[i])
      for g in row.plan.groups.indices { answers.copy(group: g, place, into: row.quantiles.values(g)) }
      // A quantile is one of several copies', and has no text that is its own.
      row.write(block[i], into: output, keepsTexts: false)
    }
  }
}

/// The answers to the rows of a table of copies, as they were before they were copied.
struct CopiedAnswers {
  private let copies: RowCopies
  /// Of each row before it was copied its position among those that are written, or −1.
  private var places: [Int]
  /// Of each group, one value a level and row.
  private let values: [[Double]]

  /// `written` are rows before they were copied. Cost: O(rows × folds × levels), on all threads.
  init(_ calibrations: [CopiedCalibration], _ groups: [QuantileColumns], _ copies: RowCopies, written: [Int], threads: Int) throws {
    self.copies = copies
    places = [Int](repeating: -1, count: copies.first.count)
    for (place, row) in written.enumerated() { places[row] = place }
    values = try zip(groups, calibrations).map { group, calibration in
      try CopiedAnswers.values(calibration, written, levels: group.levels.count, threads: threads)
    }
  }

  private static func values(_ calibration: CopiedCalibration, _ originals: [Int], levels: Int, threads: Int) throws -> [Double] {
    let size = 256
    // Only read.
    nonisolated(unsafe) let calibration = calibration
    let chunks = try parallelMap((originals.count + size - 1) / size, threads: threads) { chunk -> [Double] in
      let rows = originals[chunk * size..<min((chunk + 1) * size, originals.count)]
      var values = [Double](repeating: .nan, count: rows.count * levels)
      values.withUnsafeMutableBufferPointer { values in
        for (i, row) in rows.enumerated() {
          calibration.answer(row, into: UnsafeMutableBufferPointer(rebasing: values[i * levels..<(i + 1) * levels]))
        }
      }
      return values
    }
    return chunks.flatMap { $0 }
  }

  /// Where the answer to a row of the table stands; nil where the row is not written: where it is not the first of its copies, or is left out.
  func place(of row: Int) -> Int? {
    let original = copies.originalOfRow[row]
    return copies.first[original] == row && places[original] >= 0 ? places[original] : nil
  }

  func copy(group g: Int, _ place: Int, into target: UnsafeMutableBufferPointer<Double>) {
    let first = place * target.count
    values[g].withUnsafeBufferPointer { _ = target.update(fromContentsOf: $0[first..<first + target.count]) }
  }
}
