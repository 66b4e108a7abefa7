import ArgumentParser
import FilterKit
import Groundwork
import MethodKit
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

  @Option(
    name: [.customShort("g"), .long],
    help: ArgumentHelp(
      "Score these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Option(help: ArgumentHelp("Score the rows with each value of these columns by themselves.", valueName: "names"))
  var by: String?

  @Option(
    help: ArgumentHelp(
      "Central intervals to report, in percent, such as 50,90 (default: those of 50, 80, 90, 95 that the levels hold).", valueName: "percents"))
  var intervals: String?

  @Flag(help: "Report crps too, the continuous ranked probability score by quadrature over the levels.")
  var crps = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Report the crps of outcomes above this number, in units of the target, too (threshold-weighted).", valueName: "number"))
  var above: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Report the crps of outcomes below this number too; with --above, between the two.", valueName: "number"))
  var below: Double?

  @Option(
    help: ArgumentHelp("Score on another scale: log_shift:A is log(x + A) of targets and quantiles, which must not be negative.", valueName: "scale"))
  var transform: String?

  @Flag(help: "With --transform, score on the scale as read too.")
  var append = false

  @Flag(help: "Score each level: columns model, level, n, pinball, coverage (share of targets at or below the quantile).")
  var perLevel = false

  @Flag(help: "Append the scores to each row instead, as columns MODEL_wis and so on.")
  var perRow = false

  @Flag(
    help: "Nominal against observed coverage of each level, and the band (lower, upper) in which 95 % of calibrated forecasts with as many rows lie.")
  var reliability = false

  @Flag(help: "Histogram of the probability integral transform: the share of targets in each part of the predicted distributions.")
  var pit = false

  @Option(help: ArgumentHelp("With --pit, number of bins (default: 10).", valueName: "n"))
  var bins: Int?

  @Flag(help: "What each level's pinball loss is made of: pinball = miscalibration - discrimination + uncertainty, by isotonic regression.")
  var decompose = false

  @Option(
    defaultAsFlag: Baseline(name: nil), parsing: .next,
    help: ArgumentHelp(
      "Compare models pair by pair on the rows both answered: ratio of mean scores, relative skill, p-values; or each with this one.",
      valueName: "baseline"))
  var compare: Baseline?

  @Option(help: ArgumentHelp("With --compare, the score to compare by (default: wis).", valueName: "score"))
  var score: String?

  @Option(
    help: ArgumentHelp("With --compare, rows are series in the order of this column, such as a date: adds a Diebold-Mariano test.", valueName: "name")
  )
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

  @Option(
    help: ArgumentHelp(
      """
      Exit with status 1, and say which group it is, where a row of the report meets this condition, such as 'wis > 0.3' or \
      'coverage < lower', or where none could be judged (repeatable).
      """,
      valueName: "condition"))
  var failIf: [String] = []

  @Flag(help: "Write exact sums, to be merged later: parts of any split give the same bytes as the whole.")
  var partial = false

  @Flag(help: "Read what --partial wrote, and merge it.")
  var merge = false

  @OptionGroup var table: TableOptions

  static var makesReports: Bool { true }

  func validate() throws { try checkFlags() }

  mutating func run() throws {
    let conditions = try failIf.map { try FailureCondition($0) }
    let session = try FilterSession(tool: "qscore", table)
    guard let header = session.reader.header else {
      if table.files.isEmpty, let name = compare?.name, let remedy = fileRemedy(name) {
        throw Failure(.usage, "--compare takes \(name) for the baseline, and stdin is empty", remedy: remedy)
      }
      try session.finish(RowCounts())
      if let condition = conditions.first { throw Failure(.unmetCondition, "'\(condition.text)' was not judged: the input is empty") }
      return
    }
    if merge {
      let (tally, counts) = try Tally.merging(session, header)
      return try write(tally, conditions, session, counts)
    }
    let roles = try ScoringRoles(session, header, self)
    if table.explain { return try session.explain(roles.explanation(header, session)) }
    try checkCopies(session, header)
    if perRow { return try appendScores(roles, session, header) }
    if compare != nil { return try compareModels(roles, conditions, session, header) }
    if decompose { return try decomposeScores(roles, conditions, session, header) }

    let tally = roles.tally(kind)
    try check(conditions, tally.reportColumns)
    if partial { try checkNames(tally.partColumns) }
    var workers: [ScoringWorker] = []
    let counts = try session.stream(header, writesRows: false) {
      let worker = ScoringWorker(roles: roles, header: header, kind: kind)
      workers.append(worker)
      return worker
    }
    try write(merged(workers.map(\.tally)), conditions, session, counts)
  }

  private var kind: TallyKind { perLevel ? .levels : reliability ? .reliability : pit ? .pit(bins: bins ?? 10) : .scores }

  /// The scores that --crps, --above and --below ask for, on a scale; the bounds are told on the natural one.
  func rankedProbabilityScores(levels: [Double], scale: LogShift?) throws -> [any Score] {
    var scores = crps ? [ContinuousRankedProbabilityScore(levels: levels)] : []
    if above != nil || below != nil {
      func bound(_ flag: String, _ value: Double?) throws -> Double? {
        guard let value, let scale else { return value }
        if value < 0 { throw Failure(.usage, "\(flag) \(shortestText(value)) is negative, which log_shift does not take") }
        return scale(value)
      }
      let name = [above.map { "above_\(shortestText($0))" }, below.map { "below_\(shortestText($0))" }].compactMap { $0 }.joined(separator: "_")
      let range = (try bound("--above", above) ?? -.infinity)...(try bound("--below", below) ?? .infinity)
      scores.append(ContinuousRankedProbabilityScore(levels: levels, range: range, column: "twcrps_" + name))
    }
    return scores
  }

  /// Copies of a row are no rows of their own.
  private func checkCopies(_ session: FilterSession, _ header: Header) throws {
    guard header.index(of: "held") != nil else { return }
    let remedy = "qconformal --method cv+ makes one row of them"
    if compare != nil, blocks == nil {
      throw session.failure(
        "the table holds copies of rows (column held), which are not independent", remedy: "\(remedy); or name what makes a row with --blocks")
    }
    session.diagnostics.warn("the table holds copies of rows (column held), and each is scored; \(remedy)")
  }

  private func check(_ conditions: [FailureCondition], _ columns: (names: [String], keys: Int)) throws {
    try checkNames(columns.names)
    for condition in conditions { try condition.check(columns: columns.names, keys: columns.keys) }
  }

  private func checkNames(_ names: [String]) throws {
    var seen: Set<String> = []
    guard let name = names.first(where: { !seen.insert($0).inserted }) else { return }
    throw Failure(.usage, "--by \(name) names a column that the report has already", remedy: "rename the column of the table")
  }

  private func merged(_ tallies: [Tally]) -> Tally {
    tallies.dropFirst().reduce(into: tallies[0]) { $0.merge($1) }
  }

  private func write(_ tally: Tally, _ conditions: [FailureCondition], _ session: FilterSession, _ counts: RowCounts) throws {
    if partial {
      let written = try tally.writeParts(session, anyRows: counts.read > 0)
      try session.finish(counts, written: written)
      for message in tally.unscored { session.diagnostics.warn(message) }
    } else {
      try write(tally.report, conditions, unscored: tally.unscored, session, counts)
    }
  }

  /// Writes the report and judges it: throws with status 1 where a condition is met.
  private func write(_ report: Report, _ conditions: [FailureCondition], unscored: [String], _ session: FilterSession, _ counts: RowCounts) throws {
    for condition in conditions { try condition.check(columns: report.columns, keys: report.keys) }
    // A header alone is answered by a header alone.
    let report = counts.read > 0 ? report : Report(columns: report.columns, keys: report.keys, rows: [])
    try report.write(session)
    try session.finish(counts, written: report.rows.count)
    for message in unscored { session.diagnostics.warn(message) }
    var violations = conditions.compactMap { $0.violation(report) }
    for missing in conditions.compactMap({ $0.missing(report) }) {
      // Some groups may rest; where none was judged, what should have been scored did not come.
      if missing.all { violations.append(missing.message) } else { session.diagnostics.warn(missing.message) }
    }
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
        throw session.failure(
          "no quantile columns of a model \"\(name)\" to compare with", remedy: fileRemedy(name) ?? suggestion(for: name, among: models))
      }
      return index
    }
    guard models.count >= 2 else { throw session.failure("there is only \(roles.groups[0].title), and nothing to compare it with") }
    let name = score ?? "wis"
    let losses = roles.scorers[0][0].losses
    guard let index = roles.columns.firstIndex(of: name) else {
      throw Failure(.usage, "--score \(name): there is no such score", remedy: suggestion(for: name, among: losses))
    }
    guard losses.contains(name) else {
      throw Failure(.usage, "--score \(name): less of it is not better", remedy: "compare \(losses.joined(separator: ", "))")
    }
    try refuseLevels(without: name, index, roles, baseline, session)
    let compared = ComparedColumns(
      score: index, order: try order.map { try session.column(header, $0) }, blocks: try session.columns(header, nameList(blocks)))
    let comparison = Comparison(
      models: models, partNames: roles.partNames, score: name, baseline: baseline, permutations: permutations ?? 999, resamples: bootstrap ?? 0,
      isSeries: order != nil, horizon: horizon ?? 1, hasBlocks: blocks != nil, seed: seed ?? 1, threads: session.threads)
    try check(conditions, comparison.columns)
    if name != "ae_median", Set(roles.groups.map(\.levels)).count > 1 {
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

  /// Warns of models whose levels do not give the score; throws where no two have it.
  private func refuseLevels(without name: String, _ index: Int, _ roles: ScoringRoles, _ baseline: Int?, _ session: FilterSession) throws {
    let lacking = roles.groups.indices.filter { g in
      roles.scorers[0][g].evaluate(quantiles: [Double](repeating: 0, count: roles.groups[g].levels.count), target: 0)[index].isNaN
    }
    if roles.groups.count - lacking.count < 2 || baseline.map(lacking.contains) == true {
      let group = roles.groups[lacking[0]]
      throw session.failure(
        "\(group.title) has no \(name), for want of the levels, and nothing is left to compare", remedy: "compare another --score")
    }
    for g in lacking { session.diagnostics.warn("\(roles.groups[g].title) has no \(name), for want of the levels") }
  }

  private func decomposeScores(_ roles: ScoringRoles, _ conditions: [FailureCondition], _ session: FilterSession, _ header: Header) throws {
    let decomposition = Decomposition(groups: roles.groups, partNames: roles.partNames)
    try check(conditions, decomposition.columns)
    var workers: [DecomposingWorker] = []
    let counts = try session.stream(header, writesRows: false) {
      let worker = DecomposingWorker(roles: roles, header: header, decomposition: decomposition)
      workers.append(worker)
      return worker
    }
    try write(decomposition.report(threads: session.threads), conditions, unscored: merged(workers.map(\.tally)).unscored, session, counts)
  }
}
