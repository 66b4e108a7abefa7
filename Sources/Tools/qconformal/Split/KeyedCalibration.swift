import Calibration
import FilterKit

/// One quantile group's calibrations: on all labelled rows, and on those of each key that has enough.
final class KeyedCalibration {
  let whole: CrossFittedCalibration
  private(set) var byKey: [RowKey: CrossFittedCalibration] = [:]
  /// Keys with too few labelled rows, which all rows calibrate, sorted.
  let smallKeys: [RowKey]
  let rowsNeeded: Int
  private let rows: CalibrationRows
  private var positionInKey: [Int] = []

  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, _ rows: CalibrationRows, leastRows: Int?, answersLabelled: Bool,
    session: FilterSession
  ) throws {
    self.rows = rows
    whole = try CrossFittedCalibration(calibrator, training, folds: rows.folds, answersLabelled: answersLabelled, session: session)
    let least = leastRows ?? max(1, whole.full.corrections.map(\.rowsNeeded).max() ?? 1)
    rowsNeeded = least
    let positions = rows.positionsOfKey
    smallKeys = Set(rows.keys ?? []).filter { (positions[$0]?.count ?? 0) < least }.sorted()
    if rows.keys != nil { positionInKey = [Int](repeating: 0, count: rows.labelled.count) }
    for (key, members) in positions where members.count >= least {
      for (k, position) in members.enumerated() { positionInKey[position] = k }
      byKey[key] = try CrossFittedCalibration(
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
    if let keys = rows.keys, let own = byKey[keys[row]] { return try own.fitted(forPosition: position < 0 ? nil : positionInKey[position]) }
    return try whole.fitted(forPosition: position < 0 ? nil : position)
  }

  /// The calibration of unlabelled rows with this key; nil is any other.
  func full(_ key: RowKey?) -> any FittedCalibrator { (key.flatMap { byKey[$0] } ?? whole).full }

  /// Calibrations that answer rows.
  var used: [CrossFittedCalibration] { (smallKeys.isEmpty && rows.keys != nil ? [] : [whole]) + byKey.sorted { $0.key < $1.key }.map(\.value) }
}
