import Aggregation
import FilterKit
import Tables

/// Describes the weights of a model file, over the first rows of a table where they depend on rows.
struct DescribingTask: ReportingTask {
  let model: SavedCombination

  struct Roles {
    let combination: Combination
    let features: RowFeatures
  }

  func roles(_ header: Header, _ session: FilterSession) throws -> Roles {
    Roles(combination: try model.combination(header, session), features: try model.rowFeatures(header, session))
  }

  func explanation(_ roles: Roles, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    session.explanation(of: roles.combination.groups) + [("method", roles.combination.specification.text)]
  }

  func begin(_ roles: Roles, _ header: Header, _ session: FilterSession) -> Bool {
    roles.combination.tellLevels(session)
    return true
  }

  var takesRowsInOrder: Bool { true }

  func worker(_ roles: Roles, _ header: Header, _ session: FilterSession) -> DescribingWorker {
    DescribingWorker(roles.combination, header, features: roles.features)
  }

  func findings(
    _ workers: [DescribingWorker], _ roles: Roles, _ header: Header, _ counts: RowCounts, _ session: FilterSession
  ) throws -> WeightReport {
    try WeightReport(workers[0].tables(model.fitted), folds: model.folds, method: roles.combination.specification.method)
  }

  func write(_ report: WeightReport, _ counts: RowCounts, _ session: FilterSession) throws -> Int { try report.write(session) }

  func conclude(_ report: WeightReport, _ session: FilterSession) {}
}
