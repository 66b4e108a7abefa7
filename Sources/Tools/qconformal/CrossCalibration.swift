import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// A calibration on some labelled rows, without each of their folds, and without each of them that has no fold.
final class CrossCalibration {
  let full: any FittedCalibrator
  /// By the row's position among those that taught.
  private let folds: [Int]
  private var withoutFold: [Int: any FittedCalibrator] = [:]
  private let withoutRow: LeaveOneOut?

  init(_ calibrator: any Calibrator, _ training: CalibrationTraining, folds given: [Int], answersLabelled: Bool, session: FilterSession) throws {
    let context = FitContext(threads: session.threads, warn: session.diagnostics.warn, note: session.diagnostics.note)
    // A single fold leaves no others to learn from: each row is then left out by itself.
    let folds = Set(given).count > 1 ? given : given.map { _ in -1 }
    self.folds = folds
    withoutRow = answersLabelled && folds.contains(-1) ? try calibrator.leaveOneOut(training, context: context) : nil
    full = try withoutRow?.full ?? calibrator.fit(training, context: context)
    guard answersLabelled else { return }
    let distinct = Set(folds.filter { $0 >= 0 }).sorted()
    let fitted = try parallelMap(distinct.count, threads: session.threads) { k -> any FittedCalibrator in
      try calibrator.fit(training.selecting(folds.indices.filter { folds[$0] != distinct[k] }), context: FitContext())
    }
    withoutFold = Dictionary(uniqueKeysWithValues: zip(distinct, fitted))
  }

  /// What answers the labelled row at this position, or an unlabelled row.
  func fitted(forPosition position: Int?) throws -> any FittedCalibrator {
    guard let position else { return full }
    if let fitted = withoutFold[folds[position]] { return fitted }
    return try withoutRow?(position) ?? full
  }

  /// Corrections of everything that answers some row.
  var allCorrections: [Correction] {
    full.corrections + withoutFold.values.flatMap { $0.corrections } + (withoutRow == nil ? [] : full.corrections.map(\.withoutOneRow))
  }
}

/// One quantile group's calibrations: on all labelled rows, and on those of each part of the table that has enough.
final class PartedCalibration {
  let whole: CrossCalibration
  private(set) var parts: [String: CrossCalibration] = [:]
  /// Parts with too few labelled rows, which all rows calibrate, sorted.
  let smallParts: [String]
  let rowsNeeded: Int
  private let rows: CalibrationRows
  private var positionInPart: [Int] = []

  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, _ rows: CalibrationRows, leastRows: Int?, answersLabelled: Bool,
    session: FilterSession
  ) throws {
    self.rows = rows
    whole = try CrossCalibration(calibrator, training, folds: rows.folds, answersLabelled: answersLabelled, session: session)
    let least = leastRows ?? max(1, whole.full.corrections.map(\.rowsNeeded).max() ?? 1)
    rowsNeeded = least
    let positions = rows.positionsOfPart
    smallParts = Set(rows.keys ?? []).filter { (positions[$0]?.count ?? 0) < least }.sorted()
    if rows.keys != nil { positionInPart = [Int](repeating: 0, count: rows.labelled.count) }
    for (key, members) in positions where members.count >= least {
      for (k, position) in members.enumerated() { positionInPart[position] = k }
      parts[key] = try CrossCalibration(
        calibrator, training.selecting(members), folds: members.map { rows.folds[$0] }, answersLabelled: answersLabelled, session: session)
    }
  }

  /// What answers a row of the table.
  func fitted(forRow row: Int) throws -> any FittedCalibrator {
    let found = try shared(forRow: row)
    guard let features = rows.features, let dependent = found as? any FeatureDependentCalibrator else { return found }
    return dependent.given(features, row: row)
  }

  private func shared(forRow row: Int) throws -> any FittedCalibrator {
    let position = rows.positionOfRow[row]
    if let keys = rows.keys, let part = parts[keys[row]] { return try part.fitted(forPosition: position < 0 ? nil : positionInPart[position]) }
    return try whole.fitted(forPosition: position < 0 ? nil : position)
  }

  /// The calibration of unlabelled rows with this key; nil is any other.
  func full(_ key: String?) -> any FittedCalibrator { (key.flatMap { parts[$0] } ?? whole).full }

  /// Calibrations that answer rows.
  var used: [CrossCalibration] { (smallParts.isEmpty && rows.keys != nil ? [] : [whole]) + parts.sorted { $0.key < $1.key }.map(\.value) }
}
