import Aggregation
import ArgumentParser
import FilterKit
import Groundwork
import LinearAlgebra
import MethodKit
import Quantiles
import Tables

@main enum Main {
  static func main() { runFilter(QAggregate.self) }
}

struct QAggregate: FilterTool {
  static let configuration = CommandConfiguration(
    commandName: "qaggregate",
    abstract: "Combine the quantile predictions of several models into one.",
    discussion: """
      The quantile groups of a row (columns MODEL_qLEVEL, from qfit or anywhere else) give way to one group without a name, at \
      the right. Rows with a target teach the weights; they are answered with weights learnt from the other folds (column \
      fold, else folds are drawn), rows without a target with weights learnt from all labelled rows.

      In a table of qfit --nested, where a row stands once for each fold (column held), a copy is answered with weights learnt from \
      the same copies of the rows of other folds. A labelled row's copies for folds that are not its own teach and get no answer: \
      what would answer them has learnt from them. Methods that learn nothing answer every copy.

      METHODS
      \(methodLines(methods))

      EXAMPLES
        qfit -y price < table.csv | qaggregate -y price > aggregated.csv
        qaggregate --method median < forecasts.csv
        qaggregate -y price --describe < predicted.csv

      Online methods (online, ewa, boa) take rows in the order of time: a row is answered with weights that rows before it taught, and teaches \
      when its truth is out. Models may come and go; --within learns in groups of rows, and --state keeps what was learnt for the next run.

        qaggregate -m online --order date --known due --within horizon,place --state hub.state < tonight.csv

      qaggregate --help METHOD lists a method's settings.
      """,
    version: "qaggregate \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("How to combine (default: global-coarse); \(methodsAreListed).", valueName: "method"),
    completion: .list(methods.map(\.name)))
  var method: String?

  @OptionGroup var targetOption: TargetOption

  @OptionGroup var featureOptions: FeatureOptions<LocalFeaturesHelp>
  @OptionGroup var kindOptions: FeatureKindOptions

  @OptionGroup var timeOption: TimeOption
  @OptionGroup var orderOptions: OrderOptions
  @OptionGroup var refitOptions: RefitOptions<RefitByBlockHelp>
  @OptionGroup var weightOption: WeightOption<RowWeightHelp>
  @OptionGroup var groupsOption: GroupsOption<CombinedGroupsHelp>

  @Option(name: .customLong("as"), help: ArgumentHelp("Name of the answer's group (default: none, columns qLEVEL).", valueName: "name"))
  var answerName: String?

  @Option(
    help: ArgumentHelp(
      """
      What training does about levels that cross: none, penalty, or, for local methods, sort, pava or minmax inside \
      the loss (default: the method's own).
      """,
      valueName: "how"))
  var noncrossing: NoncrossingTraining?

  @Option(
    help: ArgumentHelp(
      "Margins of the penalty: fixed:SIZE in standard deviations of the target, or adaptive:SHARE of the distances of pilot residuals' quantiles.",
      valueName: "margin"))
  var margin: String?

  @Option(help: ArgumentHelp("What makes every answer non-decreasing in the level: sort, pava, minmax or none (default: sort).", valueName: "how"))
  var isotonic: AnswerOrder?

  @Option(
    help: ArgumentHelp(
      "Try this many settings of a local method, the given ones and random draws, and keep the best out of fold (default: what is worth the time).",
      valueName: "n"))
  var tune: Int?

  @Option(
    help: ArgumentHelp(
      "Try as many settings as take about this long, in seconds of a core of 10 thousand million operations a second, the same on every machine.",
      valueName: "seconds"))
  var time: Double?

  @Flag(help: "Leave the columns of the combined models in the table.")
  var keep = false

  @Flag(
    help:
      """
      Print the weights as a table (model, level, weight; for local weights their means, their spread over rows, and \
      how far each feature moves them) instead of answering.
      """
  )
  var describe = false

  @OptionGroup var seedOption: SeedOption<AllChoicesHelp>
  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  @OptionGroup var onlineOptions: OnlineOptions

  static var methods: [MethodDescription] { aggregatorRegistry.map { $0.description } + onlineAggregatorRegistry.map(\.description) }

