import FilterKit
import Groundwork
import Tables

/// Which column does what when qconformal learns.
struct CalibrationRoles {
  let target: Int
  let fold: Int?
  let weight: Int?
  let by: [Int]
  /// Which copy of its row a row is, for the method that takes copies.
  let copy: Int?
  /// Columns whose functions `--method conditional` covers over.
  let given: [Int]
  let kinds: FeatureKinds
  /// The times of rows, which learn from earlier ones alone where it is there.
  let order: OrderRoles?
  /// Nothing is answered, so folds do not matter.
  let isPartial: Bool

  init(_ session: FilterSession, _ header: Header, _ flags: QConformal, takesCopies: Bool = false) throws {
    if takesCopies {
      copy = try session.heldColumn(header)
    } else {
      try session.refuseCopies(header)
      copy = nil
    }
    isPartial = flags.partial
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    fold = header.index(of: "fold")
    weight = try flags.weightOption.weight.map { try session.column(header, $0) }
    by = try session.columns(header, nameList(flags.by))
    given = try session.columns(header, nameList(flags.given))
    kinds = try FeatureKinds(flags.kindOptions, header, features: given, format: try flags.timeOption.format())
    let format = try flags.timeOption.format()
    // Scores are the same in any order.
    order =
      flags.partial || takesCopies ? nil : try OrderRoles(session, header, flags.orderOptions, flags.refitOptions, usually: .time, format)
    try session.checkRoles(
      header, alone: [("--target", target), ("--weight", weight)], shared: [("--by", by), ("--given", given)] + (order?.shared ?? []))
  }

  /// What to store beside the quantiles.
  var stored: [(column: Int, role: StoredTable.Role)] {
    [(target, .finite)] + [fold].compactMap { $0 }.map { ($0, .fold) } + [copy].compactMap { $0 }.map { ($0, .index) }
      + [weight].compactMap { $0 }.map { ($0, .weight(unlessMissing: nil)) }
      + by.map { ($0, .label) } + (order?.stored ?? []) + given.map { ($0, kinds.role($0)) }
  }

  /// The quantiles, of labelled rows.
  func packing(_ groups: [QuantileColumns], newOnly: Bool) -> StoredTable.Packing {
    StoredTable.Packing(target: target, columns: groups.flatMap(\.presentColumns), answersTaught: !newOnly || !by.isEmpty || !given.isEmpty)
  }

  func explanation(_ header: Header) -> [(String, String)] {
    [("target", header.names[target])]
      + [("fold", fold), ("held", copy), ("weight", weight)].compactMap { name, column in column.map { (name, header.names[$0]) } }
      + by.map { ("by", header.names[$0]) } + (order?.explanation(header) ?? [])
      + given.map { ("given", header.names[$0]) }
  }
}
