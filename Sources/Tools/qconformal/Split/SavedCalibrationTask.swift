import Calibration
import FilterKit
import Tables

/// Calibrates rows by a model file, as a stream.
struct SavedCalibrationTask: StreamingTask {
  let flags: QConformal
  let saved: SavedCalibration
  /// `--bounds` of this run, in place of those of the file.
  let bounds: AnswerBounds?

  struct Roles {
    let groups: [QuantileColumns]
    let by: [Int]
    let weight: Int?
    let given: FeatureCollector?
  }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    Roles(
      groups: try saved.groups(header, session), by: try session.columns(header, saved.terms.by),
      weight: try saved.terms.weight.map { try session.column(header, $0) },
      given: try saved.given.map { try FeatureCollector($0, header: header, input: session.inputName) })
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> [(String, String)] {
    try flags.explanation(roles.groups, saved.specification, session)
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns { try flags.output(roles.groups) }

  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) throws -> SavedCalibrationWorker {
    let plan = flags.plan(header, roles.groups, encoder, weight: roles.weight, bounds: bounds ?? saved.terms.bounds)
    return try SavedCalibrationWorker(plan, saved, by: roles.by, given: roles.given)
  }

  func conclude(_ workers: [SavedCalibrationWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) {
    let rows = workers.map(\.row)
    CalibrationMessages.tellCrossing(rows, session.diagnostics.note)
    CalibrationMessages.tellUnbounded(rows, conditional: saved.given != nil, weighted: saved.terms.weight != nil, session.diagnostics.note)
  }
}
