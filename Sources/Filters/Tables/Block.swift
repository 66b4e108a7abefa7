import Groundwork

/// Whole records of one input, as bytes, and where their rows and fields lie.
///
/// Field c of row r spans `starts[r * columns + c] ..< ends[r * columns + c]`, quotes included.
public final class Block {
  public let buffer: ByteBuffer
  /// Which input the bytes come from, for messages.
  public internal(set) var input = ""
  /// Number of the first row among all rows, where the source knows it (a table stored for learning), else 0.
  public internal(set) var firstRow = 0
  /// Positions of records that are no rows of the table any more, increasing.
  var omitted: [Int] = []
  /// Physical lines above the block, where it is the first of its input.
  var linesBefore: Int?
  /// Fraction of the input that had been taken when the block was filled, where it is known. It stands here and not in the source,
  /// which fills another block, on another thread, while this one is committed.
  var progress: Double?
  /// Where the input's columns are not the table's: the place of each of the table's in the input, or −1, and how many the input has.
  var places: [Int]?
  var placeCount = 0
  /// Where rows are not lines of the input: the physical line of each.
  var rowLines: [Int]?
  /// NDJSON: rows with members that are not among the columns, in order.
  var rowsWithOthers: [Int] = []

  public internal(set) var rows = 0
  public internal(set) var columns = 0
  private(set) var rowEnds = UnsafeMutablePointer<Int32>.allocate(capacity: 1024)
  private(set) var starts = UnsafeMutablePointer<Int32>.allocate(capacity: 1024)
  private(set) var ends = UnsafeMutablePointer<Int32>.allocate(capacity: 1024)
  private var rowCapacity = 1024
  private var fieldCapacity = 1024
  /// Records that are no rows, in order.
  var faults: [(row: Int, fault: RowFault)] = []
  /// Line ends of the block, in quoted fields too.
  var lines = 0

  public init(capacity: Int = 1 << 18) { buffer = ByteBuffer(capacity: capacity) }

  deinit {
    rowEnds.deallocate()
    starts.deallocate()
    ends.deallocate()
  }

  /// Makes room for the offsets of one more row.
  @inline(__always) func reserveRow() {
    if rows == rowCapacity || (rows + 1) * columns > fieldCapacity { growOffsets() }
  }

  private func growOffsets() {
    func larger(_ old: UnsafeMutablePointer<Int32>, _ count: Int, _ capacity: Int) -> UnsafeMutablePointer<Int32> {
      let new = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
      new.update(from: old, count: count)
      old.deallocate()
      return new
    }
    if rows == rowCapacity {
      rowEnds = larger(rowEnds, rows, rowCapacity * 2)
      rowCapacity *= 2
    }
    if (rows + 1) * columns > fieldCapacity {
      let capacity = max(fieldCapacity * 2, (rows + 1) * columns)
      starts = larger(starts, rows * columns, capacity)
      ends = larger(ends, rows * columns, capacity)
      fieldCapacity = capacity
    }
  }

  /// Line ends of the block before row r.
  func lines(beforeRow r: Int) -> Int {
    let start = r == 0 ? 0 : Int(rowEnds[r - 1])
    return buffer.bytes[..<start].reduce(0) { $0 + ($1 == 10 ? 1 : 0) }
  }

  @inline(never) private func hasOthers(_ r: Int) -> Bool { rowsWithOthers.contains(r) }

  /// The physical line of row r, where `linesBefore` stand above the block.
  func line(ofRow r: Int, linesBefore: Int) -> Int { rowLines?[r] ?? linesBefore + 1 + lines(beforeRow: r) }

  /// Row r as a view, valid until the block is refilled.
  @inline(__always) func row(_ r: Int, format: TableFormat) -> Row {
    Row(
      base: UnsafePointer(buffer.base), starts: UnsafePointer(starts + r * columns), ends: UnsafePointer(ends + r * columns),
      start: r == 0 ? 0 : Int(rowEnds[r - 1]), end: Int(rowEnds[r]), columns: columns, format: format, index: r,
      hasOtherMembers: !rowsWithOthers.isEmpty && hasOthers(r))
  }
}

/// Why a record is not a row of its table.
enum RowFault: Equatable {
  /// How many fields it has, and how many the header.
  case ragged(fields: Int, header: Int)
  case unclosedQuote(field: Int)
  case textAfterQuote(field: Int)
  case json(String)
}

/// One row of a split block: a view that lives as long as the block is not refilled.
public struct Row {
  public let base: UnsafePointer<UInt8>
  let starts: UnsafePointer<Int32>
  let ends: UnsafePointer<Int32>
  /// Bytes of the record, line end included.
  let start: Int
  let end: Int
  public let columns: Int
  public let format: TableFormat
  /// Position in its block.
  public let index: Int
  /// NDJSON: whether the object has members that are not among the columns.
  let hasOtherMembers: Bool

  /// A field's own bytes, with its quotes.
  @inline(__always)
  public func raw(_ column: Int) -> UnsafeBufferPointer<UInt8> {
    let from = Int(starts[column])
    return UnsafeBufferPointer(start: base + from, count: Int(ends[column]) - from)
  }

  /// The record's bytes with its line end.
  public var record: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base + start, count: end - start) }

  /// Where the record's content ends and its line end (LF, CRLF or nothing) begins.
  var contentEnd: Int {
    var last = end
    if last > start, base[last - 1] == 10 {
      last -= 1
      if last > start, base[last - 1] == 13 { last -= 1 }
    }
    return last
  }

  var lineEnd: UnsafeBufferPointer<UInt8> {
    let content = contentEnd
    return UnsafeBufferPointer(start: base + content, count: end - content)
  }

  /// A field's content without quotes. Fields with nothing to unquote are not copied.
  @inline(__always)
  public func withContent<T>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> T) rethrows -> T {
    let field = raw(column)
    if field.count > 0, field[0] == 0x22 { return try withUnquoted(field, body) }
    return try body(field)
  }

  private func withUnquoted<T>(_ field: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> T) rethrows -> T {
    let content = format == .ndjson ? JSONText.unescape(field) : Row.unquote(field)
    return try content.withUnsafeBufferPointer(body)
  }

  static func unquote(_ field: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var content: [UInt8] = []
    content.reserveCapacity(field.count)
    var p = 1
    while p < field.count - 1 {
      content.append(field[p])
      p += field[p] == 0x22 ? 2 : 1
    }
    return content
  }

  /// A field's content, byte for byte; nothing where it is null.
  public func content(_ column: Int) -> FieldText {
    if format == .ndjson, raw(column).elementsEqual("null".utf8) { return "" }
    return withContent(column) { FieldText($0) }
  }

  public func text(_ column: Int) -> String { withContent(column) { String(decoding: $0, as: UTF8.self) } }

  /// What a field says as a number.
  @inline(__always)
  public func number(_ column: Int, _ reader: NumberReader) -> NumberReading {
    let field = raw(column)
    guard let base = field.baseAddress, field.count > 0 else { return .missing }
    if field[0] == 0x22 { return withUnquoted(field) { reader.read($0) } }
    if let value = reader.readShortDecimal(base, base + field.count) { return .number(value) }
    return reader.readSlowly(field, isJSON: format == .ndjson)
  }
}
