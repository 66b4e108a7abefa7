import FilterKit
import Groundwork
import Learners
import MethodKit
import Tables

/// Which column does what when qfit learns.
struct TrainingRoles {
  let target: Int
  let fold: Int?
  let weight: Int?
  let group: Int?
  let features: [Int]
  let kinds: FeatureKinds
  /// When rows stand, and when their targets are known; nil where rows have no order.
  let order: OrderRoles?

  init(_ session: FilterSession, _ header: Header, _ flags: QFit) throws {
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    weight = try flags.weightOption.weight.map { try session.column(header, $0) }
    group = try flags.group.map { try session.column(header, $0) }
    order = try OrderRoles(session, header, flags.orderOptions, flags.refitOptions, try flags.timeOption.format())
    fold = header.index(of: "fold")
    let isUsed = !flags.learning.newOnly || flags.copies.writesCopies
    if isUsed, fold != nil, flags.refitOptions.folds != nil || flags.group != nil {
      throw session.failure(
        "the table has a column fold, so \(flags.refitOptions.folds != nil ? "--folds" : "--group") has no effect",
        remedy: "drop the column or the flag")
    }
    if order != nil, flags.group != nil {
      throw Failure(.usage, "--group has no effect: under \(flags.orderOptions.orderFlag) folds are blocks of time", remedy: "leave one of them out")
    }
    features = try session.featureColumns(
      header, flags.featureOptions, alone: [("--target", target), ("--weight", weight)],
      shared: [("--group", [group].compactMap { $0 })] + (order?.shared ?? []))
    kinds = try FeatureKinds(flags.kindOptions, header, features: features, format: try flags.timeOption.format())
  }

  /// What to store of the table.
  var stored: [(column: Int, role: StoredTable.Role)] {
    var roles: [(column: Int, role: StoredTable.Role)] = [(target, .finite)]
    if let fold { roles.append((fold, .fold)) }
    if let order { roles += order.stored }
    if let weight { roles.append((weight, .weight(unlessMissing: target))) }
    if let group { roles.append((group, .label)) }
    return roles + features.map { ($0, kinds.role($0)) }
  }

  func explanation(_ header: Header, _ learners: [NamedLearner], _ levels: [Double]) -> [(String, String)] {
    var lines = [("target", header.names[target]), ("features", features.map { header.names[$0] }.joined(separator: " "))]
    if let fold { lines.append(("fold", header.names[fold])) }
    if let order { lines += order.explanation(header) }
    if let weight { lines.append(("weight", header.names[weight])) }
    if let group { lines.append(("group", header.names[group])) }
    return lines + learners.map { ("learner", $0.specification.text) } + [("levels", levels.map(levelText).joined(separator: " "))]
  }
}

/// A learner with its settings and the name of its columns.
struct NamedLearner {
  let specification: MethodSpecification
  let type: any Learner.Type
  let learner: any Learner
  var name: String { specification.name }

  init(_ specification: MethodSpecification) throws {
    self.specification = specification
    type = learnerRegistry.first { $0.description.name == specification.method }!
    learner = type.init(settings: try Settings(specification.settings, of: type.description))
  }
}
