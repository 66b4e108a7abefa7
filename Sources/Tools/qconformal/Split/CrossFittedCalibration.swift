import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// A calibration on some labelled rows, without each of their folds, and without each of them that has no fold; or, where times tell what was
/// known, on those of earlier times.
final class CrossFittedCalibration {
  let full: any FittedCalibrator
  /// By the row's position among those that taught.
  private let folds: [Int]
  private var withoutFold: [Int: any FittedCalibrator] = [:]
  private let withoutRow: LeaveOneOut?
  /// nil where no times are told.
  let byTime: TimedCalibration?

  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, folds given: [Int], byTime: TimedCalibration?, answersLabelled: Bool,
    session: FilterSession
  ) throws {
    self.byTime = byTime
    let answersLabelled = answersLabelled && byTime == nil
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
