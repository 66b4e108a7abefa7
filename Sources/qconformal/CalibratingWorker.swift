import Calibration
import FilterKit
import Groundwork
import Quantiles
import Tables

/// What calibrates the groups of a row.
enum RowCalibration {
  /// One calibrator a group, for every row.
  case loaded([any FittedCalibrator])
  /// By the row's number in the table; nil leaves the row out.
  case crossFitted((_ group: Int, _ row: Int) throws -> any FittedCalibrator, skips: ((_ row: Int) -> Bool)?)
}

/// Moves the quantiles of each row.
final class CalibratingWorker: RowWorker {
  private let header: Header
  private let groups: [QuantileGroup]
  private let encoder: RowEncoder
  /// The answer goes to the right instead of in place.
  private let appends: Bool
  private let calibration: RowCalibration
  private let reader = NumberReader()
  private let cells: UnsafeMutablePointer<RowEncoder.Cell>
  private let before: UnsafeMutablePointer<Double>
  private let after: UnsafeMutablePointer<Double>
  private let width: Int

  init(header: Header, groups: [QuantileGroup], encoder: RowEncoder, appends: Bool, calibration: RowCalibration) {
    self.header = header
    self.groups = groups
    self.encoder = encoder
    self.appends = appends
    self.calibration = calibration
    width = groups.reduce(0) { $0 + $1.columns.count }
    cells = .allocate(capacity: width)
    before = .allocate(capacity: width)
    after = .allocate(capacity: width)
  }

  deinit {
    cells.deallocate()
    before.deallocate()
    after.deallocate()
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try read(row)
    // A row's number in the table, which picks its calibration, is known to `finish`: here it is only checked.
    guard case .loaded(let calibrators) = calibration else { return }
    answer(row, output) { calibrators[$0] }
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
    for (g, group) in groups.enumerated() {
      try calibrator(g).calibrate(UnsafeMutableBufferPointer(start: after + k, count: group.columns.count))
      k += group.columns.count
    }
    if appends {
      encoder.write(row, cells: nil, own: after, into: output)
    } else {
      setCells()
      encoder.write(row, cells: cells, own: nil, into: output)
    }
  }

  private func read(_ row: Row) throws {
    var k = 0
    for group in groups {
      for column in group.columns {
        before[k] = try row.number(column, reader, header)
        k += 1
      }
    }
  }

  /// A value that did not change keeps its bytes.
  private func setCells() {
    var k = 0
    for group in groups {
      for column in group.columns {
        cells[k] = after[k] == before[k] || after[k].isNaN ? .text(of: column) : .number(after[k])
        k += 1
      }
    }
  }
}
