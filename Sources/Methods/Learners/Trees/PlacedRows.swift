import MethodKit

/// Features as positions on their axes, which stand for codes.
struct PlacedRows: Sendable {
  let rows: Int
  let columns: Int
  /// Column-major positions of the rows' codes, missing as NaN.
  let values: [Double]
  /// Of each column, by code, the least value that has it, which increases with the code; for a categorical column the code
  /// itself, since its categories stand in the order of their mean responses. Entry 0, for missing values, is not used.
  let positions: [[Double]]

  /// `codes` are those of all rows of `features`, row-major. Cost: rows × columns.
  init(_ features: FeatureTable, codes: [UInt16]) {
    rows = features.rows
    columns = features.columns.count
    let rows = rows
    let columns = columns
    positions = features.columns.indices.map { c in
      var last = 0
      for i in 0..<rows { last = max(last, Int(codes[i * columns + c])) }
      guard case .numeric(let values) = features.columns[c] else { return (0...last).map(Double.init) }
      var least = [Double](repeating: .infinity, count: last + 1)
      for i in 0..<rows {
        let code = Int(codes[i * columns + c])
        least[code] = min(least[code], values[i])
      }
      // A code that no row has must not break the order.
      for code in stride(from: last - 1, through: 1, by: -1) { least[code] = min(least[code], least[code + 1]) }
      return least
    }
    var values: [Double] = []
    values.reserveCapacity(rows * columns)
    for c in 0..<columns {
      for i in 0..<rows {
        let code = codes[i * columns + c]
        values.append(code == FeatureBinning.missing ? .nan : positions[c][Int(code)])
      }
    }
    self.values = values
  }
}
