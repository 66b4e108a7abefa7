/// A row that outlives its block: a copy of its record.
public final class KeptRow {
  private let bytes: UnsafeMutablePointer<UInt8>
  /// Where fields start, then where they end.
  private let places: UnsafeMutablePointer<Int32>
  /// A view that lives as long as this.
  public let row: Row

  public init(_ row: Row) {
    let count = row.end - row.start
    bytes = .allocate(capacity: max(1, count))
    bytes.initialize(from: row.base + row.start, count: count)
    places = .allocate(capacity: max(1, 2 * row.columns))
    for c in 0..<row.columns {
      // A member that an object lacks ends at 0, and stays so.
      let shift = row.ends[c] == 0 ? 0 : Int32(row.start)
      (places + c).initialize(to: row.starts[c] - shift)
      (places + row.columns + c).initialize(to: row.ends[c] - shift)
    }
    self.row = Row(
      base: UnsafePointer(bytes), starts: UnsafePointer(places), ends: UnsafePointer(places + row.columns), start: 0, end: count,
      columns: row.columns, format: row.format, index: 0, hasOtherMembers: row.hasOtherMembers)
  }

  deinit {
    bytes.deallocate()
    places.deallocate()
  }
}
