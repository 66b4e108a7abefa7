import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// What calibrates the groups of a row.
enum RowCalibration {
  /// By what the row itself says.
  case streamed((_ group: Int, _ row: Row) -> any FittedCalibrator)
  /// By the row's number in the table; nil leaves the row out.
  case crossFitted((_ group: Int, _ row: Int) throws -> any FittedCalibrator, skips: ((_ row: Int) -> Bool)?)
  /// Answers that were computed before, by the row's number in the table.
  case computed((_ group: Int, _ row: Int, UnsafeMutableBufferPointer<Double>) -> Void, skips: (_ row: Int) -> Bool)
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

    /// Whether some group's quantiles decrease, one group's after the other's.
    func groupsCross(_ row: UnsafePointer<Double>) -> Bool {
      var start = 0
      for group in groups {
        if crosses(UnsafeBufferPointer(start: row + start, count: group.levels.count)) { return true }
        start += group.levels.count
      }
      return false
    }
  }

  private let plan: Plan
  private let calibration: RowCalibration
  private let reader = NumberReader()
  private let cells: UnsafeMutablePointer<RowEncoder.Cell>
  private let before: UnsafeMutablePointer<Double>
  private let after: UnsafeMutablePointer<Double>
  private let own: UnsafeMutablePointer<Double>
  private let width: Int
  private(set) var weight = 1.0
  private(set) var crossingRows = 0

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
    // A row's number in the table, which picks its calibration, is known to `finish`.
    guard case .streamed(let calibrator) = calibration else { return }
    try read(row)
    answer(row, output) { calibrator($0, row).calibrate($1, weight: weight) }
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    for i in 0..<rows.count {
      let row = rows[i]
      let number = rows.firstRow + i
      switch calibration {
      case .streamed: return
      case .crossFitted(let calibrator, let skips):
        if skips?(number) == true { continue }
        try read(row)
        try answer(row, output) { try calibrator($0, number).calibrate($1, weight: weight) }
      case .computed(let answers, let skips):
        if skips(number) { continue }
        try read(row)
        answer(row, output) { answers($0, number, $1) }
      }
    }
  }

  /// Writes the row that was read last with its groups' quantiles as `calibrate` changes them.
  func answer(_ row: Row, _ output: ByteBuffer, _ calibrate: (_ group: Int, UnsafeMutableBufferPointer<Double>) throws -> Void) rethrows {
    after.update(from: before, count: width)
    var k = 0
    for (g, group) in plan.groups.enumerated() {
      let values = UnsafeMutableBufferPointer(start: after + k, count: group.levels.count)
      try calibrate(g, values)
      plan.bounds.clip(values)
      k += group.levels.count
    }
    if plan.appends {
      plan.encoder.write(row, cells: nil, own: after, into: output)
    } else {
      setCells()
      plan.encoder.write(row, cells: cells, own: own, into: output)
    }
  }

  /// Reads the quantiles of all groups, one after the other, and the weight; counts the row where they cross.
  func read(_ row: Row, counts: Bool = true) throws {
    var k = 0
    for group in plan.groups {
      for column in group.columns {
        before[k] = try column.map { try row.number($0, reader, plan.header) } ?? .nan
        k += 1
      }
    }
    if counts, plan.groupsCross(before) { crossingRows += 1 }
    guard let column = plan.weight else { return }
    weight = try row.finiteNumber(column, reader, plan.header)
    if !(weight >= 0) {
      throw Failure(
        .badData, weight.isNaN ? "the weight is missing, and how far to widen depends on it" : "\"\(row.text(column))\" is negative, and a weight is not",
        at: .init(column: plan.header.names[column]))
    }
  }

  /// The quantiles that were read last.
  var quantiles: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: before, count: width) }

  /// A value that did not change keeps its bytes, unless it is one of several copies'; levels without a column go to the right.
  private func setCells() {
    var keepsBytes = true
    if case .computed = calibration { keepsBytes = false }
    var (k, cell, made) = (0, 0, 0)
    for group in plan.groups {
      for column in group.columns {
        if let column {
          cells[cell] = keepsBytes && after[k] == before[k] || after[k].isNaN && before[k].isNaN ? .text(of: column) : .number(after[k])
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
