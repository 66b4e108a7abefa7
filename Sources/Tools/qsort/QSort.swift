import ArgumentParser
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QSort.self) }
}

struct QSort: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qsort",
    abstract: "Make quantile predictions non-decreasing in their level.",
    discussion: """
      Every quantile group of a row (columns qLEVEL or MODEL_qLEVEL) is made non-decreasing in place; all other columns pass \
      through byte for byte, and a row in order leaves as it came. By sort and pava the pinball loss summed over the levels, \
      so wis of qscore, never grows, whatever the target turns out to be; crps may, where levels are not evenly spaced.

      EXAMPLE
        qsort < crossing.csv > ordered.csv
      """,
    version: "qsort \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      """
      How to order: sort rearranges the values, pava takes the nearest non-decreasing values (pools are averaged), \
      minmax sweeps outwards from the median.
      """,
      valueName: "method"), completion: .list(IsotonicOperator.allCases.map(\.rawValue)))
  var method: String = "sort"

  @OptionGroup var groupsOption: GroupsOption<OrderedGroupsHelp>

  @Flag(help: "Tell on stderr how many rows and levels were repaired, and by how much.")
  var report = false

  @OptionGroup var table: TableOptions

  static let list = FlagList<QSort>([("--method", { $0.method != "sort" }), ("--report", { $0.report })])
  var flags: [GivenFlag] { QSort.list.of(self) + groupsOption.flags + table.flags }
  static let modes = [
    Mode("order", "", "orders the quantiles of each row", takes: list.names.union(["--groups"]).union(TableOptions.names))
  ]
  func mode() -> Mode { QSort.modes[0] }

  func run() throws {
    guard let method = IsotonicOperator(rawValue: self.method) else {
      throw Failure(
        .usage, "--method \(self.method): unknown method", remedy: suggestion(for: self.method, among: IsotonicOperator.allCases.map(\.rawValue)))
    }
    try TableRun("qsort", table, flags: flags).stream(Ordering(method: method, picked: groupsOption.groups, reports: report))
  }
}

enum OrderedGroupsHelp: OptionHelp {
  static let text = """
    Order these quantile groups only, separated by commas: names, or patterns such as hub-*, with ! before those to leave out; \
    an empty name is the group without one (default: all).
    """
}

/// Puts quantiles in order, and reports what was repaired.
private struct Ordering: StreamingTask {
  let method: IsotonicOperator
  let picked: String?
  let reports: Bool

  func roles(_ header: Header, _ session: FilterSession) throws -> [QuantileGroup] { try session.groups(header, picked: picked) }

  func explanation(_ groups: [QuantileGroup], _ header: Header, _ session: FilterSession) -> [(String, String)] {
    session.explanation(of: groups) + [("method", method.rawValue)]
  }

  func begin(_ roles: [QuantileGroup], _ header: Header, _ session: FilterSession) -> Bool { true }

  func output(_ groups: [QuantileGroup], _ header: Header) -> OutputColumns { OutputColumns(changed: groups.flatMap(\.columns)) }

  func worker(_ groups: [QuantileGroup], _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) -> OrderingWorker {
    OrderingWorker(groups.map { QuantileColumns($0) }, header, method: method, encoder: encoder)
  }

  func conclude(_ workers: [OrderingWorker], _ groups: [QuantileGroup], _ header: Header, _ counts: RowCounts, _ session: FilterSession) {
    guard reports else { return }
    let rows = counts.read - counts.skipped
    for (g, group) in groups.enumerated() {
      let repairs = workers.reduce(into: Repairs()) { $0.add($1.repairs[g]) }
      let title = group.name.isEmpty ? "" : "\(group.name): "
      var text = "\(title)\(repairs.rows) of \(rows) rows repaired, \(counted(repairs.levels, "level")) moved"
      if repairs.measured > 0 { text += ", by \(shortestText(repairs.mean)) on average, at most \(shortestText(repairs.largest))" }
      session.diagnostics.say(text)
    }
  }
}
