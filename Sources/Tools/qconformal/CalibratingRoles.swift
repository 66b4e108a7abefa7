import FilterKit
import Groundwork
import Tables

/// Which column does what when qconformal learns.
struct CalibratingRoles {
  let target: Int
  let fold: Int?
  let weight: Int?
  let by: [Int]
  /// Which copy of its row a row is, for the method that takes copies.
  let copy: Int?
  /// Columns whose functions `--method conditional` covers over.
  let given: [Int]

  init(_ session: FilterSession, _ header: Header, _ flags: QConformal, takesCopies: Bool = false) throws {
    if takesCopies {
      copy = try session.heldColumn(header)
    } else {
      try session.refuseCopies(header)
      copy = nil
    }
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    fold = header.index(of: "fold")
    weight = try flags.weight.map { try session.column(header, $0) }
    by = try session.columns(header, nameList(flags.by))
    let groups = try header.quantileGroups(input: session.inputName)
    try session.refuseTwoRoles(
      header, [("fold", fold), ("held", copy), ("--target", target), ("--weight", weight)] + by.map { ("--by", $0) }, quantiles: groups)
    let quantiles = groups.flatMap(\.columns)
    given = try session.columns(header, nameList(flags.given))
    if let column = given.first(where: { Set([target] + [fold, weight].compactMap { $0 } + by + quantiles).contains($0) }) {
      throw Failure(.usage, "--given names \"\(header.names[column])\", which has another role")
    }
  }

  /// What to hold beside the quantiles.
  var held: [(column: Int, role: StoredTable.Role)] {
    [(target, .finite)] + [fold, copy].compactMap { $0 }.map { ($0, .index) } + [weight].compactMap { $0 }.map { ($0, .weight(unlessMissing: nil)) }
      + by.map { ($0, .label) } + given.map { ($0, .feature) }
  }

  /// The quantiles, of labelled rows.
  func packing(_ groups: [WorkingGroup], newOnly: Bool) -> StoredTable.Packing {
    StoredTable.Packing(target: target, columns: groups.flatMap(\.presentColumns), answersTaught: !newOnly || !by.isEmpty || !given.isEmpty)
  }

  func explanation(_ header: Header) -> [(String, String)] {
    [("target", header.names[target])]
      + [("fold", fold), ("held", copy), ("weight", weight)].compactMap { name, column in column.map { (name, header.names[$0]) } }
      + by.map { ("by", header.names[$0]) } + given.map { ("given", header.names[$0]) }
  }
}

/// The values of the `--by` columns as one text; missing values are a value of their own.
enum PartKey {
  private static let separator = "\u{1F}"

  static func joined(_ texts: [String]) -> String { texts.map { MissingText.matches($0) ? "" : $0 }.joined(separator: separator) }

  static func values(_ key: String) -> [String] { key.components(separatedBy: separator) }

  /// The key of every row of a held table.
  static func keys(_ held: StoredTable, _ columns: [Int]) throws -> [String] {
    let texts = try columns.map { column -> [String] in
      guard case .categories(let codes, let categories) = try held.feature(column) else { return [] }
      return codes.map { $0 < 0 ? "" : categories[Int($0)] }
    }
    return (0..<held.rows).map { row in joined(texts.map { $0[row] }) }
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: Character(separator), omittingEmptySubsequences: false).map(String.init)
  }
}
