import Aggregation
import FilterKit
import Groundwork

/// The table of `--describe`: a row a model and level.
struct WeightReport {
  private let tables: [WeightTable]
  /// Tells tables apart where there are several.
  private let folds: [Int]?

  /// Throws where there are no weights.
  init(_ tables: [WeightTable?], folds: [Int]?, method: String) throws {
    self.tables = tables.compactMap { $0 }
    self.folds = folds
    if self.tables.isEmpty { throw Failure(.usage, "--describe: \(method) is not a weighted mean, so it has no weights") }
  }

  /// Returns how many rows it wrote.
  func write(_ session: FilterSession) throws -> Int {
    // One of several fits may have the same weights for all rows, and others not.
    let hasSpread = tables.contains { $0.spread != nil }
    let features = tables.map { $0.moves.map(\.feature) }.max { $0.count < $1.count }!
    let report = ReportTable(
      columns: (folds == nil ? [] : ["held"]) + ["model", "level", "weight"] + (hasSpread ? ["spread"] : []) + features.map { "moved_by_\($0)" })
    var lines: [[ReportTable.Cell]] = []
    for (k, weights) in tables.enumerated() {
      for j in weights.models.indices {
        for t in weights.levels.indices {
          var line: [ReportTable.Cell] = folds.map { [.count($0[k])] } ?? []
          line += [.text(weights.models[j]), .key(weights.levels[t]), .number(weights.mean[j, t])]
          if hasSpread { line.append(.number(weights.spread.map { $0[j, t] } ?? 0)) }
          line += features.indices.map { .number($0 < weights.moves.count ? weights.moves[$0].change[j, t] : 0) }
          lines.append(line)
        }
      }
    }
    try report.write(lines, session: session)
    return lines.count
  }
}
