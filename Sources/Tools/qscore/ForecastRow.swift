import FilterKit
import Groundwork
import Quantiles
import Tables

/// The target, the weight and every group's quantiles of one row after the other, on each scale in turn.
final class ForecastRow {
  private let header: Header
  private let roles: ScoringRoles
  private let reader = NumberReader()
  private let codec: QuantileCodec
  private let isComplete: UnsafeMutablePointer<Bool>
  /// NaN where it is missing.
  private(set) var target = Double.nan
  /// 1 where there is no weight column.
  private(set) var weight = 1.0

  init(roles: ScoringRoles, header: Header) {
    self.roles = roles
    self.header = header
    codec = QuantileCodec(roles.groups.map { QuantileColumns($0) }, header)
    isComplete = .allocate(capacity: roles.groups.count)
  }

  deinit { isComplete.deallocate() }

  /// Whether group g has all its quantiles.
  func isComplete(_ g: Int) -> Bool { isComplete[g] }

  /// Of group g, one a level, as they stand.
  func quantiles(_ g: Int) -> UnsafeBufferPointer<Double> { UnsafeBufferPointer(codec.values(g)) }

  /// Reads all that a row is scored by, so that a bad row leaves no trace.
  func read(_ row: Row) throws {
    target = try row.finiteNumber(roles.target, reader, header)
    try checkScale(target, row, roles.target)
    if roles.takesCounts, target < 0 || target != target.rounded(), !target.isNaN {
      throw Failure(
        .badData, "\"\(printable(row.text(roles.target)))\" is not a count", at: .init(column: header.names[roles.target]),
        remedy: "counts are whole numbers from 0; leave --counts out for other targets")
    }
    weight = target.isNaN ? 1 : try readWeight(row)
    try codec.read(row)
    for (g, group) in roles.groups.enumerated() {
      isComplete[g] = !codec.given(g).contains { $0.isNaN }
      if roles.transform != nil, !target.isNaN, isComplete[g] {
        for (quantile, column) in zip(codec.given(g), group.columns) { try checkScale(quantile, row, column) }
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
        for g in roles.groups.indices {
          let quantiles = codec.values(g)
          for k in quantiles.indices { quantiles[k] = transform(quantiles[k]) }
        }
      }
      try body(s)
    }
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
