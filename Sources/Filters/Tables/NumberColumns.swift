import Groundwork

/// Some columns of rows as numbers, in an order of their own. One value per worker.
public final class NumberColumns {
  /// −1 for a column that is not there.
  private let columns: UnsafeMutablePointer<Int>
  public let count: Int
  private let header: Header
  private let reader = NumberReader()

  /// A column that is nil reads as missing.
  public init(_ columns: [Int?], _ header: Header) {
    count = columns.count
    self.columns = .allocate(capacity: max(1, columns.count))
    self.columns.initialize(from: columns.map { $0 ?? -1 }, count: columns.count)
    self.header = header
  }

  deinit { columns.deallocate() }

  /// Writes one number a column to `target`: NaN where it is missing, infinite ones as they are. Throws for a field that is no number.
  public func read(_ row: Row, into target: UnsafeMutablePointer<Double>) throws {
    for k in 0..<count {
      let column = columns[k]
      if column < 0 {
        target[k] = .nan
        continue
      }
      // The header is taken up for a failure alone: counting references to it in every row makes threads wait for each other.
      switch row.number(column, reader) {
      case .number(let value), .infinite(let value): target[k] = value
      case .missing: target[k] = .nan
      case let reading: throw numberFailure(reading, row, column, header)
      }
    }
  }
}
