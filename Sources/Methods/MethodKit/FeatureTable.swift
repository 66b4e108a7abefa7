import Groundwork

/// Features of n rows, a column at a time, as methods see them: no table, no text.
public struct FeatureTable: Sendable {
  public enum Column: Sendable {
    /// NaN is missing; never infinite.
    case numeric([Double])
    /// `codes[i]` indexes `categories`; −1 is missing, or a category that was not there in training.
    case categorical(codes: [Int32], categories: [FieldText])

    /// The rows of `indices`, in that order.
    public func selecting(_ indices: [Int]) -> Column {
      switch self {
      case .numeric(let values): .numeric(indices.map { values[$0] })
      case .categorical(let codes, let categories): .categorical(codes: indices.map { codes[$0] }, categories: categories)
      }
    }
  }

  public let names: [String]
  public let columns: [Column]
  public let rows: Int

  public init(names: [String], columns: [Column], rows: Int) {
    precondition(names.count == columns.count)
    self.names = names
    self.columns = columns
    self.rows = rows
  }

  /// The rows of `indices`, in that order, with the same columns and categories.
  public func selecting(_ indices: [Int]) -> FeatureTable {
    FeatureTable(names: names, columns: columns.map { $0.selecting(indices) }, rows: indices.count)
  }
}
