import FilterKit
import MethodKit
import Tables

/// Gathers the predictions of rows, and the features that weights depend on, until they are combined together.
final class RowGatherer {
  private let columns: NumberColumns
  private var features: RowFeatures
  /// One row's quantiles.
  private let row: UnsafeMutableBufferPointer<Double>
  /// Quantiles of all groups, row after row.
  private(set) var values: [Double] = []
  private(set) var rows = 0

  init(_ combination: Combination, _ header: Header, features: RowFeatures) {
    columns = NumberColumns(combination.columns, header)
    self.features = features
    row = .allocate(capacity: columns.count)
  }

  deinit { row.deallocate() }

  /// Adds a row, or throws and adds nothing.
  func add(_ row: Row) throws {
    try columns.read(row, into: self.row.baseAddress!)
    try features.add(row)
    values.append(contentsOf: self.row)
    rows += 1
  }

  func removeAll() {
    values.removeAll(keepingCapacity: true)
    rows = 0
  }

  /// See `RowFeatures.take`.
  func takeFeatures() -> (table: FeatureTable, isWhole: Bool)? { features.take() }

  /// Fields whose category the model has not seen.
  var unseen: Int { if case .streamed(let collector) = features { collector.unseen } else { 0 } }
}
