import FilterKit
import MethodKit
import Tables

/// Where a worker finds the features of its rows.
enum RowFeatures {
  case none
  /// Of every row of a stored table.
  case whole(FeatureTable)
  /// Read along with the rows.
  case streamed(FeatureCollector)

  mutating func add(_ row: Row) throws {
    guard case .streamed(var collector) = self else { return }
    self = .none
    defer { self = .streamed(collector) }
    try collector.add(row)
  }

  /// The features of the block's rows, or of the whole table.
  mutating func take() -> (table: FeatureTable, isWhole: Bool)? {
    switch self {
    case .none: return nil
    case .whole(let table): return (table, true)
    case .streamed(var collector):
      self = .none
      defer { self = .streamed(collector) }
      return (collector.take(), false)
    }
  }
}
