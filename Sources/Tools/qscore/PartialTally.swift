import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Parts of a tally as tables: the columns that label its report's rows, the levels of the model, counts of what was not scored, the exact sums,
/// `sum_` before the name of each, and last, in the first row, the ids of the parts, where they have some.
extension Tally {
  static let sumPrefix = "sum_"
  static func title(_ model: String) -> String { model.isEmpty ? "the group without a name" : "model \"\(printable(model))\"" }
  static let counts = ["levels", "part_target", "part_weight", "missing_target", "missing_prediction", "n", "weight"]

  static let partID = "part_id"

  var partColumns: [String] {
    ["model"] + by + kind.labels + Tally.counts + columns.map { Tally.sumPrefix + $0 } + (partIDs == nil ? [] : [Tally.partID])
  }

  /// Returns the number of rows, none where none was read.
  func writeParts(_ session: FilterSession, anyRows: Bool) throws -> Int {
    var rows =
      !anyRows
      ? []
      : sortedCells.flatMap { values, g, cell in
        cell.sums.enumerated().map { t, sums -> [ReportTable.Cell] in
          [.text(models[g])] + values.map { .bytes($0) } + labelCells(g, t) + [
            .text(levels[g].map(shortestText).joined(separator: " ")), .text(scored?.target ?? ""), .text(scored?.weight ?? ""),
          ]
            // What a model did not score stands once, on the first of its rows.
            + (t == 0 ? [cell.missingTarget, cell.missingPrediction] : [0, 0]).map { .count($0) } + sums.fields.map { .text($0) }
        }
      }
    if let partIDs { for i in rows.indices { rows[i].append(.text(i == 0 ? partIDs.text : "")) } }
    try ReportTable(columns: partColumns).write(rows, session: session, isNamed: true)
    return rows.count
  }
}
