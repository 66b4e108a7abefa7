import FilterKit
import Tables

/// The values of the `--by` columns as one text; missing values are a value of their own.
enum RowKey {
  private static let separator = "\u{1F}"

  static func joined(_ texts: [String]) -> String { texts.map { MissingText.matches($0) ? "" : $0 }.joined(separator: separator) }

  static func values(_ key: String) -> [String] { key.components(separatedBy: separator) }

  /// The key of every row of a stored table.
  static func keys(_ table: StoredTable, _ columns: [Int]) throws -> [String] {
    let texts = try columns.map { column -> [String] in
      guard case .categories(let codes, let categories) = try table.feature(column) else { return [] }
      return codes.map { $0 < 0 ? "" : categories[Int($0)] }
    }
    return (0..<table.rows).map { row in joined(texts.map { $0[row] }) }
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    split(separator: Character(separator), omittingEmptySubsequences: false).map(String.init)
  }
}
