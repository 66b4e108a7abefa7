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
      through byte for byte, and a row in order leaves as it came. By sort and pava the pinball loss summed over the levels \
      never grows, whatever the target turns out to be.

      EXAMPLE
        qsort < crossing.csv > ordered.csv
      """,
    version: "qsort \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "How to order: sort rearranges the values, pava takes the nearest non-decreasing values (pools are averaged), minmax sweeps outwards from the median.",
      valueName: "method"), completion: .list(IsotonicOperator.allCases.map(\.rawValue)))
  var method: String = "sort"

  @Option(
    name: [.customShort("g"), .long],
    help: ArgumentHelp(
      "Order these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Flag(help: "Tell on stderr how many rows and levels were repaired, and by how much.")
  var report = false

  @OptionGroup var table: TableOptions

  mutating func run() throws {
    guard let method = IsotonicOperator(rawValue: self.method) else {
      throw Failure(
        .usage, "--method \(self.method): unknown method", remedy: suggestion(for: self.method, among: IsotonicOperator.allCases.map(\.rawValue)))
    }
    let session = try FilterSession(tool: "qsort", table)
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    let groups = try session.groups(header, picked: self.groups)
    if table.explain { return try session.explain(session.explanation(of: groups) + [("method", method.rawValue)]) }
    let encoder = try session.encoder(header, changed: groups.flatMap(\.columns))
    try session.writeHeader(encoder)
    var workers: [OrderingWorker] = []
    let counts = try session.stream(header) {
      let worker = OrderingWorker(header: header, groups: groups, method: method, encoder: encoder)
      workers.append(worker)
      return worker
    }
    try session.finish(counts)
    if report { reportRepairs(session, groups, workers, counts) }
  }

  private func reportRepairs(_ session: FilterSession, _ groups: [QuantileGroup], _ workers: [OrderingWorker], _ counts: RowCounts) {
    let rows = counts.read - counts.skipped
    for (g, group) in groups.enumerated() {
      let repairs = workers.map { $0.repairs[g] }.reduce(into: Repairs()) { $0.add($1) }
      let title = group.name.isEmpty ? "" : "\(group.name): "
      var text = "\(title)\(repairs.rows) of \(rows) rows repaired, \(repairs.levels) level\(repairs.levels == 1 ? "" : "s") moved"
      if repairs.measured > 0 {
        text += ", by \(shortestText(repairs.total.rounded / Double(repairs.measured))) on average, at most \(shortestText(repairs.largest))"
      }
      session.diagnostics.say(text)
    }
  }
}
