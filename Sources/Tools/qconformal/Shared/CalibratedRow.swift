import Calibration
import FilterKit
import Groundwork
import Tables

/// How rows are read and written.
struct AnswerPlan {
  let header: Header
  let groups: [QuantileColumns]
  let encoder: RowEncoder
  /// The whole answer goes to the right instead of in place.
  let appends: Bool
  let weight: Int?
  let bounds: AnswerBounds
}

/// A row whose quantiles are moved: read, changed by a calibration, kept within bounds, rounded away from what is promised and written.
/// One value per worker.
final class CalibratedRow {
  let plan: AnswerPlan
  let quantiles: QuantileCodec
  private let reader = NumberReader()
  /// Away from what each group's calibration promises.
  private var roundings: [QuantileCodec.Rounding]
  /// 1 where there is no weight column.
  private(set) var weight = 1.0
  private(set) var crossingRows = 0
  /// Rows that got an infinite quantile in place of a finite one.
  private(set) var unboundedRows = 0

  init(_ plan: AnswerPlan) {
    self.plan = plan
    roundings = plan.groups.map { _ in .outwards }
    quantiles = QuantileCodec(plan.groups, plan.header, digits: plan.encoder.digits)
  }

  /// Reads the quantiles and the weight; counts the row where they cross.
  func read(_ row: Row, countsCrossing: Bool = true) throws {
    try quantiles.read(row)
    if countsCrossing, quantiles.isCrossing { crossingRows += 1 }
    guard let column = plan.weight else { return }
    weight = try row.finiteNumber(column, reader, plan.header)
    if !(weight >= 0) {
      throw Failure(
        .badData,
        weight.isNaN ? "the weight is missing, and how far to widen depends on it" : "\"\(row.text(column))\" is negative, and a weight is not",
        at: .init(column: plan.header.names[column]))
    }
  }

  /// Moves a group's quantiles.
  @inline(__always)
  func move(_ g: Int, by calibrator: any FittedCalibrator) {
    calibrator.calibrate(quantiles.values(g), weight: weight)
    roundings[g] =
      switch calibrator.boundsFrom {
      case .above: .up
      case .below: .down
      case nil: .outwards
      }
  }

  /// Writes the row that was read last, with its quantiles as they were moved. One that did not move keeps its text where `keepsTexts`.
  func write(_ row: Row, into output: ByteBuffer, keepsTexts: Bool = true) {
    for g in plan.groups.indices {
      plan.bounds.clip(quantiles.values(g))
      quantiles.round(g, roundings[g])
    }
    if quantiles.isUnbounded { unboundedRows += 1 }
    if plan.appends {
      quantiles.append(row, plan.encoder, into: output)
    } else {
      quantiles.write(row, plan.encoder, into: output, keepsTexts: keepsTexts)
    }
  }
}

/// A worker that writes calibrated rows.
protocol CalibratingWorker: RowWorker {
  var row: CalibratedRow { get }
}
