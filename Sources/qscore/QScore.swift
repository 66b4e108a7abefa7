import ArgumentParser
import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

@main enum Main {
  static func main() { runFilter(QScore.self) }
}

struct QScore: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qscore",
    abstract: "Score quantile predictions against the targets that came true.",
    discussion: """
      Writes a table with a row for each quantile group (columns qLEVEL or MODEL_qLEVEL): the means over rows of

        wis              weighted interval score: 2 x pinball loss, mean over levels
        dispersion, overprediction, underprediction
                         what wis is the sum of
        pinball          pinball loss, mean over levels: wis / 2
        bias             from -1 (forecasts lie below the target) to 1 (above)
        ae_median        absolute error of the median
        interval_coverage_90, interval_width_90
                         share of targets within the 90 % interval, and its width

      Scores but bias and coverage are in units of the target. Rows without a target or without all of a group's quantiles \
      are not scored; how many there are is said on stderr.

      EXAMPLES
        qscore -y price < predicted.csv
        qscore --by location < forecasts.csv
        qscore --merge monday.part tuesday.part
      """,
    version: "qscore \(filterVersion)")

  @OptionGroup var targetOption: TargetOption

  @Option(name: [.customShort("w"), .long], help: ArgumentHelp("Column of row weights, finite and not negative.", valueName: "name"))
  var weight: String?

  @Option(name: [.customShort("g"), .long], help: ArgumentHelp("Score these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Option(help: ArgumentHelp("Score the rows with each value of these columns by themselves.", valueName: "names"))
  var by: String?

  @Option(help: ArgumentHelp("Central intervals to report, in percent, such as 50,90 (default: those of 50, 80, 90, 95 that the levels hold).", valueName: "percents"))
  var intervals: String?

  @Flag(help: "Score each level: columns model, level, n, pinball, coverage (share of targets at or below the quantile).")
  var perLevel = false

  @Flag(help: "Append the scores to each row instead, as columns MODEL_wis and so on.")
  var perRow = false

  @Flag(help: "Write exact sums, to be merged later: parts of any split give the same bytes as the whole.")
  var partial = false

  @Flag(help: "Read what --partial wrote, and merge it.")
  var merge = false

  @OptionGroup var table: TableOptions

  func validate() throws {
    if perRow, let (name, _) = [("--by", by != nil), ("--per-level", perLevel), ("--partial", partial), ("--merge", merge), ("--weight", weight != nil)].first(where: \.1) {
      throw ValidationError("--per-row and \(name) exclude each other")
    }
    if merge, let (name, _) = [("--by", by != nil), ("--per-level", perLevel), ("--groups", groups != nil), ("--intervals", intervals != nil), ("--target", targetOption.target != nil), ("--weight", weight != nil)].first(where: \.1) {
      throw ValidationError("--merge takes what the parts hold, so \(name) has no effect")
    }
  }

  mutating func run() throws {
    let session = try FilterSession(tool: "qscore", table)
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    if merge {
      let tally = try Tally(merging: session, header)
      return try write(tally, session, tally.counts)
    }
    let roles = try ScoringRoles(session, header, self)
    if table.explain { return try session.explain(roles.explanation(header, session)) }
    if perRow { return try appendScores(roles, session, header) }

    var workers: [ScoringWorker] = []
    let counts = try session.stream(header, writesRows: false) {
      let worker = ScoringWorker(roles: roles, header: header, perLevel: perLevel)
      workers.append(worker)
      return worker
    }
    var tally = workers[0].tally
    for worker in workers.dropFirst() { tally.merge(worker.tally) }
    try write(tally, session, counts)
  }

  private func write(_ tally: Tally, _ session: FilterSession, _ counts: RowCounts) throws {
    try partial ? tally.writeParts(session) : tally.writeMeans(session)
    try session.finish(counts)
    for message in tally.unscored { session.diagnostics.warn(message) }
  }

  private func appendScores(_ roles: ScoringRoles, _ session: FilterSession, _ header: Header) throws {
    let names = roles.groups.flatMap { group in roles.columns.map { (group.name.isEmpty ? "" : group.name + "_") + $0 } }
    let encoder = try session.encoder(header, appended: names)
    try session.writeHeader(encoder)
    var workers: [AppendingWorker] = []
    let counts = try session.stream(header) {
      let worker = AppendingWorker(roles: roles, header: header, encoder: encoder)
      workers.append(worker)
      return worker
    }
    try session.finish(counts)
    var tally = workers[0].tally
    for worker in workers.dropFirst() { tally.merge(worker.tally) }
    for message in tally.unscored { session.diagnostics.warn(message) }
  }
}
