import FilterKit
import Glibc
import Quantiles

/// The table of `--report`: what calibration changed on the labelled rows of a run, each answered before it taught.
struct OnlineReport {
  private let groups: [QuantileColumns]
  private let intervals: [OnlineInterval]
  private let changes: [OnlineWorker.Change]

  init(_ groups: [QuantileColumns], _ intervals: [OnlineInterval], _ changes: [OnlineWorker.Change]) {
    self.groups = groups
    self.intervals = intervals
    self.changes = changes
  }

  func write(_ session: FilterSession) throws {
    let table = ReportTable(columns: [
      "model", "lower", "upper", "rows", "nominal", "coverage_before", "coverage_after", "width_before", "width_after", "infinite_ends",
    ])
    let lines = zip(intervals, changes).map { interval, change -> [ReportTable.Cell] in
      let group = groups[interval.group]
      return [
        .text(group.name), .key(group.levels[interval.pair.lower]), .key(group.levels[interval.pair.upper]), .count(change.rows),
        .key(interval.pair.level.coverage), .number(change.before.coverage), .number(change.after.coverage),
        .number(change.before.width), .number(change.after.width), .count(change.after.infinite),
      ]
    }
    try table.write(lines, session: session, to: STDERR_FILENO)
  }
}
