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

      EXAMPLES
        qfit -y price < table.csv | qaggregate -y price > aggregated.csv
        qaggregate --method median < forecasts.csv
        qaggregate -y price --describe < predicted.csv

      qaggregate --help METHOD lists a method's settings.
      """,
    version: "qaggregate \(filterVersion)")

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("How to combine: \(methodList(aggregatorRegistry.map { $0.description })) (default: global-coarse).", valueName: "method"),
    completion: .list(aggregatorRegistry.map { $0.description.name }))
  var method: String?

  @OptionGroup var targetOption: TargetOption

  @Option(
    name: [.customShort("x"), .long],
    help: ArgumentHelp(
      "The features' columns that local weights depend on, separated by commas (default: all without another role).", valueName: "names"))
  var features: String?

  @Option(help: ArgumentHelp("Columns that are not features, separated by commas.", valueName: "names"))
  var exclude: String?

  @Option(name: [.customShort("w"), .long], help: ArgumentHelp("Column of row weights, finite and not negative.", valueName: "name"))
  var weight: String?

  @Option(
    name: [.customShort("g"), .long],
    help: ArgumentHelp(
      "Combine these quantile groups only, separated by commas; an empty name is the group without one (default: all).", valueName: "models"))
  var groups: String?

  @Option(name: .customLong("as"), help: ArgumentHelp("Name of the answer's group (default: none, columns qLEVEL).", valueName: "name"))
  var answerName: String?

  @Option(
    help: ArgumentHelp(
      "What training does about levels that cross: none, penalty, or, for local methods, sort, pava or minmax inside the loss (default: the method's own).",
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
      "Print the weights as a table (model, level, weight; for local weights their means, their spread over rows, and how far each feature moves them) instead of answering."
  )
  var describe = false

  @Option(help: ArgumentHelp("Seed of all random choices.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup var learning: LearningOptions
  @OptionGroup var table: TableOptions

  static var methods: [MethodDescription] { aggregatorRegistry.map { $0.description } }

  private static func type(_ method: String) -> any Aggregator.Type { aggregatorRegistry.first { $0.description.name == method }! }

  func validate() throws {
    try learning.refuseTeaching([
      ("--method", method != nil), ("--weight", weight != nil), ("--groups", groups != nil), ("--features", features != nil),
      ("--exclude", exclude != nil), ("--tune", tune != nil),
      ("--time", time != nil), ("--noncrossing", noncrossing != nil), ("--margin", margin != nil), ("--isotonic", isotonic != nil),
    ])
    if let tune, !(1...100_000).contains(tune) { throw ValidationError("--tune \(tune): 1 to 100000 are possible") }
    if let time, !(time > 0 && time.isFinite) { throw ValidationError("--time \(time): a positive number of seconds is wanted") }
    if tune != nil, time != nil { throw ValidationError("--tune and --time both say how many settings to try; give one of them") }
    if margin != nil, noncrossing != .penalty { throw ValidationError("--margin is the penalty's: add --noncrossing penalty") }
  }

  mutating func run() throws {
    useSingleThreadedBLAS()
    if let load = learning.load { return try answer(with: SavedCombination(path: load)) }
    var specification = try MethodSpecification.parseOne(method ?? "global-coarse", known: Self.methods)
    try add(crossingSettings(), to: &specification)
    let type = Self.type(specification.method)
    let settings = try Settings(specification.settings, of: type.description)
    if tune != nil || time != nil, !type.description.isTunable(beside: settings.written) {
      throw Failure(
        .usage, "\(tune != nil ? "--tune" : "--time") has no effect: \(specification.text) has no setting to try", remedy: "local methods have")
    }
    try learning.checkSaving(table)

    let session = try FilterSession(tool: "qaggregate", table)
    guard let header = session.reader.header else { return try learning.finishEmpty(session) }
    let groups = try session.groups(header, picked: self.groups)
    let combination = Combination(specification: specification, groups: groups, isotonic: (isotonic ?? .sort).operation)
    let learns = type.learns
    let roles = learns || learning.newOnly ? try TeachingRoles(session, header, self, learns: learns, usesFeatures: type.usesFeatures) : nil
    if table.explain {
      return try session.explain((roles?.explanation(header) ?? []) + session.explanation(of: groups) + [("method", specification.text)])
    }
    combination.tellLevels(session)
    if !learns, weight != nil {
      throw Failure(.usage, "--weight has no effect: \(specification.method) learns nothing")
    }
    if !type.usesFeatures, features != nil || exclude != nil {
      // Said, not refused: a script that tries one method after the other gives all of them the same flags.
      session.diagnostics.warn(
        "\(features != nil ? "--features" : "--exclude") has no effect: the weights of \(specification.method) do not depend on features")
    }
    let encoder = try self.encoder(session, header, groups, combination.levels)
    if !learns, !learning.newOnly {
      let fitted = try type.init(settings: settings).fit(combination.nothingToLearn, context: FitContext())
      if let save = learning.save {
        try combination.model([fitted], folds: nil, schema: nil, header: header, target: nil, training: [:]).save(to: save)
      }
      if describe { return try report([fitted.weightTable(combination.nothingToLearn.predictions, features: nil)], combination, session) }
      return try stream(session, header, combination, fitted, encoder)
    }

    let held = try session.hold(header, roles: roles!.held(groups), memory: learning.memoryBytes)
    guard held.rows > 0 || learning.save != nil || describe else {
      try session.writeHeader(encoder)
      return try session.finish(held.counts)
    }
    let teaching = try TeachingRows(held, roles!, combination, session, crossFits: !learning.newOnly && !describe, seed: seed)
    let settled = try settle(type, settings, teaching, session)
    let chosen = combination.settled(settled)
    let fitted = try CrossFit(settled.aggregator(), teaching, session: session, seed: seed)
    if let save = learning.save {
      let readsFeatures = Self.type(chosen.specification.method).usesFeatures
      try chosen.model(
        fitted.kept, folds: teaching.copiedFolds, schema: readsFeatures ? teaching.features.map(FeatureSchema.init) : nil, header: header,
        target: header.names[roles!.target], training: fitted.summary
      ).save(to: save)
    }
    if describe {
      let folds = teaching.copiedFolds
      return try report(
        fitted.kept.enumerated().map { k, weights in
          let rows = teaching.training(without: folds?[k])
          return weights.weightTable(rows.predictions, features: rows.features)
        }, folds: folds, chosen, session)
    }
    try session.writeHeader(encoder)
    var workers: [CombiningWorker] = []
    try session.answer(held) {
      let worker = CombiningWorker(
        header: header, combination: chosen, encoder: encoder, features: teaching.features.map { .held($0) } ?? .none,
        skipsLabelled: learning.newOnly ? teaching : nil, fold: .ofRow { teaching.foldOfRow[$0] }, fitted: fitted.fitted(forFold:))
      workers.append(worker)
      return worker
    }
    try session.finish(held.counts, written: learning.newOnly ? held.rows - teaching.labelled.count : nil)
    chosen.tellMissing(workers, session)
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

  /// Makes the choices that are made once, on all labelled rows.
  private func settle(_ type: any Aggregator.Type, _ settings: Settings, _ teaching: TeachingRows, _ session: FilterSession) throws -> SettledMethod {
    let progress = Progress("qaggregate: choosing", quiet: table.quiet)
    defer { progress.clear() }
    let budget: TuningBudget = tune.map { .trials($0) } ?? time.map { .seconds($0) } ?? .usual
    let context = FitContext(
      threads: session.threads, seed: seed, note: { [diagnostics = session.diagnostics] in diagnostics.note($0) }, progress: { progress.update($0) })
    return try type.settle(settings, teaching.settling(budget, context))
  }

  private func answer(with model: SavedCombination) throws {
    let session = try FilterSession(tool: "qaggregate", table, modelColumns: model.columns, reading: [learning.load!])
    guard let header = session.reader.header else { return try session.finish(RowCounts()) }
    let combination = try model.combination(header, session)
    if table.explain { return try session.explain(session.explanation(of: combination.groups) + [("method", combination.specification.text)]) }
    combination.tellLevels(session)
    if describe {
      let worker = DescribingWorker(header: header, combination: combination, features: try rowFeatures(model, header, session))
      _ = try session.stream(header, writesRows: false, threads: 1) { worker }
      return try report(worker.tables(model.fitted), folds: model.folds, combination, session)
    }
    try stream(session, header, combination, model.fitted[0], try encoder(session, header, combination.groups, combination.levels), model)
  }

  private func rowFeatures(_ model: SavedCombination?, _ header: Header, _ session: FilterSession) throws -> RowFeatures {
    try model?.schema.map { .streamed(try FeatureCollector($0, header: header, input: session.inputName)) } ?? .none
  }

  private func encoder(_ session: FilterSession, _ header: Header, _ groups: [QuantileGroup], _ levels: [Double]) throws -> RowEncoder {
    try session.encoder(
      header, dropped: keep ? [] : Set(groups.flatMap(\.columns)), appended: levels.map { QuantileGroup.columnName(answerName ?? "", $0) })
  }

  private func stream(
    _ session: FilterSession, _ header: Header, _ combination: Combination, _ fitted: any FittedAggregator, _ encoder: RowEncoder,
    _ model: SavedCombination? = nil
  ) throws {
    let features = try rowFeatures(model, header, session)
    let fold: FoldOfRow = try model?.folds.map { .told(try session.heldColumn(header), folds: $0) } ?? .ofRow { _ in -1 }
    try session.writeHeader(encoder)
    var workers: [CombiningWorker] = []
    let counts = try session.stream(header) {
      let worker = CombiningWorker(header: header, combination: combination, encoder: encoder, features: features, fold: fold) {
        model?.fitted(forFold: $0) ?? fitted
      }
      workers.append(worker)
      return worker
    }
    try session.finish(counts)
    combination.tellMissing(workers, session)
    let unseen = workers.reduce(0) { $0 + $1.unseen }
    if unseen > 0 {
      session.diagnostics.warn(
        "\(unseen) field\(unseen == 1 ? " holds a category" : "s hold categories") that the model has not seen: answered as missing")
    }
  }

  /// `folds` tells tables apart where there are several.
  private func report(_ tables: [WeightTable?], folds: [Int]? = nil, _ combination: Combination, _ session: FilterSession) throws {
    let tables = tables.compactMap { $0 }
    guard let first = tables.first else {
      throw Failure(.usage, "--describe: \(combination.specification.method) is not a weighted mean, so it has no weights")
    }
    let report = ReportTable(
      columns: (folds == nil ? [] : ["held"]) + ["model", "level", "weight"] + (first.spread == nil ? [] : ["spread"])
        + first.moves.map { "moved_by_\($0.feature)" })
    var lines: [[ReportTable.Cell]] = []
    for (k, weights) in tables.enumerated() {
      for j in weights.models.indices {
        for t in weights.levels.indices {
          var line: [ReportTable.Cell] = folds.map { [.count($0[k])] } ?? []
          line += [.text(weights.models[j]), .key(weights.levels[t]), .number(weights.mean[j, t])]
          line += weights.spread.map { [.number($0[j, t])] } ?? []
          line += weights.moves.map { .number($0.change[j, t]) }
          lines.append(line)
        }
      }
    }
    try report.write(lines, session: session)
    try session.output.close()
  }
}

/// What `--noncrossing` takes.
enum NoncrossingTraining: String, CaseIterable, ExpressibleByArgument { case none, penalty, sort, pava, minmax }

/// What `--isotonic` takes.
enum AnswerOrder: String, CaseIterable, ExpressibleByArgument {
  case sort, pava, minmax, none

  var operation: IsotonicOperator? { IsotonicOperator(rawValue: rawValue) }
}
