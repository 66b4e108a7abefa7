import Aggregation
import Algebra
import ArgumentParser
import FilterKit
import Groundwork
import Methods
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

      EXAMPLES
        qfit -y price < table.csv | qaggregate -y price > aggregated.csv
        qaggregate --method median < forecasts.csv
        qaggregate -y price --describe < predicted.csv

      qaggregate --help METHOD lists a method's settings.
      """,
    version: "qaggregate \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("How to combine: \(methodList(aggregatorRegistry.map { $0.description })).", valueName: "method"), completion: .list(aggregatorRegistry.map { $0.description.name }))
  var method: String = "global-coarse"

  @OptionGroup var targetOption: TargetOption

  @Option(name: [.customShort("x"), .long], help: ArgumentHelp("The features' columns that local weights depend on, separated by commas (default: all without another role).", valueName: "names"))
  var features: String?

  @Option(help: ArgumentHelp("Columns that are not features, separated by commas.", valueName: "names"))
  var exclude: String?

  @Option(name: [.customShort("w"), .long], help: ArgumentHelp("Column of row weights, finite and not negative.", valueName: "name"))
  var weight: String?

  @Option(name: [.customShort("g"), .long], help: ArgumentHelp("Combine these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Option(name: .customLong("as"), help: ArgumentHelp("Name of the answer's group (default: none, columns qLEVEL).", valueName: "name"))
  var answerName: String?

  @Flag(help: "Leave the columns of the combined models in the table.")
  var keep = false

  @Flag(help: "Print the weights as a table (model, level, weight) instead of answering.")
  var describe = false

  @Option(help: ArgumentHelp("Seed of all random choices.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { aggregatorRegistry.map { $0.description } }

  func validate() throws {
    try learning.refuseTeaching([("--weight", weight != nil), ("--groups", groups != nil)])
  }

  mutating func run() throws {
    useSingleThreadedBLAS()
    if let load = learning.load { return try answer(with: SavedCombination(path: load)) }
    let specification = try MethodSpecification.parseOne(method, known: Self.methods)
    let type = aggregatorRegistry.first { $0.description.name == specification.method }!
    let aggregator = type.init(settings: try Settings(specification.settings, of: type.description))
    try learning.checkSaving()

    let session = try FilterSession(tool: "qaggregate", table)
    guard let header = session.reader.header else { return try learning.finishEmpty(session) }
    let groups = try session.groups(header, picked: self.groups)
    let combination = Combination(specification: specification, groups: groups)
    let learns = type.learns
    let roles = learns || learning.newOnly ? try TeachingRoles(session, header, self, usesFeatures: type.usesFeatures) : nil
    if table.explain {
      return try session.explain((roles?.explanation(header) ?? []) + session.explanation(of: groups) + [("method", specification.text)])
    }
    combination.tellLevels(session)
    let encoder = try self.encoder(session, header, groups, combination.levels)
    if !learns, weight != nil {
      throw Failure(.usage, "--weight has no effect: \(specification.method) learns nothing")
    }
    if !learns, !learning.newOnly {
      let fitted = try aggregator.fit(combination.nothingToLearn, context: FitContext())
      if let save = learning.save { try combination.model(fitted, header: header, target: nil, training: [:]).save(to: save) }
      if describe { return try describe(fitted, combination, session) }
      return try stream(session, header, combination, fitted, encoder)
    }

    let held = try session.hold(header, roles: roles!.held(groups), memory: learning.memoryBytes)
    guard held.rows > 0 || learning.save != nil || describe else {
      try session.writeHeader(encoder)
      return try session.finish(held.counts)
    }
    let teaching = try TeachingRows(held, roles!, combination, session, crossFits: !learning.newOnly && !describe, seed: seed)
    let fitted = try CrossFit(aggregator, teaching, session: session, seed: seed)
    if let save = learning.save { try combination.model(fitted.full, header: header, target: header.names[roles!.target], training: fitted.summary).save(to: save) }
    if describe { return try describe(fitted.full, combination, session) }
    try session.writeHeader(encoder)
    var workers: [CombiningWorker] = []
    try session.answer(held) {
      let worker = CombiningWorker(
        header: header, combination: combination, encoder: encoder, features: teaching.features.map { .held($0) } ?? .none, skipsLabelled: learning.newOnly ? teaching : nil,
        fold: { teaching.foldOfRow[$0] }, fitted: fitted.fitted(forFold:))
      workers.append(worker)
      return worker
    }
    try session.finish(held.counts, written: learning.newOnly ? held.rows - teaching.labelled.count : nil)
    combination.tellMissing(workers, session)
  }

  private func answer(with model: SavedCombination) throws {
    let session = try FilterSession(tool: "qaggregate", table, modelColumns: model.columns)
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    let combination = try model.combination(header, session)
    if table.explain { return try session.explain(session.explanation(of: combination.groups) + [("method", combination.specification.text)]) }
    if describe { return try describe(model.fitted, combination, session) }
    combination.tellLevels(session)
    try stream(session, header, combination, model.fitted, try encoder(session, header, combination.groups, combination.levels))
  }

  private func encoder(_ session: FilterSession, _ header: Header, _ groups: [QuantileGroup], _ levels: [Double]) throws -> RowEncoder {
    try session.encoder(
      header, dropped: keep ? [] : Set(groups.flatMap(\.columns)), appended: levels.map { QuantileGroup.columnName(answerName ?? "", $0) })
  }

  private func stream(
    _ session: FilterSession, _ header: Header, _ combination: Combination, _ fitted: any FittedAggregator, _ encoder: RowEncoder
  ) throws {
    try session.writeHeader(encoder)
    var workers: [CombiningWorker] = []
    let counts = try session.stream(header) {
      let worker = CombiningWorker(header: header, combination: combination, encoder: encoder, features: .none) { _ in fitted }
      workers.append(worker)
      return worker
    }
    try session.finish(counts)
    combination.tellMissing(workers, session)
  }

  private func describe(_ fitted: any FittedAggregator, _ combination: Combination, _ session: FilterSession) throws {
    guard let weights = fitted.weights else {
      throw Failure(.usage, "--describe: \(combination.specification.method) is not a weighted mean, so it has no weights")
    }
    let report = ReportTable(columns: ["model", "level", "weight"])
    try report.write(
      combination.groups.indices.flatMap { j in
        combination.levels.indices.map { t in [.text(combination.groups[j].name), .number(combination.levels[t]), .number(weights[j, t])] }
      }, session: session)
    try session.output.close()
  }
}
