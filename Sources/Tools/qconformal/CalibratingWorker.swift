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
  /// Answers that were computed before, by the row's number in the table.
  case computed((_ group: Int, _ row: Int, UnsafeMutableBufferPointer<Double>) -> Void, skips: (_ row: Int) -> Bool)
  /// By what the rows before it taught: moves a group's quantiles in place.
  case online((_ group: Int, _ values: UnsafeMutableBufferPointer<Double>) -> Void)
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
  private let rounding: DecimalRounding?
  /// Of all groups' levels, one after the other; −1 for those that are made.
  private let columns: UnsafeMutablePointer<Int>
  private(set) var weight = 1.0
  private(set) var crossingRows = 0
  /// Rows that got an infinite quantile in place of a finite one.
  private(set) var unboundedRows = 0

  init(_ plan: Plan, _ calibration: RowCalibration) {
    self.plan = plan
    self.calibration = calibration
    rounding = plan.encoder.digits.map { DecimalRounding(digits: $0) }
    width = plan.groups.reduce(0) { $0 + $1.levels.count }
    cells = .allocate(capacity: width)
    before = .allocate(capacity: width)
    after = .allocate(capacity: width)
    own = .allocate(capacity: width)
    columns = .allocate(capacity: max(1, width))
    columns.initialize(from: plan.groups.flatMap { $0.columns.map { $0 ?? -1 } }, count: width)
  }

  deinit {
    cells.deallocate()
    before.deallocate()
    after.deallocate()
    own.deallocate()
    columns.deallocate()
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    // A row's number in the table, which picks its calibration, is known to `finish`.
    switch calibration {
    case .crossFitted, .computed: return
    case .streamed(let calibrator):
      try read(row)
      try answer(row, output) { try calibrator($0, row).calibrate($1, weight: weight) }
    case .online(let move):
      try read(row)
      answer(row, output, move)
    }
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    for i in 0..<rows.count {
      let row = rows[i]
      let number = rows.firstRow + i
      switch calibration {
      case .streamed, .online: return
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
      if let rounding { roundOutwards(values, from: before + k, group.levels, rounding) }
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

  /// Rounds what was moved, away from the median, so that no interval is narrower than it has to be; where that crosses what keeps its text,
  /// that too.
  private func roundOutwards(
    _ values: UnsafeMutableBufferPointer<Double>, from before: UnsafePointer<Double>, _ levels: [Double], _ rounding: DecimalRounding
  ) {
    func rounded(_ k: Int) -> Double {
      let key = Levels.key(levels[k])
      return key < 500_000_000 ? rounding.down(values[k]) : key > 500_000_000 ? rounding.up(values[k]) : rounding.nearest(values[k])
    }
    for k in 0..<values.count where values[k] != before[k] { values[k] = rounded(k) }
    if crosses(UnsafeBufferPointer(values)) { for k in 0..<values.count { values[k] = rounded(k) } }
  }

  /// Reads the quantiles of all groups, one after the other, and the weight; counts the row where they cross.
  func read(_ row: Row, counts: Bool = true) throws {
    for k in 0..<width {
      let column = columns[k]
      if column < 0 {
        before[k] = .nan
        continue
      }
      // The header is taken up for a failure alone: counting references to it in every row makes threads wait for each other.
      switch row.number(column, reader) {
      case .number(let value), .infinite(let value): before[k] = value
      case .missing: before[k] = .nan
      case let reading: throw numberFailure(reading, row, column, plan.header)
      }
    }
    if counts, plan.groupsCross(before) { crossingRows += 1 }
    guard let column = plan.weight else { return }
    weight = try row.finiteNumber(column, reader, plan.header)
    if !(weight >= 0) {
      throw Failure(
        .badData,
        weight.isNaN ? "the weight is missing, and how far to widen depends on it" : "\"\(row.text(column))\" is negative, and a weight is not",
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
