import Groundwork

/// Writes a tool's rows: columns passed through byte for byte, some with a new content in place, own columns to the right.
///
/// Between different formats, fields are written anew with the same content.
public struct RowEncoder {
  /// The new content of a column that is changed in place.
  public struct Cell {
    /// A column whose own bytes move here, or −1 for `number`.
    var column: Int32
    var number: Double

    public static func number(_ value: Double) -> Cell { Cell(column: -1, number: value) }
    public static func text(of column: Int) -> Cell { Cell(column: Int32(column), number: 0) }
  }

  private enum Segment {
    /// Neighbouring columns that pass through, first ... last.
    case run(Int, Int)
    /// A column changed in place, and its position among the cells.
    case cell(column: Int, slot: Int)
  }

  private let header: Header
  private let input: TableFormat
  private let output: TableFormat
  private let writer: FieldWriter
  /// Decimals of computed numbers; nil is as many as it takes.
  public let digits: Int?
  /// Delimited text with decimal commas.
  private let usesComma: Bool
  private let segments: [Segment]
  private let changed: [Int]
  private let dropsColumns: Bool
  private let appended: [String]
  /// Of each own column: the letter before its numbers, 0 for none.
  private let marks: [UInt8]
  /// Which of the tool's own columns are written.
  private let own: [Int]
  /// NDJSON: `,"name":` of each appended column; keys of each input column.
  private let appendedKeys: [[UInt8]]
  private let keys: [[UInt8]]

  /// - Parameters:
  ///   - changed: columns whose content `write` takes from its cells, in the order of the cells.
  ///   - dropped: columns that are left out, and give their names to others.
  ///   - left: columns that are left out, and keep their names.
  ///   - appended: names of the tool's own columns.
  ///   - marks: of own columns that hold labels, the letter that stands before their whole numbers: t3.
  ///   - leftOwn: which own columns are left out.
  ///   - digits: decimals to round computed numbers to; nil writes the shortest that read back.
  /// Throws where an own column has the name of one that passes through.
  public init(
    header: Header, input: TableFormat, output: TableFormat, changed: [Int] = [], dropped: Set<Int> = [], left: Set<Int> = [],
    appended: [String] = [], marks: [String: UInt8] = [:], leftOwn: Set<Int> = [], digits: Int? = nil
  ) throws {
    self.header = header
    self.input = input
    self.output = output
    writer = FieldWriter(input: input, output: output)
    self.digits = digits
    usesComma = NumberNotation.usesComma && output != .ndjson
    self.changed = changed
    self.appended = appended
    self.marks = appended.map { marks[$0] ?? 0 }
    own = appended.indices.filter { !leftOwn.contains($0) }
    dropsColumns = !dropped.isEmpty || !left.isEmpty
    for name in appended {
      if let column = header.index(of: name), !dropped.contains(column) {
        throw Failure(.badData, "the input already has a column \"\(name)\"", remedy: "give the new columns another name, or drop the old one")
      }
    }
    let slots = Dictionary(uniqueKeysWithValues: changed.enumerated().map { ($1, $0) })
    var segments: [Segment] = []
    for column in 0..<header.count where !dropped.contains(column) && !left.contains(column) {
      if let slot = slots[column] {
        segments.append(.cell(column: column, slot: slot))
      } else if case .run(let first, let last)? = segments.last, last == column - 1 {
        segments[segments.count - 1] = .run(first, column)
      } else {
        segments.append(.run(column, column))
      }
    }
    self.segments = segments
    func key(_ name: String) -> [UInt8] {
      let buffer = ByteBuffer(capacity: 64)
      Array(name.utf8).withUnsafeBufferPointer { JSONText.appendString($0, to: buffer) }
      return Array(buffer.bytes)
    }
    let writesObjects = output == .ndjson
    appendedKeys = writesObjects ? appended.map { key($0) + [UInt8(ascii: ":")] } : []
    keys = writesObjects ? (input == .ndjson ? header.raw : header.names.map(key)).map { $0 + [UInt8(ascii: ":")] } : []
  }

