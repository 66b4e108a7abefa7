import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// What calibrates the groups of a row.
enum RowCalibration {
  /// By what the row itself says.
  case streamed((_ group: Int, _ row: Row) throws -> any FittedCalibrator)
  /// By the row's number in the table; nil leaves the row out.
  case crossFitted((_ group: Int, _ row: Int) throws -> any FittedCalibrator, skips: ((_ row: Int) -> Bool)?)
}

/// Moves the quantiles of each row.
final class CalibratingWorker: RowWorker {
  /// How rows are read and written.
  struct Plan {
    let header: Header
    let groups: [WorkingGroup]
    let encoder: RowEncoder
    /// The whole answer goes to the right instead of in place.
    let appends: Bool
    let weight: Int?
    let bounds: AnswerBounds
  }

  private let plan: Plan
  private let calibration: RowCalibration
  private let reader = NumberReader()
  private let cells: UnsafeMutablePointer<RowEncoder.Cell>
  private let before: UnsafeMutablePointer<Double>
  private let after: UnsafeMutablePointer<Double>
  private let own: UnsafeMutablePointer<Double>
  private let width: Int
  private var weight = 1.0
  private(set) var crossingRows = 0
  /// Rows that got an infinite quantile in place of a finite one.
  private(set) var unboundedRows = 0

  init(_ plan: Plan, _ calibration: RowCalibration) {
    self.plan = plan
    self.calibration = calibration
    width = plan.groups.reduce(0) { $0 + $1.levels.count }
    cells = .allocate(capacity: width)
    before = .allocate(capacity: width)
    after = .allocate(capacity: width)
    own = .allocate(capacity: width)
  }

  deinit {
    cells.deallocate()
    before.deallocate()
    after.deallocate()
    own.deallocate()
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try read(row)
    if crosses { crossingRows += 1 }
    // A row's number in the table, which picks its calibration, is known to `finish`: here it is only checked.
    guard case .streamed(let calibrator) = calibration else { return }
    try answer(row, output) { try calibrator($0, row) }
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    guard case .crossFitted(let calibrator, let skips) = calibration else { return }
    for i in 0..<rows.count where skips?(rows.firstRow + i) != true {
      let row = rows[i]
      try read(row)
      try answer(row, output) { try calibrator($0, rows.firstRow + i) }
    }
  }

  private func answer(_ row: Row, _ output: ByteBuffer, _ calibrator: (_ group: Int) throws -> any FittedCalibrator) rethrows {
    after.update(from: before, count: width)
    var k = 0
    for (g, group) in plan.groups.enumerated() {
      let values = UnsafeMutableBufferPointer(start: after + k, count: group.levels.count)
      try calibrator(g).calibrate(values, weight: weight)
      plan.bounds.clip(values)
      k += group.levels.count
    }
    if (0..<width).contains(where: { before[$0].isFinite && after[$0].isInfinite }) { unboundedRows += 1 }
    if plan.appends {
      plan.encoder.write(row, cells: nil, own: after, into: output)
    } else {
      setCells()
      plan.encoder.write(row, cells: cells, own: own, into: output)
    }
  }

  private func read(_ row: Row) throws {
    var k = 0
    for group in plan.groups {
      for column in group.columns {
        before[k] = try column.map { try row.number($0, reader, plan.header) } ?? .nan
        k += 1
      }
    }
    guard let column = plan.weight else { return }
    weight = try row.finiteNumber(column, reader, plan.header)
    if !(weight >= 0) {
      throw Failure(
        .badData, weight.isNaN ? "the weight is missing, and how far to widen depends on it" : "\"\(row.text(column))\" is negative, and a weight is not",
        at: .init(column: plan.header.names[column]))
    }
  }

  /// Whether some group's present quantiles decrease.
  private var crosses: Bool {
    var k = 0
    for group in plan.groups {
      var last = -Double.infinity
      for _ in group.columns {
        if before[k] < last { return true }
        if !before[k].isNaN { last = before[k] }
        k += 1
      }
    }
    return false
  }

  /// A value that did not change keeps its bytes; levels without a column go to the right.
  private func setCells() {
    var (k, cell, made) = (0, 0, 0)
    for group in plan.groups {
      for column in group.columns {
        if let column {
          cells[cell] = after[k] == before[k] || after[k].isNaN ? .text(of: column) : .number(after[k])
          cell += 1
        } else {
          own[made] = after[k]
          made += 1
        }
        k += 1
      }
    }
  }
}
