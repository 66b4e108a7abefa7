import Aggregation
import FilterKit
import MethodKit
import Quantiles
import Tables

/// What the columns of an answer are called, and whether those of its models stay.
struct CombinedColumns {
  let name: String?
  let keepsModels: Bool

  func output(_ combination: Combination) -> OutputColumns {
    OutputColumns(
      dropped: keepsModels ? [] : Set(combination.columns), appended: combination.levels.map { QuantileGroup.columnName(name ?? "", $0) })
  }
}

/// Combines every row as it comes, by what a model file holds or by a method that learns nothing.
struct CombiningTask: StreamingTask {
  enum Source {
    case saved(SavedCombination)
    case method(any Aggregator, MethodSpecification, QAggregate)
  }

  struct Roles {
    let combination: Combination
    let features: RowFeatures
    let combiner: RowCombiner
  }

  private let source: Source
  private let columns: CombinedColumns

  init(_ source: Source, _ columns: CombinedColumns) {
    self.source = source
    self.columns = columns
  }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    switch source {
    case .saved(let model):
      let combination = try model.combination(header, session)
      let combiner: RowCombiner = model.folds == nil ? .one(model.fitted[0]) : .told(model, column: try session.heldColumn(header))
      return Roles(combination: combination, features: try model.rowFeatures(header, session), combiner: combiner)
    case .method(let aggregator, let specification, let flags):
      let groups = try session.groups(header, picked: flags.groupsOption.groups)
      let combination = Combination(specification: specification, groups: groups, isotonic: flags.answerOrder)
      return Roles(
        combination: combination, features: .none,
        combiner: .one(LeaningAggregator(try aggregator.fit(combination.nothingToLearn, context: FitContext()))))
    }
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    session.explanation(of: roles.combination.groups) + [("method", roles.combination.specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) throws -> Bool {
    let combination = roles.combination
    combination.tellLevels(session)
    guard case .method(let aggregator, _, let flags) = source, case .one(let fitted) = roles.combiner else { return true }
    flags.tellUnusedFeatures(type(of: aggregator), session)
    if let save = flags.learning.save {
      try combination.model([fitted], folds: nil, methods: [], schema: nil, header: header, target: nil, training: [:]).save(to: save)
    }
    guard flags.describe else { return true }
    let table = fitted.weightTable(combination.nothingToLearn.predictions, features: nil)
    _ = try WeightReport([table], folds: nil, method: combination.specification.method).write(session)
    try session.output.close()
    return false
  }

  func output(_ roles: Roles, _ header: Header) -> OutputColumns { columns.output(roles.combination) }

  func worker(_ roles: Roles, _ header: Header, _ encoder: RowEncoder, _ session: FilterSession) -> CombiningWorker {
    CombiningWorker(roles.combination, header, encoder, features: roles.features, roles.combiner)
  }

  func conclude(_ workers: [CombiningWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession) {
    let combination = roles.combination
    workers.reduce(into: Omissions(models: combination.groups.count)) { $0.add($1.omissions) }.tell(combination, session.diagnostics)
    session.warnOfUnseen(workers.reduce(0) { $0 + $1.unseen })
  }
}
