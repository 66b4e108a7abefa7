import FilterKit
import Tables

/// Which column does what in a picture of rows.
struct DrawnColumns {
  let groups: [QuantileGroup]
  let target: Int?
  let by: [Int]
  let order: TimeColumn?

  /// Throws where a column is missing or has two roles.
  init(_ input: PictureInput, needsTarget: Bool) throws {
    let (session, header) = (input.session, input.header)
    groups = try session.groups(header, picked: input.groups)
    by = try session.columns(header, nameList(input.by))
    target = try needsTarget ? session.requiredTarget(header, named: input.target) : session.targetColumn(header, named: input.target)
    order = try input.order.map { TimeColumn(try session.column(header, $0), header, format: input.timeFormat) }
    try session.checkRoles(header, alone: [("--target", target)], shared: [("--by", by), ("--order", [order?.column].compactMap { $0 })])
  }
}
