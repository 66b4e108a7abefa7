import ArgumentParser
import FilterKit
import Groundwork
import Learners
import LinearAlgebra
import MethodKit
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QFit.self) }
}

struct QFit: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qfit",
    abstract: "Fit base models for all quantile levels and predict.",
    discussion: """
      Rows with a target teach; rows whose target is empty are answered. Each learner adds a group of columns \
      LEARNER_qLEVEL. A labelled row gets the predictions of models that did not see its fold (column fold), an unlabelled \
      one those of models fitted on all labelled rows.

      LEARNERS
      \(methodLines(methods))

      SETS OF LEARNERS
      \(discussionLines(learnerSets.map { ($0.name, $0.members.joined(separator: ", ")) }))

      EXAMPLES
        cat train.csv new.csv | qfit -y price -l linear,forest > predicted.csv
        qfit -y price -l forest --save forest.model < train.csv > /dev/null
        qfit --load forest.model < new.csv > predicted.csv

      qfit --help LEARNER lists a learner's settings.
      """,
    version: "qfit \(filterVersion)")

  @OptionGroup var targetOption: TargetOption

  @OptionGroup var featureOptions: FeatureOptions<LearnerFeaturesHelp>
  @OptionGroup var kindOptions: FeatureKindOptions

  @OptionGroup var timeOption: TimeOption
  @OptionGroup var weightOption: WeightOption<RowWeightHelp>

  @Option(
    name: [.customShort("l"), .long],
    help: ArgumentHelp(
      "Learners or sets of them, separated by commas, each [NAME=]LEARNER[:key=value,...]; repeatable (default: linear,forest); \(methodsAreListed).",
      valueName: "learners"),
    completion: .list(learnerRegistry.map { $0.description.name } + learnerSets.map(\.name)))
  var learner: [String] = []

  @Option(
    help: ArgumentHelp(
      "Levels to predict: a count (99 is k/100), a list (0.1,0.5,0.9) or a range (0.05:0.95:0.05) (default: the 23 of the forecast hubs).",
      valueName: "levels"))
  var levels: String?

  @OptionGroup var orderOptions: OrderOptions
  @OptionGroup var refitOptions: RefitOptions<RefitByBlockHelp>

  @Option(help: ArgumentHelp("Keep rows with the same value in this column in one fold.", valueName: "name"))
  var group: String?

  @Flag(
    help:
      """
      Write rows as qconformal --method cv+ needs them, with a column held: a labelled row once, a row to be \
      answered once for each fold, by models that did not see it. One fit a fold.
      """
  )
  var cvPlus = false

  @Flag(
    help:
      """
      Write every row once for each fold (column held), by models that saw neither that fold nor the row's own, so \
      that qaggregate can learn before qconformal --method cv+. K(K+1)/2 fits for K folds.
      """
  )
  var nested = false

  @Option(
    help: ArgumentHelp(
      """
      Try this many settings of each learner, the given ones and random draws, and keep the best out of fold. With --cv-plus and --nested each \
      fit chooses its own, on the rows that it sees.
      """,
      valueName: "n"))
  var tune: Int?

  @OptionGroup var seedOption: SeedOption<AllChoicesHelp>
  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { learnerRegistry.map { $0.description } }

  var copies: CopyPlan { CopyPlan(crossValidation: cvPlus, nested: nested) }

  static let list = FlagList<QFit>([
    ("--learner", { !$0.learner.isEmpty }), ("--levels", { $0.levels != nil }), ("--group", { $0.group != nil }),
    ("--cv-plus", { $0.cvPlus }), ("--nested", { $0.nested }), ("--tune", { $0.tune != nil }),
  ])
  var flags: [GivenFlag] {
    QFit.list.of(self) + targetOption.flags + featureOptions.flags + kindOptions.flags + timeOption.flags + orderOptions.flags + refitOptions.flags
      + weightOption.flags + seedOption.flags + learning.flags + table.flags
  }

  private static let learn = Mode(
    "learn", "", "fits learners on the labelled rows and answers the others; labelled rows are answered out of fold",
    takes: list.names.union(["--target", "--features", "--exclude", "--weight", "--seed", "--new-only", "--save", "--memory"]).union(
      TableOptions.names
    ).union(FeatureKindOptions.names).union(TimeOption.list.names).union(OrderOptions.list.names).union(RefitOptions<RefitByBlockHelp>.list.names)
  )
  private static let answer = Mode(
    "answer", "--load FILE", "answers every row with a model file, as a stream", takes: TableOptions.names.union(["--load"]),
    refusal: LearningOptions.refusalOfLoading("qfit"))
  static let modes = [learn, answer]
  func mode() -> Mode { learning.load == nil ? QFit.learn : QFit.answer }

  func validate() throws {
    if let tune, !(1...100_000).contains(tune) { throw ValidationError("--tune \(tune): write a number from 1 to 100000") }
    if orderOptions.orderName == nil { try timeOption.checkUse(kindOptions) }
    try refitOptions.checkOrder(orderOptions)
    if cvPlus, nested { throw ValidationError("--nested writes all that --cv-plus writes; give one of them") }
    if nested, refitOptions.folds == 2 { throw ValidationError("--nested with --folds 2: without both nothing is left to fit; write 3 or more") }
  }

  func run() throws {
    useSingleThreadedBLAS()
    if let load = learning.load {
      let model = try SavedEnsemble(path: load)
      return try TableRun("qfit", table, flags: flags, modelColumns: model.columns, reading: [load]).stream(Answering(model: model))
    }
    try checkSymmetry()
    let specifications = try MethodSpecification.parse(
      learner.isEmpty ? ["linear,forest"] : learner, flag: "-l", known: Self.methods, sets: learnerSets)
    try TableRun("qfit", table, flags: flags).learn(
      EnsembleTask(
        flags: self, learners: try specifications.map { try NamedLearner($0) }, levels: try levels.map(Levels.parse) ?? Levels.hub))
  }
}

extension QFit {
  /// Copies of rows stand for each other only where rows could have come in any order.
  private func checkSymmetry() throws {
    guard orderOptions.orderName != nil, copies.writesCopies else { return }
    throw Failure(
      .usage,
      "\(nested ? "--nested" : "--cv-plus") rests on rows that could have come in any order, and \(orderOptions.orderFlag) says that they did not",
      remedy: orderOptions.order == nil ? "unset QORDER, or leave it out" : "leave one of them out; without it qconformal --order calibrates in time")
  }
}

enum LearnerFeaturesHelp: OptionHelp {
  static let text = "The features' columns, separated by commas (default: all without another role)."
}