  static let list = FlagList<QAggregate>([
    ("--method", { $0.method != nil }), ("--as", { $0.answerName != nil }), ("--noncrossing", { $0.noncrossing != nil }),
    ("--margin", { $0.margin != nil }), ("--isotonic", { $0.isotonic != nil }), ("--tune", { $0.tune != nil }), ("--time", { $0.time != nil }),
    ("--keep", { $0.keep }), ("--describe", { $0.describe }),
  ])
  var flags: [GivenFlag] {
    QAggregate.list.of(self) + targetOption.flags + featureOptions.flags + kindOptions.flags + timeOption.flags + orderOptions.flags
      + refitOptions.flags + weightOption.flags + groupsOption.flags + onlineOptions.flags + seedOption.flags + learning.flags + table.flags
  }

  private static let common = TableOptions.names.union(["--as", "--keep", "--describe"])
  private static let teaching = common.union([
    "--method", "--groups", "--target", "--features", "--exclude", "--isotonic", "--noncrossing", "--margin", "--seed", "--new-only", "--save",
    "--memory",
  ]).union(FeatureKindOptions.names).union(TimeOption.list.names).union(OrderOptions.list.names).union(RefitOptions<RefitByBlockHelp>.list.names)
  private static let learn = Mode(
    "learn", "", "learns weights from the labelled rows; labelled rows are answered with those of other folds",
    takes: teaching.union(["--weight", "--tune", "--time"])
  ) { refusalOfOnline($0) ?? Mode.hasNoEffect($0) }
  private static func refusalOfOnline(_ flag: String) -> Mode.Refusal? {
    OnlineOptions.names.contains(flag)
      ? (
        "\(flag) is for methods that learn row after row",
        "choose an online method: \(onlineAggregatorRegistry.map(\.description.name).joined(separator: ", "))"
      ) : nil
  }
  private static func online(_ method: String) -> Mode {
    Mode(
      "online", "--method online", "answers each row with weights that the rows before it taught, and learns from it",
      takes: common.union(["--method", "--groups", "--target", "--isotonic", "--new-only"]).union(TimeOption.list.names)
        .union(OrderOptions.list.names).union(OnlineOptions.names)
    ) { flag in
      let remedy = ["--save": "--state keeps what it learnt", "--memory": "it holds no rows"][flag]
      return ("\(flag): \(method) learns row after row", remedy ?? "leave it out, or choose a method that learns from all rows at once")
    }
  }
  private static func combine(_ method: String) -> Mode {
    Mode(
      "combine", "--method average", "combines every row by a method that learns nothing, as a stream",
      takes: teaching.subtracting(["--noncrossing", "--margin"])
    ) {
      if let refusal = refusalOfOnline($0) { return refusal }
      return ["--tune", "--time"].contains($0)
        ? ("\($0) has no effect: \(method) has no setting to try", "local methods have") : ("\($0) has no effect: \(method) learns nothing", nil)
    }
  }
  private static let answer = Mode(
    "answer", "--load FILE", "combines every row with the weights of a model file, as a stream", takes: common.union(["--load"]),
    refusal: LearningOptions.refusalOfLoading("qaggregate"))
  static let modes = [learn, combine("the method"), answer, online("the method")]

  func mode() throws -> Mode {
    if learning.load != nil { return QAggregate.answer }
    let specification = try specification()
    if QAggregate.online(named: specification.method) != nil { return QAggregate.online(specification.method) }
    return QAggregate.type(specification.method).learns ? QAggregate.learn : QAggregate.combine(specification.text)
  }

  private static func online(named method: String) -> OnlineAggregator? { onlineAggregatorRegistry.first { $0.description.name == method } }

  private static func type(_ method: String) -> any Aggregator.Type { aggregatorRegistry.first { $0.description.name == method }! }

  private func specification() throws -> MethodSpecification {
    var specification = try MethodSpecification.parseOne(method ?? "global-coarse", known: Self.methods)
    try add(crossingSettings(), to: &specification)
    return specification
  }

  func validate() throws {
    if let tune, !(1...100_000).contains(tune) { throw ValidationError("--tune \(tune): write a number from 1 to 100000") }
    if let time, !(time > 0 && time <= 1e6) { throw ValidationError("--time \(time): write a positive number of seconds, at most 1000000") }
    if orderOptions.orderName == nil { try timeOption.checkUse(kindOptions) }
    try refitOptions.checkOrder(orderOptions)
    if tune != nil, time != nil { throw ValidationError("--tune and --time both say how many settings to try; give one of them") }
    if margin != nil, noncrossing != .penalty { throw ValidationError("--margin is the penalty's: add --noncrossing penalty") }
  }