  /// The header line; nothing for NDJSON.
  public func writeHeader(into buffer: ByteBuffer) {
    guard case .separated(let delimiter) = output else { return }
    var isFirst = true
    func field(_ write: () -> Void) {
      if !isFirst { buffer.append(delimiter) }
      isFirst = false
      write()
    }
    for segment in segments {
      switch segment {
      case .run(let first, let last):
        for column in first...last { field { writer.appendName(header, column, into: buffer) } }
      case .cell(let column, _): field { writer.appendName(header, column, into: buffer) }
      }
    }
    for k in own { field { writer.append(appended[k], into: buffer) } }
    buffer.append(input == output ? header.lineEnd : [10])
  }

  /// True where a row that no cell changes may leave as the bytes it came in.
  public var copiesWholeRows: Bool { input == output && !dropsColumns && own.isEmpty }

  /// Only where `copiesWholeRows`: the record as it came.
  public func copy(_ row: Row, into buffer: ByteBuffer) { buffer.append(row.record) }

  /// Writes a row. `cells` holds one cell a changed column, `own` one number an appended column (NaN is missing).
  public func write(_ row: Row, cells: UnsafePointer<Cell>?, own: UnsafePointer<Double>?, into buffer: ByteBuffer) {
    // A row written several times may be the input's last, which may have no line end.
    if buffer.count > 0, buffer.base[buffer.count - 1] != 10 { buffer.append(header.lineEndOrNewline) }
    switch (input, output) {
    case (.ndjson, .ndjson) where !dropsColumns: splice(row, cells, own, buffer)
    case (_, .ndjson): writeObject(row, cells, own, buffer)
    case (.separated, .separated(let delimiter)) where input == output: writeFields(row, cells, own, delimiter, buffer)
    case (_, .separated(let delimiter)): convertFields(row, cells, own, delimiter, buffer)
    }
  }

  // MARK: Delimited text

  private func writeFields(_ row: Row, _ cells: UnsafePointer<Cell>?, _ own: UnsafePointer<Double>?, _ delimiter: UInt8, _ buffer: ByteBuffer) {
    var isFirst = true
    for segment in segments {
      if !isFirst { buffer.append(delimiter) }
      isFirst = false
      switch segment {
      case .run(let first, let last):
        let from = Int(row.starts[first])
        buffer.append(row.base + from, count: Int(row.ends[last]) - from)
      case .cell(_, let slot):
        let cell = cells![slot]
        if cell.column >= 0 { buffer.append(row.raw(Int(cell.column))) } else { appendNumber(cell.number, buffer) }
      }
    }
    for k in self.own {
      if !isFirst { buffer.append(delimiter) }
      isFirst = false
      appendOwn(k, own![k], buffer)
    }
    buffer.append(row.lineEnd)
  }

  private func convertFields(_ row: Row, _ cells: UnsafePointer<Cell>?, _ own: UnsafePointer<Double>?, _ delimiter: UInt8, _ buffer: ByteBuffer) {
    var isFirst = true
    func pass(_ column: Int) {
      if !isFirst { buffer.append(delimiter) }
      isFirst = false
      writer.append(row, column, into: buffer)
    }
    for segment in segments {
      switch segment {
      case .run(let first, let last): for column in first...last { pass(column) }
      case .cell(_, let slot):
        let cell = cells![slot]
        if cell.column >= 0 {
          pass(Int(cell.column))
        } else {
          if !isFirst { buffer.append(delimiter) }
          isFirst = false
          appendNumber(cell.number, buffer)
        }
      }
    }
    for k in self.own {
      if !isFirst { buffer.append(delimiter) }
      isFirst = false
      appendOwn(k, own![k], buffer)
    }
    buffer.append(10)
  }

