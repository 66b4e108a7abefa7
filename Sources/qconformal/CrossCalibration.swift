import Calibration
import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// The labelled rows of the table and their folds.
struct CalibrationRows {
  /// Labelled rows, increasing.
  let labelled: [Int]
  /// Position among `labelled` of each row, −1 for unlabelled ones.
  let positionOfRow: [Int]
  /// Fold of each labelled row, −1 for none.
  let folds: [Int]
  private let target: [Double]

  init(_ held: HeldTable, target: Int, fold: Int?, _ session: FilterSession) throws {
    let values = held.numbers(target)
    let labelled = values.indices.filter { !values[$0].isNaN }
    guard !labelled.isEmpty else {
      throw session.failure("no labelled row: all \(held.rows) targets are missing", column: held.header.names[target], remedy: "rows with a target teach the others")
    }
    self.labelled = labelled
    self.target = labelled.map { values[$0] }
    var position = [Int](repeating: -1, count: held.rows)
    for (i, row) in labelled.enumerated() { position[row] = i }
    positionOfRow = position
    let given = fold.map { held.numbers($0) }
    let folds = labelled.map { row in given.map { $0[row].isNaN ? -1 : Int($0[row]) } ?? -1 }
    // A single fold leaves no others to learn from: each row is then left out by itself.
    self.folds = Set(folds).count > 1 ? folds : folds.map { _ in -1 }
  }

  func isLabelled(_ row: Int) -> Bool { positionOfRow[row] >= 0 }

  func training(_ held: HeldTable, _ group: QuantileGroup) -> CalibrationTraining {
    let values = held.numbers(group.columns)
    let width = group.columns.count
    return CalibrationTraining(
      levels: group.levels,
      quantiles: Matrix(rows: labelled.count, columns: width, values: labelled.flatMap { values[$0 * width..<($0 + 1) * width] }), target: target)
  }
}

/// One group's calibration on all labelled rows, without each fold, and without each row that has no fold.
final class CrossCalibration {
  let full: any FittedCalibrator
  private let rows: CalibrationRows
  private var withoutFold: [Int: any FittedCalibrator] = [:]
  private var withoutRow: ((Int) throws -> any FittedCalibrator)?

  init(_ calibrator: any Calibrator, _ training: CalibrationTraining, _ rows: CalibrationRows, answersLabelled: Bool, session: FilterSession) throws {
    self.rows = rows
    let context = FitContext(threads: session.threads, warn: session.diagnostics.warn, note: session.diagnostics.note)
    full = try calibrator.fit(training, context: context)
    for correction in full.corrections {
      session.diagnostics.note(
        "levels \(levelText(correction.lowerLevel)) and \(levelText(correction.upperLevel)): moved outwards by \(shortestText(correction.correction)), learnt from \(correction.rows) rows")
    }
    guard answersLabelled else { return }
    let folds = Set(rows.folds.filter { $0 >= 0 }).sorted()
    let fitted = try parallelMap(folds.count, threads: session.threads) { k -> any FittedCalibrator in
      try calibrator.fit(training.selecting(rows.folds.indices.filter { rows.folds[$0] != folds[k] }), context: FitContext())
    }
    withoutFold = Dictionary(uniqueKeysWithValues: zip(folds, fitted))
    if rows.folds.contains(-1) { withoutRow = try calibrator.leaveOneOut(training, context: context) }
  }

  /// What answers a row of the table.
  func fitted(forRow row: Int) throws -> any FittedCalibrator {
    let position = rows.positionOfRow[row]
    if position < 0 { return full }
    if let fitted = withoutFold[rows.folds[position]] { return fitted }
    return try withoutRow?(position) ?? full
  }

  /// Says which groups no central interval can be calibrated of.
  static func tellUnpaired(_ groups: [QuantileGroup], _ calibrations: [CrossCalibration], _ session: FilterSession) {
    for (group, calibration) in zip(groups, calibrations) where calibration.full.corrections.isEmpty {
      session.diagnostics.warn("\(group.title): no level has its mirror (0.1 and 0.9, say), so nothing is calibrated")
    }
  }

  /// One warning for all levels whose ends are infinite, with the rows they need.
  static func tellInfiniteEnds(_ groups: [QuantileGroup], _ calibrations: [CrossCalibration], _ session: FilterSession) {
    let corrections = calibrations.flatMap { calibration -> [PairCorrection] in
      calibration.full.corrections + calibration.withoutFold.values.flatMap { $0.corrections }
        + (calibration.withoutRow == nil ? [] : calibration.full.corrections.map(\.withoutOneRow))
    }
    let short = corrections.filter { $0.rows < $0.rowsNeeded }
    guard let worst = short.max(by: { $0.rowsNeeded < $1.rowsNeeded }), let fewest = short.map(\.rows).min() else { return }
    let levels = Set(short.map { Levels.key($0.lowerLevel) }).sorted().map { levelText(Double($0) / 1e9) }
    let several = levels.count > 1
    let needed = worst.rowsNeeded == 1 ? "1 labelled row is needed" : "\(worst.rowsNeeded) labelled rows are needed"
    session.diagnostics.warn(
      "quantiles at level\(several ? "s" : "") \(levels.joined(separator: ", ")) and \(several ? "their mirrors" : "its mirror") are infinite: \(needed), \(fewest) \(fewest == 1 ? "teaches" : "teach")")
  }
}
