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
    // The fits that answer rows with a key, and under nil those of all.
    var asked: [RowKey?: Set<Int?>] = [:]
    if let timed = rows.timed {
      for (row, fit) in timed.fit.enumerated() where answersLabelled || !rows.isLabelled(row) {
        asked[nil, default: []].insert(fit)
        if let keys = rows.keys { asked[keys[row], default: []].insert(fit) }
      }
    }
    func calibration(_ training: CalibrationTraining, of positions: [Int], key: RowKey?) throws -> CrossFittedCalibration {
      let byTime = try rows.timed.map { timed in
        try TimedCalibration(
          calibrator, training, rows: positions.map { rows.labelled[$0] }, timed, asked: asked[key] ?? [],
          weights: { members, step in rows.weights(of: members.map { positions[$0] }, at: step) }, keepsWeights: rows.rowWeights != nil,
          session: session)
      }
      // What is saved has forgotten what is too old at the end.
      let end = rows.timed?.times.moments.count ?? 0
      let kept = positions.indices.filter { k in rows.timed.map { $0.teaches(rows.labelled[positions[k]], at: end) } ?? true }
      return try CrossFittedCalibration(
        calibrator, kept.count == positions.count ? training : training.selecting(kept), folds: kept.map { rows.folds[positions[$0]] },
        byTime: byTime, answersLabelled: answersLabelled, session: session)
    }
    whole = try calibration(training, of: Array(rows.labelled.indices), key: nil)
    let least = leastRows ?? max(1, whole.full.corrections.map(\.rowsNeeded).max() ?? 1)
    rowsNeeded = least
    let positions = rows.positionsOfKey
    smallKeys = Set(rows.keys ?? []).filter { (positions[$0]?.count ?? 0) < least }.sorted()
    if rows.keys != nil { positionInKey = [Int](repeating: 0, count: rows.labelled.count) }
    for (key, members) in positions where members.count >= least {
      for (k, position) in members.enumerated() { positionInKey[position] = k }
      byKey[key] = try calibration(training.selecting(members), of: members, key: key)
    }
  }

  /// What answers a row of the table.
  func fitted(forRow row: Int) throws -> any FittedCalibrator {
    let found = try shared(forRow: row)
    guard let features = rows.features, let dependent = found as? any FeatureDependentCalibrator else { return found }
    return dependent.given(features, row: row)
  }

  private func shared(forRow row: Int) throws -> any FittedCalibrator {
    let own = rows.keys.flatMap { byKey[$0[row]] }
    if let timed = rows.timed {
      let fit = timed.fit[row]
      // A key has its own calibration from the time on at which enough of its rows have taught.
      let hasEnough = own.map { $0.byTime!.rows(fit) >= rowsNeeded } ?? false
      return (hasEnough ? own! : whole).byTime!.fitted(fit)
    }
    let position = rows.positionOfRow[row]
    if let own { return try own.fitted(forPosition: position < 0 ? nil : positionInKey[position]) }
    return try whole.fitted(forPosition: position < 0 ? nil : position)
  }

  /// The calibration of unlabelled rows with this key; nil is any other.
  func full(_ key: RowKey?) -> any FittedCalibrator { (key.flatMap { byKey[$0] } ?? whole).full }

  /// Calibrations that answer rows.
  var used: [CrossFittedCalibration] { (smallKeys.isEmpty && rows.keys != nil ? [] : [whole]) + byKey.sorted { $0.key < $1.key }.map(\.value) }
}
