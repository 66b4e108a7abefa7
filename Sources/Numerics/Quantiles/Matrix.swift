/// A dense matrix of doubles, row-major: element (i, j) is `values[i * columns + j]`.
public struct Matrix: Equatable, Sendable {
  public let rows: Int
  public let columns: Int
  public var values: [Double]

  public init(rows: Int, columns: Int, repeating value: Double = 0) {
    self.rows = rows
    self.columns = columns
    values = [Double](repeating: value, count: rows * columns)
  }

  /// `values.count` must be `rows * columns`.
  public init(rows: Int, columns: Int, values: [Double]) {
    precondition(values.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  @inlinable public subscript(i: Int, j: Int) -> Double {
    get { values[i * columns + j] }
    set { values[i * columns + j] = newValue }
  }

  public func row(_ i: Int) -> ArraySlice<Double> { values[i * columns..<(i + 1) * columns] }
}
