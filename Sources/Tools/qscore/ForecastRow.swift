import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// The target, the weight and every group's quantiles of one row after the other, on each scale in turn.
final class ForecastRow {
  private let header: Header
  private let roles: ScoringRoles
  private let reader = NumberReader()
  /// One group after the other.
  private let values: UnsafeMutablePointer<Double>
  private let isComplete: UnsafeMutablePointer<Bool>
  private let offsets: [Int]
  private let width: Int
  /// NaN where it is missing.
  private(set) var target = Double.nan
  /// 1 where there is no weight column.
  private(set) var weight = 1.0

  init(roles: ScoringRoles, header: Header) {
    self.roles = roles
    self.header = header
    var width = 0
    offsets = roles.groups.map { group in
      defer { width += group.levels.count }
      return width
    }
    self.width = width
    values = .allocate(capacity: width)
    isComplete = .allocate(capacity: roles.groups.count)
  }

  deinit {
    values.deallocate()
    isComplete.deallocate()
  }

  /// Whether group g has all its quantiles.
  func isComplete(_ g: Int) -> Bool { isComplete[g] }

  /// Of group g, one a level, as they stand.
  func quantiles(_ g: Int) -> UnsafePointer<Double> { UnsafePointer(values + offsets[g]) }

  /// Reads all that a row is scored by, so that a bad row leaves no trace.
  func read(_ row: Row) throws {
    target = try row.finiteNumber(roles.target, reader, header)
    try checkScale(target, row, roles.target)
    weight = target.isNaN ? 1 : try readWeight(row)
    for (g, group) in roles.groups.enumerated() {
      let quantiles = values + offsets[g]
      isComplete[g] = true
      try group.columns.withUnsafeBufferPointer { columns in
        for k in 0..<columns.count {
          quantiles[k] = try row.number(columns[k], reader, header)
          if quantiles[k].isNaN { isComplete[g] = false }
        }
      }
      if roles.transform != nil, !target.isNaN, isComplete[g] {
        for (k, column) in group.columns.enumerated() { try checkScale(quantiles[k], row, column) }
      }
    }
  }

  /// Calls `body` with the number of each scale, with target and quantiles on it.
  @inline(__always)
  func forEachScale(_ body: (Int) throws -> Void) rethrows {
    for (s, scale) in roles.scales.enumerated() {
      // The natural scale comes first.
      if let transform = scale.transform, !target.isNaN {
        target = transform(target)
        for k in 0..<width { values[k] = transform(values[k]) }
      }
      try body(s)
    }
  }

  /// What tells the part of a row on scale s: a text for each of `ScoringRoles.partNames`.
  func part(_ row: Row, _ s: Int) -> [String] {
    roles.by.map { row.text($0) } + (roles.transform == nil ? [] : [roles.scales[s].label])
  }

  private func readWeight(_ row: Row) throws -> Double {
    guard let column = roles.weight else { return 1 }
    let weight = try row.finiteNumber(column, reader, header)
    guard weight >= 0 else {
      throw Failure(.badData, weight.isNaN ? "the weight is missing" : "the weight is negative", at: .init(column: header.names[column]))
    }
    return weight
  }

  private func checkScale(_ value: Double, _ row: Row, _ column: Int) throws {
    guard let refusal = roles.transform?.refusal(of: value) else { return }
    throw Failure(
      .badData, "\"\(printable(row.text(column)))\" \(refusal), which log_shift does not take", at: .init(column: header.names[column]),
      remedy: value < 0 ? "raise such values to 0 before" : "write log_shift:1")
  }
}