  func run() throws {
    useSingleThreadedBLAS()
    let output = CombinedColumns(name: answerName, keepsModels: keep)
    if let load = learning.load {
      let model = try SavedCombination(path: load)
      let run = TableRun("qaggregate", table, flags: flags, modelColumns: model.columns, reading: [load])
      return describe ? try run.report(DescribingTask(model: model)) : try run.stream(CombiningTask(.saved(model), output))
    }
    let specification = try specification()
    if let method = Self.online(named: specification.method) {
      let online = try OnlineAggregation(self, method, specification)
      defer { online.close() }
      let run = TableRun("qaggregate", table, flags: flags, modelColumns: online.columns, reading: [onlineOptions.keeping.state].compactMap { $0 })
      return describe ? try run.report(OnlineDescribingTask(run: online)) : try run.stream(OnlineAggregationTask(run: online))
    }
    let type = Self.type(specification.method)
    let settings = try Settings(specification.settings, of: type.description)
    if tune != nil || time != nil, !type.description.isTunable(beside: settings.written) {
      throw Failure(
        .usage, "\(tune != nil ? "--tune" : "--time") has no effect: \(specification.text) has no setting to try", remedy: "local methods have")
    }
    let run = TableRun("qaggregate", table, flags: flags)
    if type.learns || learning.newOnly {
      try run.learn(AggregationTask(flags: self, specification: specification, type: type, settings: settings, columns: output))
    } else {
      try learning.checkSaving(table)
      try run.stream(CombiningTask(.method(type.init(settings: settings), specification, self), output))
    }
  }

  var answerOrder: IsotonicOperator? { (isotonic ?? .sort).operation }

  /// Said, not refused: a script that tries one method after the other gives all of them the same flags.
  func tellUnusedFeatures(_ type: any Aggregator.Type, _ session: FilterSession) {
    guard !type.usesFeatures, let given = (featureOptions.flags + kindOptions.flags + timeOption.flags).first(where: \.isGiven) else { return }
    session.diagnostics.warn(
      "\(given.name) has no effect: the weights of \(type.description.name) do not depend on features")
  }

  /// `--noncrossing` and `--margin` as settings of a method.
  private func crossingSettings() throws -> [(key: String, value: String)] {
    var settings: [(key: String, value: String)] = []
    if let noncrossing { settings.append(("noncrossing", noncrossing.rawValue)) }
    if let margin {
      let parts = margin.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, ["fixed", "adaptive"].contains(parts[0]), let size = Double(parts[1]), (0...1000).contains(size) else {
        throw Failure(.usage, "--margin \(margin): write fixed:SIZE or adaptive:SIZE, SIZE a number from 0 to 1000")
      }
      settings += [("margin", parts[0]), ("delta", parts[1])]
    }
    return settings
  }

  private func add(_ settings: [(key: String, value: String)], to specification: inout MethodSpecification) throws {
    let known = Self.methods.first { $0.name == specification.method }!.settings.map(\.name)
    for setting in settings {
      guard known.contains(setting.key) else {
        throw Failure(
          .usage, "--noncrossing: \(specification.method) is not trained to keep levels from crossing",
          remedy: "--isotonic orders its answers; global-coarse, global-medium and the local methods can be trained to")
      }
      specification.settings.append(setting)
    }
  }
}

enum LocalFeaturesHelp: OptionHelp {
  static let text = "The features' columns that local weights depend on, separated by commas (default: all without another role)."
}

enum CombinedGroupsHelp: OptionHelp {
  static let text = """
    Combine these quantile groups only, separated by commas: names, or patterns such as hub-*, with ! before those to leave out; \
    an empty name is the group without one (default: all).
    """
}

/// What `--noncrossing` takes.
enum NoncrossingTraining: String, CaseIterable, ExpressibleByArgument { case none, penalty, sort, pava, minmax }

/// What `--isotonic` takes.
enum AnswerOrder: String, CaseIterable, ExpressibleByArgument {
  case sort, pava, minmax, none

  var operation: IsotonicOperator? { IsotonicOperator(rawValue: rawValue) }
}