  @inline(__always)
  private func appendNumber(_ value: Double, _ buffer: ByteBuffer) {
    if value.isFinite {
      if usesComma { buffer.append(comma: value, digits: digits, delimiter: writer.delimiter) } else { buffer.append(number: value, digits: digits) }
    } else if value.isNaN {
      if output == .ndjson { buffer.append("null") }
    } else {
      let text = value < 0 ? "-inf" : "inf"
      buffer.append(output == .ndjson ? "\"\(text)\"" : text)
    }
  }

  @inline(__always)
  private func appendOwn(_ k: Int, _ value: Double, _ buffer: ByteBuffer) {
    if marks[k] == 0 || value.isNaN { return appendNumber(value, buffer) }
    if output == .ndjson { buffer.append(UInt8(ascii: "\"")) }
    buffer.append(marks[k])
    buffer.append(number: value, digits: nil)
    if output == .ndjson { buffer.append(UInt8(ascii: "\"")) }
  }

  // MARK: NDJSON

  /// The line as it came, changed values replaced where they stand, own members before the closing brace.
  private func splice(_ row: Row, _ cells: UnsafePointer<Cell>?, _ own: UnsafePointer<Double>?, _ buffer: ByteBuffer) {
    var cursor = row.start
    // Keys may stand in another order than in the first line.
    let inOrder = changed.indices.filter { row.ends[changed[$0]] > 0 }.sorted { row.starts[changed[$0]] < row.starts[changed[$1]] }
    for slot in inOrder {
      let start = Int(row.starts[changed[slot]])
      buffer.append(row.base + cursor, count: start - cursor)
      let cell = cells![slot]
      if cell.column >= 0 { buffer.append(row.raw(Int(cell.column))) } else { appendNumber(cell.number, buffer) }
      cursor = Int(row.ends[changed[slot]])
    }
    if !self.own.isEmpty {
      var brace = row.end - 1
      while row.base[brace] != UInt8(ascii: "}") { brace -= 1 }
      buffer.append(row.base + cursor, count: brace - cursor)
      var isFirst = !row.hasOtherMembers && !(0..<row.columns).contains { row.ends[$0] > 0 }
      for k in self.own {
        if !isFirst { buffer.append(UInt8(ascii: ",")) }
        isFirst = false
        buffer.append(appendedKeys[k])
        appendOwn(k, own![k], buffer)
      }
      cursor = brace
    }
    buffer.append(row.base + cursor, count: row.end - cursor)
  }

  private func writeObject(_ row: Row, _ cells: UnsafePointer<Cell>?, _ own: UnsafePointer<Double>?, _ buffer: ByteBuffer) {
    var isFirst = true
    func key(_ bytes: [UInt8]) {
      buffer.append(isFirst ? UInt8(ascii: "{") : UInt8(ascii: ","))
      isFirst = false
      buffer.append(bytes)
    }
    func pass(_ column: Int, under name: Int) {
      if input == .ndjson, row.ends[column] == 0 { return }
      key(keys[name])
      writer.append(row, column, into: buffer)
    }
    for segment in segments {
      switch segment {
      case .run(let first, let last): for column in first...last { pass(column, under: column) }
      case .cell(let column, let slot):
        let cell = cells![slot]
        if cell.column >= 0 {
          pass(Int(cell.column), under: column)
        } else {
          key(keys[column])
          appendNumber(cell.number, buffer)
        }
      }
    }
    if row.hasOtherMembers {
      for member in header.otherMembers(of: row) {
        key(Array(member.key) + [UInt8(ascii: ":")])
        buffer.append(member.value)
      }
    }
    for k in self.own {
      key(appendedKeys[k])
      appendOwn(k, own![k], buffer)
    }
    if isFirst { buffer.append(UInt8(ascii: "{")) }
    buffer.append(UInt8(ascii: "}"))
    buffer.append(input == .ndjson ? Array(row.lineEnd) : [10])
  }
}
