import Calibration
import FilterKit
import Glibc
import Groundwork
import Quantiles
import Tables

/// The table of `--report`: of each central interval of each group, and with `--by` of each key, what calibration changed.
///
/// Labelled rows are counted as they are answered, by what rows of other folds teach. Sums are exact, so their order does not matter.
struct CalibrationReport {
  let groups: [QuantileColumns]
  let trainings: [CalibrationTraining]
  let calibrations: [any ReportedCalibration]
  let rows: CalibrationRows
  let by: [String]
  let bounds: AnswerBounds

  /// An interval's coverage and width. Rows count by their weight.
  struct Tally {
    var weight = ExactSum()
    var covered = ExactSum()
    var widths = ExactSum()
    var bounded = ExactSum()
    var infinite = 0

    mutating func add(_ lower: Double, _ upper: Double, _ target: Double, weight w: Double) {
      weight.add(w)
      if lower <= target && target <= upper { covered.add(w) }
      if upper == .infinity || lower == -.infinity {
        infinite += (upper == .infinity ? 1 : 0) + (lower == -.infinity ? 1 : 0)
      } else if upper.isFinite && lower.isFinite {
        bounded.add(w)
        widths.add(product: w, upper - lower)
      }
    }

    var coverage: Double { covered.divided(by: weight) }
    var width: Double { widths.divided(by: bounded) }
  }

  func write(_ session: FilterSession) throws {
    let columns = [
      "lower", "upper", "rows", "nominal", "coverage_before", "coverage_after", "width_before", "width_after", "lower_correction", "upper_correction",
      "infinite_ends", "rows_needed",
    ]
    let table = ReportTable(columns: ["model"] + by + columns)
    var lines: [[ReportTable.Cell]] = []
    for ((group, training), calibration) in zip(zip(groups, trainings), calibrations) {
      let selections: [(key: RowKey?, positions: [Int])] =
        [(nil, Array(rows.labelled.indices))] + rows.positionsOfKey.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
      for selection in selections { lines += try self.lines(group, calibration, selection.key, selection.positions, training.quantiles.values) }
    }
    try table.write(lines, session: session, to: STDERR_FILENO)
  }

  private func lines(
    _ group: QuantileColumns, _ calibration: any ReportedCalibration, _ key: RowKey?, _ positions: [Int], _ values: [Double]
  ) throws -> [[ReportTable.Cell]] {
    let pairs = LevelPairs(group.levels).pairs
    var before = pairs.map { _ in Tally() }
    var after = before
    let width = group.levels.count
    for position in positions {
      let row = rows.labelled[position]
      let weight = rows.rowWeights?[row] ?? 1
      let old = Array(values[position * width..<(position + 1) * width])
      var new = try calibration.calibrated(old, row: row, weight: weight)
      new.withUnsafeMutableBufferPointer { bounds.clip($0) }
      for (k, pair) in pairs.enumerated() where !new[pair.lower].isNaN && !new[pair.upper].isNaN {
        before[k].add(old[pair.lower], old[pair.upper], rows.target[position], weight: weight)
        after[k].add(new[pair.lower], new[pair.upper], rows.target[position], weight: weight)
      }
    }
    let corrections = calibration.corrections(key)
    let keyValues = key?.values ?? by.map { _ in "" }
    return pairs.enumerated().map { k, pair in
      let (lower, upper) = (group.levels[pair.lower], group.levels[pair.upper])
      let below = corrections.first { $0.lowerLevel == lower }
      let above = corrections.first { $0.upperLevel == upper }
      let isMade = group.columns[pair.lower] == nil || group.columns[pair.upper] == nil
      let place: [ReportTable.Cell] = [.text(group.name)] + keyValues.map { .field($0) }
      let interval: [ReportTable.Cell] = [
        .key(lower), .key(upper), .count(max(below?.rows ?? 0, above?.rows ?? 0)), .key(pair.level.coverage),
      ]
      let change: [ReportTable.Cell] = [
        .number(isMade ? .nan : before[k].coverage), .number(after[k].coverage), .number(isMade ? .nan : before[k].width), .number(after[k].width),
      ]
      let moved: [ReportTable.Cell] = [
        .number(below?.amount ?? .nan), .number(above?.amount ?? .nan), .count(after[k].infinite),
        .count(max(below?.rowsNeeded ?? 0, above?.rowsNeeded ?? 0)),
      ]
      return place + interval + change + moved
    }
  }
}
