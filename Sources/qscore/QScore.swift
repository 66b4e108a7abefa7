import ArgumentParser
import FilterKit
import Groundwork
import Methods
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
      are not scored; how many there are is said on stderr. Other tables tell more: --per-level, --pit and --reliability what \
      is wrong with calibration, --decompose what the score is made of, --compare which model is better, and whether by chance.

      EXAMPLES
        qscore -y price < predicted.csv
        qscore --by location --output markdown < forecasts.csv
        qscore --compare=baseline --order date --bootstrap 1000 < forecasts.csv
        qscore --fail-if 'interval_coverage_90 < 0.85' < yesterday.csv > scores.csv
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

  @Flag(help: "Report crps too, the continuous ranked probability score by quadrature over the levels.")
  var crps = false

  @Option(parsing: .unconditional, help: ArgumentHelp("Report the crps of outcomes above this number too (threshold-weighted).", valueName: "number"))
  var above: Double?

  @Option(parsing: .unconditional, help: ArgumentHelp("Report the crps of outcomes below this number too; with --above, between the two.", valueName: "number"))
  var below: Double?

  @Option(help: ArgumentHelp("Score on another scale: log_shift:A is log(x + A) of targets and quantiles, which must not be negative.", valueName: "scale"))
  var transform: String?

  @Flag(help: "With --transform, score on the scale as read too.")
  var append = false

  @Flag(help: "Score each level: columns model, level, n, pinball, coverage (share of targets at or below the quantile).")
  var perLevel = false

  @Flag(help: "Append the scores to each row instead, as columns MODEL_wis and so on.")
  var perRow = false

  @Flag(help: "Nominal against observed coverage of each level, and the band (lower, upper) in which 95 % of calibrated forecasts with as many rows lie.")
  var reliability = false

  @Flag(help: "Histogram of the probability integral transform: the share of targets in each part of the predicted distributions.")
  var pit = false

  @Option(help: ArgumentHelp("With --pit, number of bins (default: 10).", valueName: "n"))
  var bins: Int?

  @Flag(help: "What each level's pinball loss is made of: pinball = miscalibration - discrimination + uncertainty, by isotonic regression.")
  var decompose = false

  @Option(
    defaultAsFlag: Baseline(name: nil), parsing: .next,
    help: ArgumentHelp("Compare models pair by pair on the rows both answered: ratio of mean scores, relative skill, p-values; or each with this one.", valueName: "baseline"))
  var compare: Baseline?

  @Option(help: ArgumentHelp("With --compare, the score to compare by (default: wis).", valueName: "score"))
  var score: String?

  @Option(help: ArgumentHelp("With --compare, rows are series in the order of this column, such as a date: adds a Diebold-Mariano test.", valueName: "name"))
  var order: String?

  @Option(help: ArgumentHelp("With --order, how many steps ahead forecasts are (default: 1).", valueName: "steps"))
  var horizon: Int?

  @Option(help: ArgumentHelp("With --compare, number of random permutations of the permutation test (default: 999).", valueName: "n"))
  var permutations: Int?

  @Option(help: ArgumentHelp("With --compare, 95 % intervals from this many bootstrap resamples.", valueName: "n"))
  var bootstrap: Int?

  @Option(help: ArgumentHelp("With --compare, permute and resample rows with the same values of these columns together.", valueName: "names"))
  var blocks: String?

  @Option(help: ArgumentHelp("With --compare, seed of permutations and resamples (default: 1).", valueName: "seed"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("Exit with status 1, and say which group it is, where a row of the report meets this condition, such as 'wis > 0.3' (repeatable).", valueName: "condition"))
  var failIf: [String] = []

  @Flag(help: "Write exact sums, to be merged later: parts of any split give the same bytes as the whole.")
  var partial = false

  @Flag(help: "Read what --partial wrote, and merge it.")
  var merge = false

  @OptionGroup var table: TableOptions

  func validate() throws { try checkFlags() }

  mutating func run() throws {
    let conditions = try failIf.map { try FailureCondition($0) }
    let session = try FilterSession(tool: "qscore", table)
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    if merge {
      let (tally, counts) = try Tally.merging(session, header)
      return try write(tally, conditions, session, counts)
    }
    let roles = try ScoringRoles(session, header, self)
    if table.explain { return try session.explain(roles.explanation(header, session)) }
    if perRow { return try appendScores(roles, session, header) }
    if compare != nil { return try compareModels(roles, conditions, session, header) }
    if decompose { return try decomposeScores(roles, conditions, session, header) }

    let columns = roles.tally(kind).reportColumns
    for condition in conditions { try condition.check(columns: columns.names, keys: columns.keys) }
    var workers: [ScoringWorker] = []
    let counts = try session.stream(header, writesRows: false) {
      let worker = ScoringWorker(roles: roles, header: header, kind: kind)
      workers.append(worker)
      return worker
    }
    try write(merged(workers.map(\.tally)), conditions, session, counts)
  }

  private var kind: TallyKind { perLevel ? .levels : reliability ? .reliability : pit ? .pit(bins: bins ?? 10) : .scores }

  /// The scores that --crps, --above and --below ask for.
  func rankedProbabilityScores(levels: [Double]) -> [any Score] {
    var scores = crps ? [ContinuousRankedProbabilityScore(levels: levels)] : []
    if above != nil || below != nil {
      let name = [above.map { "above_\(shortestText($0))" }, below.map { "below_\(shortestText($0))" }].compactMap { $0 }.joined(separator: "_")
      scores.append(ContinuousRankedProbabilityScore(levels: levels, range: (above ?? -.infinity)...(below ?? .infinity), column: "twcrps_" + name))
    }
    return scores
  }

  private func merged(_ tallies: [Tally]) -> Tally {
    tallies.dropFirst().reduce(into: tallies[0]) { $0.merge($1) }
  }

  private func write(_ tally: Tally, _ conditions: [FailureCondition], _ session: FilterSession, _ counts: RowCounts) throws {
    if partial {
      try tally.writeParts(session)
      try session.finish(counts)
      for message in tally.unscored { session.diagnostics.warn(message) }
    } else {
      try write(tally.report, conditions, unscored: tally.unscored, session, counts)
    }
  }

  /// Writes the report and judges it: throws with status 1 where a condition is met.
  private func write(_ report: Report, _ conditions: [FailureCondition], unscored: [String], _ session: FilterSession, _ counts: RowCounts) throws {
    for condition in conditions { try condition.check(columns: report.columns, keys: report.keys) }
    try report.write(session)
    try session.finish(counts)
    for message in unscored + conditions.compactMap({ $0.missing(report) }) { session.diagnostics.warn(message) }
    let violations = conditions.compactMap { $0.violation(report) }
    for violation in violations.dropLast() { session.diagnostics.say(violation) }
    if let last = violations.last { throw Failure(.unmetCondition, last) }
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
    for message in merged(workers.map(\.tally)).unscored { session.diagnostics.warn(message) }
  }

  private func compareModels(_ roles: ScoringRoles, _ conditions: [FailureCondition], _ session: FilterSession, _ header: Header) throws {
    let models = roles.groups.map(\.name)
    let baseline = try compare?.name.map { name in
      guard let index = models.firstIndex(of: name) else {
        throw session.failure("no quantile columns of a model \"\(name)\" to compare with", remedy: fileRemedy(name) ?? suggestion(for: name, among: models))
      }
      return index
    }
    guard models.count >= 2 else { throw session.failure("there is only \(roles.groups[0].title), and nothing to compare it with") }
    let name = score ?? "wis"
    guard let index = roles.columns.firstIndex(of: name) else {
      throw Failure(.usage, "--score \(name): there is no such score", remedy: suggestion(for: name, among: roles.columns))
    }
    let compared = ComparedColumns(
      score: index, order: try order.map { try session.column(header, $0) }, blocks: try session.columns(header, nameList(blocks)))
    let comparison = Comparison(
      models: models, by: roles.by.map { header.names[$0] }, score: name, baseline: baseline, permutations: permutations ?? 999, resamples: bootstrap ?? 0,
      isSeries: order != nil, horizon: horizon ?? 1, hasBlocks: blocks != nil, seed: seed ?? 1, threads: session.threads)
    for condition in conditions { try condition.check(columns: comparison.columns.names, keys: comparison.columns.keys) }
    if name != "ae_median", !name.hasPrefix("interval_"), Set(roles.groups.map(\.levels)).count > 1 {
      session.diagnostics.warn("models have different levels, so their \(name) are means over different levels")
    }
    let rows = ComparedRows()
    var workers: [ComparingWorker] = []
    let counts = try session.stream(header, writesRows: false) {
      let worker = ComparingWorker(roles: roles, header: header, compared: compared, rows: rows)
      workers.append(worker)
      return worker
    }
    try write(comparison.report(rows, session), conditions, unscored: merged(workers.map(\.tally)).unscored, session, counts)
  }

  private func decomposeScores(_ roles: ScoringRoles, _ conditions: [FailureCondition], _ session: FilterSession, _ header: Header) throws {
    let decomposition = Decomposition(groups: roles.groups, by: roles.by.map { header.names[$0] })
    for condition in conditions { try condition.check(columns: decomposition.columns.names, keys: decomposition.columns.keys) }
    var workers: [DecomposingWorker] = []
    let counts = try session.stream(header, writesRows: false) {
      let worker = DecomposingWorker(roles: roles, header: header, decomposition: decomposition)
      workers.append(worker)
      return worker
    }
    try write(decomposition.report(threads: session.threads), conditions, unscored: merged(workers.map(\.tally)).unscored, session, counts)
  }
}
