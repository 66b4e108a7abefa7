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

      \(discussionLines(reportedColumns))

      Scores but \(columnsWithoutUnit.joined(separator: " and ")) are in units of the target. Rows without a target \
      or without all of a group's quantiles \
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

  @OptionGroup var weightOption: WeightOption<RowWeightHelp>

  @OptionGroup var groupsOption: GroupsOption<ScoredGroupsHelp>

  @Option(help: ArgumentHelp("Score the rows with each value of these columns by themselves.", valueName: "names"))
  var by: String?

  @Option(
    help: ArgumentHelp(
      "Central intervals to report, in percent, such as 50,90 (default: those of 50, 80, 90, 95 that the levels hold).", valueName: "percents"))
  var intervals: String?

  @Flag var requested: [RequestedScore] = []

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
    help: ArgumentHelp(
      """
      Nominal against observed coverage of each level, the band (lower, upper) in which that level of 95 % of calibrated forecasts with as many \
      independent rows lies, and the one (joint_lower, joint_upper) in which all levels of 95 % of them lie. For continuous targets; see --counts.
      """))
  var reliability = false

  @Flag(help: "Histogram of the probability integral transform: the share of targets in each part of the predicted distributions.")
  var pit = false

  @Option(help: ArgumentHelp("With --pit, number of bins (default: 10).", valueName: "n"))
  var bins: Int?

  @Flag(
    help: ArgumentHelp(
      """
      With --reliability and --pit, targets are counts (0, 1, 2, ...): one equal to a quantile is shared among the levels that it may belong to, as \
      in the non-randomised PIT of Czado, Gneiting and Held (2009); what quantiles leave open is taken as near to calibrated as it may be.
      """))
  var counts = false

  @Flag(help: "What each level's pinball loss is made of: pinball = miscalibration - discrimination + uncertainty, by isotonic regression.")
  var decompose = false

  @Flag(
    help:
      "With --decompose, what recalibration gains on rows it did not learn from: miscalibration is in-sample, so even perfect forecasts show some.")
  var crossFit = false

  @Option(
    defaultAsFlag: Baseline(name: nil), parsing: .next,
    help: ArgumentHelp(
      """
      Compare models pair by pair on the rows both answered: ratio of mean scores, relative skill, p-values; or each with this one. \
      The tests take rows as independent; Wilcoxon's asks whether differences are symmetric about zero, not whether means are equal.
      """,
      valueName: "baseline"))
  var compare: Baseline?

  @Option(help: ArgumentHelp("With --compare, the score to compare by (default: wis).", valueName: "score"))
  var score: String?

  @Option(
    help: ArgumentHelp("With --compare, rows are series in the order of this column, such as a date: adds a Diebold-Mariano test.", valueName: "name")
  )
  var order: String?

  @OptionGroup var timeOption: TimeOption

  @Option(help: ArgumentHelp("With --order, how many steps ahead forecasts are (default: 1).", valueName: "steps"))
  var horizon: Int?

  @Option(help: ArgumentHelp("With --compare, number of random permutations of the permutation test (default: 999).", valueName: "n"))
  var permutations: Int?

  @Option(help: ArgumentHelp("With --compare, 95 % intervals from this many bootstrap resamples, studentised.", valueName: "n"))
  var bootstrap: Int?

  @Option(
    help: ArgumentHelp(
      """
      With --compare, permute and resample rows with the same values of these columns together, such as those of a date; \
      10 blocks or more are wanted.
      """,
      valueName: "names"))
  var blocks: String?

  @OptionGroup var seedOption: SeedOption<ResamplingSeedHelp>

  @Option(
    help: ArgumentHelp(
      """
      Exit with status 1, and say which group it is, where a row of the report meets this condition, such as 'wis > 0.3' or \
      'coverage < joint_lower', or where none could be judged (repeatable).
      """,
      valueName: "condition"))
  var failIf: [String] = []

  @Flag(help: "Write exact sums, to be merged later: parts of any split give the same bytes as the whole.")
  var partial = false

  @Option(
    help: ArgumentHelp("With --partial, the name of this part, such as its file's: --merge then refuses a part that comes twice.", valueName: "text"))
  var partId: String?

  @Flag(help: "Read what --partial wrote, and merge it.")
  var merge = false

  @OptionGroup var table: TableOptions

  static var makesReports: Bool { true }
  static var methods: [MethodDescription] { scoreRegistry.map { MethodDescription(name: $0.description.name, summary: $0.description.summary) } }

  func validate() throws { try checkValues() }

  func run() throws {
    let conditions = try failIf.map { try FailureCondition($0) }
    let run = TableRun("qscore", table, flags: flags)
    switch scoringMode {
    case .scores: try run.report(ScoringTask(flags: self, kind: .scores, conditions: conditions))
    case .perLevel: try run.report(ScoringTask(flags: self, kind: .levels, conditions: conditions))
    case .reliability: try run.report(ScoringTask(flags: self, kind: .reliability(ofCounts: counts), conditions: conditions))
    case .pit: try run.report(ScoringTask(flags: self, kind: .pit(bins: bins ?? 10, ofCounts: counts), conditions: conditions))
    case .perRow: try run.stream(AppendingTask(flags: self))
    case .decompose: try run.report(DecomposingTask(flags: self, conditions: conditions))
    case .compare: try run.report(ComparingTask(flags: self, conditions: conditions))
    case .merge: try run.report(MergingTask(writesParts: partial, conditions: conditions))
    }
  }
}

enum ScoredGroupsHelp: OptionHelp {
  static let text = """
    Score these quantile groups only, separated by commas: names, or patterns such as hub-*, with ! before those to leave out; \
    an empty name is the group without one (default: all).
    """
}

enum ResamplingSeedHelp: OptionHelp {
  static let text = "With --compare, seed of permutations and resamples (default: 1)."
}
