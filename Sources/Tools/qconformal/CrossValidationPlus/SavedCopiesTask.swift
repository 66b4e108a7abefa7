import Calibration
import FilterKit
import Groundwork
import Tables

/// Calibrates the copies of rows by a model file of `--method cv+`, as a stream.
struct SavedCopiesTask: StreamingTask {
  let flags: QConformal
  let saved: SavedCopies
  /// `--bounds` of this run, in place of those of the file.
  let bounds: AnswerBounds?

  struct Roles {
    let groups: [QuantileColumns]
    let copy: Int
    let by: [Int]
    let weight: Int?
    /// Columns in which copies agree.
    let shared: [Int]
  }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let groups = try SavedCalibration.groups(saved.groups.map { ($0.name, $0.whole.levels, []) }, header, session)
    let copy = try session.heldColumn(header)
    let names = header.quantileNames(input: session.inputName)
    let quantiles = Set(names.columns + names.doubtful)
    return Roles(
      groups: groups, copy: copy, by: try session.columns(header, saved.terms.by),
      weight: try saved.terms.weight.map { try session.column(header, $0) },
      shared: (0..<header.count).filter { $0 != copy && !quantiles.contains($0) })
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> [(String, String)] {
    try flags.explanation(roles.groups, saved.specification, session)
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ roles: Roles, _ header: Header) throws -> OutputColumns { try flags.output(roles.groups, dropped: [roles.copy]) }

  /// Copies of a row may lie in two blocks.
  var takesRowsInOrder: Bool { true }

  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) throws -> GatheringWorker {
    let plan = flags.plan(header, roles.groups, encoder, weight: roles.weight, bounds: bounds ?? saved.terms.bounds)
    return try GatheringWorker(plan, saved, copy: roles.copy, by: roles.by, shared: roles.shared)
  }

  func complete(_ workers: [GatheringWorker], _ roles: Roles, _ counts: RowCounts, _ session: FilterSession) throws -> Int? {
    if let copy = workers[0].missingCopy {
      throw session.failure(
        "the table ends before copy \(copy) of its last row", column: "held", remedy: "a row stands once for each fold, as qfit --load writes it")
    }
    return counts.read / saved.folds.count
  }

  func conclude(_ workers: [GatheringWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) {
    CalibrationMessages.tellCrossing(workers.map(\.row), session.diagnostics.note)
  }
}
