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
  private var wholeByTime: TimedCalibration?
  private var byKeyAndTime: [RowKey: TimedCalibration] = [:]

  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, _ rows: CalibrationRows, leastRows: Int?, answersLabelled: Bool,
    session: FilterSession
  ) throws {
    self.rows = rows
    // Where times tell what was known, folds do not: labelled rows are answered by earlier ones.
    let crossFits = answersLabelled && rows.times == nil
    whole = try CrossFittedCalibration(calibrator, training, folds: rows.folds, answersLabelled: crossFits, session: session)
    let least = leastRows ?? max(1, whole.full.corrections.map(\.rowsNeeded).max() ?? 1)
    rowsNeeded = least
    let positions = rows.positionsOfKey
    smallKeys = Set(rows.keys ?? []).filter { (positions[$0]?.count ?? 0) < least }.sorted()
    if rows.keys != nil { positionInKey = [Int](repeating: 0, count: rows.labelled.count) }
    for (key, members) in positions where members.count >= least {
      for (k, position) in members.enumerated() { positionInKey[position] = k }
      byKey[key] = try CrossFittedCalibration(
        calibrator, training.selecting(members), folds: members.map { rows.folds[$0] }, answersLabelled: crossFits, session: session)
    }
    try addTimes(calibrator, training, positions.filter { $0.value.count >= least }, answersLabelled: answersLabelled, session)
  }

  private func addTimes(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, _ members: [RowKey: [Int]], answersLabelled: Bool, _ session: FilterSession
  ) throws {
    guard let times = rows.times else { return }
    func timed(_ training: CalibrationTraining, _ positions: [Int], _ answers: (Int) -> Bool) throws -> TimedCalibration {
      let asked = times.steps.indices.filter { answers($0) && (answersLabelled || !self.rows.isLabelled($0)) }.map { times.steps[$0] }
      return try TimedCalibration(
        calibrator, training, steps: positions.map { times.steps[rows.labelled[$0]] }, asked: Set(asked),
        weights: rows.weights(of: [], at: 0).map { _ in { members, step in self.rows.weights(of: members.map { positions[$0] }, at: step)! } },
        keepsWeights: rows.rowWeights != nil, session: session)
    }
    wholeByTime = try timed(training, Array(rows.labelled.indices)) { _ in true }
    for (key, positions) in members { byKeyAndTime[key] = try timed(training.selecting(positions), positions) { self.rows.keys![$0] == key } }
  }

  /// What answers a row of the table.
  func fitted(forRow row: Int) throws -> any FittedCalibrator {
    let found = try shared(forRow: row)
    guard let features = rows.features, let dependent = found as? any FeatureDependentCalibrator else { return found }
    return dependent.given(features, row: row)
  }

  private func shared(forRow row: Int) throws -> any FittedCalibrator {
    if let times = rows.times, let wholeByTime {
      let step = times.steps[row]
      // A key has its own calibration from the time on at which enough of its rows have taught.
      if let keys = rows.keys, let own = byKeyAndTime[keys[row]], own.rows(before: step) >= rowsNeeded { return own.fitted(at: step) }
      return wholeByTime.fitted(at: step)
    }
    let position = rows.positionOfRow[row]
    if let keys = rows.keys, let own = byKey[keys[row]] { return try own.fitted(forPosition: position < 0 ? nil : positionInKey[position]) }
    return try whole.fitted(forPosition: position < 0 ? nil : position)
  }

  /// The calibration of unlabelled rows with this key; nil is any other.
  func full(_ key: RowKey?) -> any FittedCalibrator { (key.flatMap { byKey[$0] } ?? whole).full }

  /// Calibrations that answer rows.
  var used: [CrossFittedCalibration] { (smallKeys.isEmpty && rows.keys != nil ? [] : [whole]) + byKey.sorted { $0.key < $1.key }.map(\.value) }
}
