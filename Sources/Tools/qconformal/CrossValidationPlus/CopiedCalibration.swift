import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// One quantile group's CV+ calibrations in a table of copies: on all labelled rows, and on those of each key that has
/// enough; each with all folds, and without each fold.
final class CopiedCalibration: ReportedCalibration {
  private struct Fits {
    let full: any FittedCopyCalibrator
    /// By position among the folds.
    let withoutFold: [any FittedCopyCalibrator]
  }

  let smallKeys: [RowKey]
  let rowsNeeded: Int
  private let whole: Fits
  private var byKey: [RowKey: Fits] = [:]
  private let copies: RowCopies
  private let rows: CalibrationRows
  private let width: Int
  /// Quantiles of every row of the table.
  private let values: [Double]
  /// The labelled rows, each once.
  let training: CalibrationTraining
  /// Whether labelled rows have copies by models that saw neither of two folds.
  private let hasPairs: Bool

  init(
    _ calibrator: any CopyCalibrator, _ table: StoredTable, _ group: QuantileColumns, _ copies: RowCopies, _ rows: CalibrationRows, leastRows: Int?,
    answersLabelled: Bool,
    session: FilterSession
  ) throws {
    self.copies = copies
    self.rows = rows
    let (width, folds) = (group.levels.count, copies.folds)
    let values = table.numbers(group.presentColumns)
    (self.width, self.values) = (width, values)
    let hasPairs =
      copies.isNested
      && copies.copyOfRow.indices.contains { row in
        copies.fold[copies.originalOfRow[row]] >= 0 && !copies.isOwn(row) && values[row * width..<(row + 1) * width].contains { !$0.isNaN }
      }
    self.hasPairs = hasPairs

    let own = rows.training(group.levels, rows.labelled.flatMap { values[$0 * width..<($0 + 1) * width] })
    training = own
    let originals = rows.labelled.map { copies.originalOfRow[$0] }
    func fits(_ members: [Int]) throws -> Fits {
      let training = own.selecting(members)
      let foldOfMember = members.map { copies.fold[originals[$0]] }
      let full = try calibrator.fit(training, folds: foldOfMember.map { folds[$0] }, among: folds, threads: session.threads)
      let withoutFold = try (answersLabelled ? folds.indices : 0..<0).map { k -> any FittedCopyCalibrator in
        guard hasPairs else { return full.without(fold: folds[k]) }
        let kept = members.indices.filter { foldOfMember[$0] != k }
        let others = training.selecting(kept)
        let copy = kept.flatMap { i -> ArraySlice<Double> in
          let row = copies.first[originals[members[i]]] + k
          return values[row * width..<(row + 1) * width]
        }
        return try calibrator.fit(
          CalibrationTraining(
            levels: group.levels, quantiles: Matrix(rows: kept.count, columns: width, values: copy), target: others.target, weights: others.weights,
            weightUnit: others.weightUnit, typicalWeight: others.typicalWeight),
          folds: kept.map { folds[foldOfMember[$0]] }, among: folds.filter { $0 != folds[k] }, threads: session.threads)
      }
      return Fits(full: full, withoutFold: withoutFold)
    }
    whole = try fits(Array(rows.labelled.indices))
    rowsNeeded = leastRows ?? max(1, whole.full.corrections.map(\.rowsNeeded).max() ?? 1)
    let (least, positions) = (rowsNeeded, rows.positionsOfKey)
    smallKeys = Set(rows.keys ?? []).filter { (positions[$0]?.count ?? 0) < least }.sorted()
    for (key, members) in positions where members.count >= least { byKey[key] = try fits(members) }
  }

  /// The calibrated quantiles of a row, as it was before it was copied, into one value a level.
  func answer(_ original: Int, into answer: UnsafeMutableBufferPointer<Double>) {
    let first = copies.first[original]
    let fits = rows.keys.flatMap { byKey[$0[first]] } ?? whole
    let weight = rows.rowWeights?[first] ?? 1
    let fold = copies.fold[original]
    guard fold >= 0 else {
      return values.withUnsafeBufferPointer { fits.full.answer($0.baseAddress! + first * width, weight: weight, into: answer) }
    }
    let own = copies.ownRow(original)
    let others = copies.folds.indices.filter { $0 != fold }.flatMap { k -> ArraySlice<Double> in
      let row = hasPairs ? first + k : own
      return values[row * width..<(row + 1) * width]
    }
    others.withUnsafeBufferPointer { fits.withoutFold[fold].answer($0.baseAddress!, weight: weight, into: answer) }
  }

  /// What a model file keeps.
  var saved: (whole: any FittedCopyCalibrator, byKey: [RowKey: any FittedCopyCalibrator]) { (whole.full, byKey.mapValues(\.full)) }

  var keys: [RowKey] { byKey.keys.sorted() }
  func corrections(_ key: RowKey?) -> [Correction] { (key.flatMap { byKey[$0] } ?? whole).full.corrections }
  var usedCorrections: [Correction] {
    ((smallKeys.isEmpty && rows.keys != nil ? [] : [whole]) + keys.map { byKey[$0]! }).flatMap {
      $0.full.corrections + $0.withoutFold.flatMap(\.corrections)
    }
  }
  func calibrated(_ quantiles: [Double], row: Int, weight: Double) -> [Double] {
    var result = quantiles
    result.withUnsafeMutableBufferPointer { answer(copies.originalOfRow[row], into: $0) }
    return result
  }
}
