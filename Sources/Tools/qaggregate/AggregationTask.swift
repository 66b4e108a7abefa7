import Aggregation
import FilterKit
import Groundwork
import LinearAlgebra
import MethodKit
import Tables

/// Learns from the labelled rows of a table how to combine, over its folds, and answers all rows.
struct AggregationTask: LearningTask {
  let flags: QAggregate
  let specification: MethodSpecification
  let type: any Aggregator.Type
  let settings: Settings
  let columns: CombinedColumns

  struct Roles {
    let columns: AggregatingRoles
    let combination: Combination
  }

  var options: LearningOptions { flags.learning }
  var takesNoRows: Bool { options.save != nil || flags.describe }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    let groups = try session.groups(header, picked: flags.groupsOption.groups)
    return Roles(
      columns: try AggregatingRoles(session, header, flags, learns: type.learns, usesFeatures: type.usesFeatures),
      combination: Combination(specification: specification, groups: groups, isotonic: flags.answerOrder))
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    roles.columns.explanation(header) + session.explanation(of: roles.combination.groups) + [("method", specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool {
    roles.combination.tellLevels(session)
    flags.tellUnusedFeatures(type, session)
    return true
  }

  func output(_ roles: Roles, _ header: Header) -> OutputColumns { columns.output(roles.combination) }

  func storage(_ roles: Roles) -> TableStorage {
    TableStorage(roles: roles.columns.stored(roles.combination.groups), memory: options.memoryBytes)
  }

  func features(_ roles: Roles) -> [Int] { roles.columns.features }

  func learn(_ table: StoredTable, _ roles: Roles, _ session: FilterSession) throws -> LearntCombination {
    try reserveBLASMemory(threads: session.threads)
    let seed = flags.seedOption.seed
    let rows = try AggregationRows(
      table, roles.columns, roles.combination, session, crossFits: !options.newOnly && !flags.describe,
      folds: flags.refitOptions.folds, keepsAll: choosesInTime(roles), seed: seed)
    if choosesInTime(roles) { return try chosenInTime(rows, table, roles, session) }
    let methods = try choose(rows, session)
    return LearntCombination(
      header: table.header, combination: roles.combination.with(methods[rows.whole ?? 0]), methods: methods, rows: rows,
      fits: try CrossFit(methods, rows, session: session, seed: seed), target: table.header.names[roles.columns.target],
      order: roles.columns.order?.summary(table.header) ?? [:],
      tableRows: table.rows, newOnly: options.newOnly, describes: flags.describe)
  }

  /// Whether a method is chosen among all, for each time.
  private func choosesInTime(_ roles: Roles) -> Bool { type == Auto.self && roles.columns.order != nil }

  private func chosenInTime(_ rows: AggregationRows, _ table: StoredTable, _ roles: Roles, _ session: FilterSession) throws -> LearntCombination {
    let auto = try AutoInTime(rows, rows.all!, session, seed: flags.seedOption.seed)
    let method = auto.saved.method
    if options.save != nil || flags.describe, auto.names[rows.whole!] == AutoInTime.mixed {
      let lack = flags.describe ? "has no one table of weights" : "no model file can keep it"
      session.diagnostics.warn(
        "auto: online does best, mixed with the average, and \(lack): \(method.name) stands in; see --method online with --describe and --state")
    }
    return LearntCombination(
      header: table.header, combination: roles.combination.with(method), methods: [method], rows: rows, fits: CrossFit(auto, rows),
      target: table.header.names[roles.columns.target],
      order: roles.columns.order?.summary(table.header) ?? [:], tableRows: table.rows, newOnly: options.newOnly, describes: flags.describe)
  }

  /// Makes the choices that are made before anything is fitted, once, or for each copy, and returns what to fit for each fold that is left out.
  private func choose(_ rows: AggregationRows, _ session: FilterSession) throws -> [ChosenMethod] {
    let progress = Progress("qaggregate: choosing", quiet: flags.table.quiet)
    defer { progress.clear() }
    let budget: ChoiceBudget = flags.tune.map { .trials($0) } ?? flags.time.map { .seconds($0) } ?? .usual
    let context = FitContext(
      threads: session.threads, seed: flags.seedOption.seed, note: { [diagnostics = session.diagnostics] in diagnostics.note($0) },
      progress: { progress.update($0) })
    let chosen = try rows.choices.map { try type.choose(settings, rows.choiceContext($0, budget, context)) }
    return chosen.count == 1 ? rows.fits.map { _ in chosen[0] } : chosen
  }
}

/// A combination that was learnt from a table, and answers its rows or is described.
struct LearntCombination: LearntAnswers {
  let header: Header
  let combination: Combination
  /// Of each fit.
  let methods: [ChosenMethod]
  let rows: AggregationRows
  let fits: CrossFit
  let target: String
  /// What tells the order of rows, for a model file.
  let order: [String: String]
  let tableRows: Int
  /// Labelled rows are not written.
  let newOnly: Bool
  let describes: Bool

  func model(_ header: Header) -> ModelFile {
    let readsFeatures = methods.contains { $0.type.usesFeatures }
    return combination.model(
      fits.kept, folds: rows.copiedFolds, methods: methods.map(\.name),
      schema: readsFeatures ? rows.features.map { FeatureSchema($0, dates: rows.dates) } : nil, header: header,
      target: target,
      training: fits.summary.merging(order) { own, _ in own })
  }

  func report(_ counts: RowCounts, _ session: FilterSession) throws -> Bool {
    guard describes else { return false }
    let folds = rows.copiedFolds
    let tables = fits.kept.enumerated().map { k, weights in
      let training = rows.training(folds == nil ? rows.whole! : k)
      return weights.weightTable(training.predictions, features: training.features)
    }
    let written = try WeightReport(tables, folds: folds, method: combination.specification.method).write(session)
    try session.finish(counts, written: written)
    return true
  }

  func workers(_ encoder: RowEncoder, _ count: Int) -> [CombiningWorker] {
    let features: RowFeatures = rows.features.map { .whole($0) } ?? .none
    return (0..<count).map { _ in
      CombiningWorker(combination, header, encoder, features: features, .crossFitted(fits, rows, skipsLabelled: newOnly))
    }
  }

  var written: Int? { newOnly ? tableRows - rows.labelled.count : nil }

  func conclude(_ workers: [CombiningWorker], _ session: FilterSession) {
    if let timed = rows.timed {
      let skipped = newOnly ? Set(rows.labelled) : []
      session.tellUnanswered(timed, among: (0..<tableRows).filter { !skipped.contains($0) })
    }
    workers.reduce(into: Omissions(models: combination.groups.count)) { $0.add($1.omissions) }.tell(combination, session.diagnostics)
  }
}
