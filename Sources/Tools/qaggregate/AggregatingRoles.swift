import FilterKit
import Groundwork
import Tables

/// Which column does what when qaggregate learns.
struct AggregatingRoles {
  let target: Int
  let fold: Int?
  let weight: Int?
  /// Which copy of its row a row is, where rows are copied for cross-conformal calibration.
  let copy: Int?
  let features: [Int]
  let kinds: FeatureKinds
  /// When rows stand, and when their targets are known; nil where rows have no order.
  let order: OrderRoles?

  init(_ session: FilterSession, _ header: Header, _ flags: QAggregate, learns: Bool, usesFeatures: Bool) throws {
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    weight = try flags.weightOption.weight.map { try session.column(header, $0) }
    fold = header.index(of: "fold")
    copy = learns ? header.index(of: "held") : nil
    order = try OrderRoles(session, header, flags.orderOptions, flags.refitOptions, try flags.timeOption.format())
    if fold != nil, flags.refitOptions.folds != nil {
      throw session.failure("the table has a column fold, so --folds has no effect", remedy: "drop the column or the flag")
    }
    let alone = [("--target", target), ("--weight", weight)]
    let shared = order?.shared ?? []
    if usesFeatures {
      features = try session.featureColumns(header, flags.featureOptions, alone: alone, shared: shared, picksGroups: true)
      kinds = try FeatureKinds(flags.kindOptions, header, features: features, format: try flags.timeOption.format())
    } else {
      try session.checkRoles(header, alone: alone, shared: shared)
      features = []
      kinds = FeatureKinds()
    }
  }

  /// What to store of the table.
  func stored(_ groups: [QuantileGroup]) -> [(column: Int, role: StoredTable.Role)] {
    let quantiles: [(column: Int, role: StoredTable.Role)] = groups.flatMap(\.columns).map { ($0, .number) }
    return [(target, .finite)] + [fold].compactMap { $0 }.map { ($0, .fold) } + [copy].compactMap { $0 }.map { ($0, .index) }
      + (order?.stored ?? [])
      + [weight].compactMap { $0 }.map { ($0, .weight(unlessMissing: target)) }
      + quantiles + features.map { ($0, kinds.role($0)) }
  }

  func explanation(_ header: Header) -> [(String, String)] {
    [("target", header.names[target])] + (features.isEmpty ? [] : [("features", features.map { header.names[$0] }.joined(separator: " "))])
      + [("fold", fold), ("held", copy), ("weight", weight)].compactMap { name, column in column.map { (name, header.names[$0]) } }
      + (order?.explanation(header) ?? [])
  }
}
