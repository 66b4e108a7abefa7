import Calibration
import FilterKit
import Tables

/// Writes the rows of the table that taught, each calibrated by what other folds teach.
final class CrossFittedWorker: RowWorker, CalibratingWorker {
  let row: CalibratedRow
  private let calibrations: [KeyedCalibration]
  private let rows: CalibrationRows
  private let skipsLabelled: Bool

  init(_ plan: AnswerPlan, _ calibrations: [KeyedCalibration], _ rows: CalibrationRows, skipsLabelled: Bool) {
    row = CalibratedRow(plan)
    self.calibrations = calibrations
    self.rows = rows
    self.skipsLabelled = skipsLabelled
  }

  /// A row's number in the table, which picks its calibration, is known only here.
  override func finish(_ block: Rows, into output: ByteBuffer) throws {
    for i in 0..<block.count {
      let number = block.firstRow + i
      if skipsLabelled, rows.isLabelled(number) { continue }
      try row.read(block[i])
      for g in calibrations.indices { row.move(g, by: try calibrations[g].fitted(forRow: number)) }
      row.write(block[i], into: output)
    }
  }
}

/// Calibrates streamed rows by a model file.
final class SavedCalibrationWorker: RowWorker, CalibratingWorker {
  let row: CalibratedRow
  private let groups: [SavedCalibration.Group]
  /// Of the keys that have calibrators of their own, one a group, nil where the group's rows all have one.
  private let ofKeys: KeyLookup<[(any FittedCalibrator)?]>?
  /// Reads the columns of `--given`, where the method uses them.
  private var given: FeatureCollector?

  init(_ plan: AnswerPlan, _ saved: SavedCalibration, by: [Int], given: FeatureCollector?) throws {
    row = CalibratedRow(plan)
    groups = saved.groups
    ofKeys = by.isEmpty ? nil : try saved.lookup(by)
    self.given = given
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try self.row.read(row)
    try given?.add(row)
    let features = given?.take()
    let own = try ofKeys?.find(row)
    for g in groups.indices {
      let calibrator = own?[g] ?? groups[g].whole
      if let features, let dependent = calibrator as? any FeatureDependentCalibrator {
        self.row.move(g, by: dependent.given(features, row: 0))
      } else {
        self.row.move(g, by: calibrator)
      }
    }
    self.row.write(row, into: output)
  }
}
