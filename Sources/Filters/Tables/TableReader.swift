import Glibc
import Groundwork

/// Gives blocks of whole records, one after the other.
public protocol BlockSource: AnyObject {
  /// Fills `block` with the next records, and says in it how much of the input has then been taken. False at the end.
  func next(into block: Block) throws -> Bool
}

/// Reads tables from operands that are one table: same format, same header.
public final class TableReader: BlockSource {
  public struct Options {
    public var operands: [String] = ["-"]
    /// nil recognises it.
    public var format: TableFormat?
    /// The names of a table without a header line; nil reads them from the input.
    public var columns: [String]?
    /// Where the format is recognised: a delimiter that is taken if the first line holds it.
    public var likelyDelimiter: UInt8?
    /// Whether later operands may have the first one's columns in another order. Their rows are written anew in the first one's.
    public var allowsAnyOrder = false

    public init() {}
  }

  /// A record longer than this is taken for a damaged file.
  static let longestRecord = 1 << 30

  public let format: TableFormat
  /// nil where the input is empty.
  public private(set) var header: Header?
  /// How messages call the input where no single operand is meant.
  public let name: String
  public let hasHeaderLine: Bool

  private let operands: [String]
  private let allowsAnyOrder: Bool
  /// Of the operand that is read.
  private var places: [Int]?
  private var nextOperand = 0
  private var source: ByteSource?
  private var scanner: RecordScanner
  private var carry = ByteBuffer(capacity: 1 << 12)
  private let totalSize: Int?
  private var sizeDone = 0

  /// Opens the first operand that is not empty, recognises the format and reads the header.
  public init(_ options: Options) throws {
    operands = options.operands.isEmpty ? ["-"] : options.operands
    try ByteSource.check(operands: operands)
    totalSize = ByteSource.totalSize(of: operands)
    hasHeaderLine = options.columns == nil
    allowsAnyOrder = options.allowsAnyOrder
    name = operands.first == "-" ? "stdin" : operands[0]

    let block = Block()
    var opened: ByteSource?
    while opened == nil, nextOperand < operands.count {
      let candidate = try ByteSource(operand: operands[nextOperand])
      nextOperand += 1
      if try candidate.read(into: block.buffer) { opened = candidate }
    }
    guard let first = opened else {
      format = options.format ?? .csv
      scanner = RecordScanner(format: format)
      header = try options.columns.map { try Header(names: $0) }
      return
    }
    // The first line decides the format, so read on until it is there.
    try TableReader.refuseUTF16(block.buffer, first.name)
    while memchr(block.buffer.base, 10, block.buffer.count) == nil, try first.read(into: block.buffer) {}
    TableReader.dropByteOrderMark(block.buffer)
    format = options.format ?? TableFormat.recognise(block.buffer.bytes, likely: options.likelyDelimiter)
    scanner = RecordScanner(format: format)
    source = first
    if let columns = options.columns {
      header = try Header(names: columns)
      carry.append(block.buffer.bytes)
    } else if format == .ndjson {
      header = try TableReader.firstKeys(block.buffer, input: first.name)
      carry.append(block.buffer.bytes)
    } else {
      header = nil
      header = try takeHeaderLine(block.buffer, from: first)
    }
  }

  public func next(into block: Block) throws -> Bool {
    let buffer = block.buffer
    while true {
      guard let source = try currentSource() else { return false }
      buffer.removeAll()
      buffer.append(carry.bytes)
      // Bytes that came with the header were never scanned; those of an unfinished record were.
      var last = carryIsScanned ? nil : scanner.scan(buffer.bytes, from: 0)
      carry.removeAll()
      carryIsScanned = true
      var atEnd = false
      while !atEnd, last == nil || (buffer.count < buffer.capacity / 2 && source.isReady) {
        let from = buffer.count
        if try !source.read(into: buffer) {
          atEnd = true
        } else {
          last = scanner.scan(buffer.bytes, from: from) ?? last
        }
        if buffer.count - (last ?? 0) > TableReader.longestRecord {
          throw Failure(
            .badData, "a record is longer than 1 GiB", at: .init(input: source.name), remedy: "look for a quote that is not closed")
        }
      }
      if atEnd {
        last = buffer.count
        scanner = RecordScanner(format: format)
        sizeDone += source.bytesTaken
        self.source = nil
      }
      let end = last ?? 0
      carry.append(UnsafePointer(buffer.base + end), count: buffer.count - end)
      buffer.truncate(to: end)
      block.input = source.name
      block.firstRow = 0
      block.places = places
      block.linesBefore = linesBefore
      linesBefore = nil
      if end > 0 {
        block.progress = totalSize.map { $0 == 0 ? 1 : Double(sizeDone + (atEnd ? 0 : source.bytesTaken)) / Double($0) }
        return true
      }
    }
  }

  private var carryIsScanned = false
  /// Physical lines above the first row of an operand, until its first block takes them.
  private var linesBefore: Int? = 0

  /// The operand being read, or the next one with its header checked and passed.
  private func currentSource() throws -> ByteSource? {
    while source == nil {
      guard nextOperand < operands.count else { return nil }
      let candidate = try ByteSource(operand: operands[nextOperand])
      nextOperand += 1
      let buffer = ByteBuffer(capacity: 1 << 16)
      guard try candidate.read(into: buffer) else { continue }
      try TableReader.refuseUTF16(buffer, candidate.name)
      TableReader.dropByteOrderMark(buffer)
      source = candidate
      carryIsScanned = false
      linesBefore = 0
      if hasHeaderLine, format != .ndjson {
        let own = try takeHeaderLine(buffer, from: candidate)
        let found = header!.names.compactMap { own.index(of: $0) }
        places = found == Array(0..<header!.count) ? nil : found
        guard own.names == header!.names || (allowsAnyOrder && own.count == header!.count && found.count == own.count) else {
          throw Failure(.badData, TableReader.difference(header!.names, own.names, name), at: .init(input: candidate.name, line: 1))
        }
      } else {
        carry.append(buffer.bytes)
      }
    }
    return source
  }

  private static func difference(_ expected: [String], _ found: [String], _ first: String) -> String {
    if expected.count != found.count {
      return "the header has \(found.count) columns, that of \(first) \(expected.count)"
    }
    let i = zip(expected, found).enumerated().first { $1.0 != $1.1 }!.offset
    return "column \(i + 1) is \"\(found[i])\", in \(first) it is \"\(expected[i])\""
  }

  /// Reads on until the header record is whole, parses it, and leaves what follows it in `carry`.
  private func takeHeaderLine(_ buffer: ByteBuffer, from source: ByteSource) throws -> Header {
    guard case .separated(let delimiter) = format else { preconditionFailure("NDJSON has no header line") }
    var headerScanner = RecordScanner(format: format)
    func firstRecordEnd(from: Int) -> Int? {
      // The scanner finds the last end; the first is found by giving it a line at a time.
      var position = from
      while position < buffer.count {
        let newline = memchr(buffer.base + position, 10, buffer.count - position)
        let lineEnd =
          newline.map { UnsafePointer(buffer.base).distance(to: UnsafePointer($0.assumingMemoryBound(to: UInt8.self))) + 1 } ?? buffer.count
        let line = UnsafeBufferPointer(start: UnsafePointer(buffer.base), count: lineEnd)
        if let end = headerScanner.scan(line, from: position) { return end }
        position = lineEnd
      }
      return nil
    }
    var end = firstRecordEnd(from: 0)
    while end == nil {
      let from = buffer.count
      guard try source.read(into: buffer) else { break }
      end = firstRecordEnd(from: from)
      if buffer.count > TableReader.longestRecord {
        throw Failure(.badData, "the header is longer than 1 GiB", at: .init(input: source.name, line: 1))
      }
    }
    let recordEnd = end ?? buffer.count
    carry.removeAll()
    carry.append(UnsafePointer(buffer.base + recordEnd), count: buffer.count - recordEnd)

    let block = Block(capacity: recordEnd)
    block.buffer.append(UnsafePointer(buffer.base), count: recordEnd)
    // As many columns as the record has fields: split once to count them, once to keep them.
    var columns = 1
    while true {
      RowSplitter(format: format, names: [String](repeating: "", count: columns), rawNames: []).split(block)
      guard let fault = block.faults.first?.fault else { break }
      guard case .ragged(let fields) = fault else {
        throw fault.failure(row: nil, columns: nil, input: source.name, line: 1)
      }
      columns = fields
    }
    let row = block.row(0, format: .separated(delimiter: delimiter))
    if end == nil, memchr(block.buffer.base, 13, recordEnd) != nil {
      throw Failure(.badData, "the lines end in carriage returns alone", at: .init(input: source.name), remedy: "convert them with tr '\\r' '\\n'")
    }
    let names = (0..<columns).map { row.text($0) }
    if names.allSatisfy(\.isEmpty) {
      throw Failure(
        .badData, "the first line holds no column names", at: .init(input: source.name, line: 1), remedy: "give them with --no-header --columns")
    }
    linesBefore = block.lines
    return try Header(names: names, raw: (0..<columns).map { Array(row.raw($0)) }, lineEnd: Array(row.lineEnd), input: source.name)
  }

  private static func firstKeys(_ buffer: ByteBuffer, input: String) throws -> Header {
    let base = UnsafePointer(buffer.base)
    let end = memchr(base, 10, buffer.count).map { base.distance(to: UnsafePointer($0.assumingMemoryBound(to: UInt8.self))) } ?? buffer.count
    var names: [String] = []
    var raw: [[UInt8]] = []
    let fault = JSONObject.walk(base, from: 0, to: end) { key, _ in
      let bytes = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(start: base, count: end)[key])
      raw.append(Array(bytes))
      names.append(String(decoding: JSONText.unescape(bytes), as: UTF8.self))
      return nil
    }
    if let fault { throw Failure(.badData, fault, at: .init(input: input, line: 1)) }
    let lineEnd: [UInt8] = end > 0 && end < buffer.count && base[end - 1] == 13 ? [13, 10] : [10]
    return try Header(names: names, raw: raw, lineEnd: lineEnd, input: input)
  }

  private static func dropByteOrderMark(_ buffer: ByteBuffer) {
    if buffer.count >= 3, buffer.base[0] == 0xEF, buffer.base[1] == 0xBB, buffer.base[2] == 0xBF { buffer.removeFirst(3) }
  }

  private static func refuseUTF16(_ buffer: ByteBuffer, _ input: String) throws {
    guard buffer.count >= 2 else { return }
    let mark = (buffer.base[0], buffer.base[1])
    if mark == (0xFF, 0xFE) || mark == (0xFE, 0xFF) {
      throw Failure(.badData, "the text is UTF-16", at: .init(input: input), remedy: "convert it with iconv -f UTF-16 -t UTF-8")
    }
  }
}

extension ByteSource {
  /// Appends at least one byte, up to the buffer's free space. False at the end.
  func read(into buffer: ByteBuffer) throws -> Bool {
    try buffer.append(room: max(1, min(buffer.capacity - buffer.count, 1 << 20))) { try read(into: $0, room: $1) } > 0
  }
}

extension RowFault {
  /// The failure a user sees.
  func failure(row: Row?, columns: [String]?, input: String, line: Int) -> Failure {
    var place = Failure.Place(input: input, line: line)
    func name(_ field: Int) -> String? { columns.flatMap { field < $0.count ? $0[field] : nil } }
    switch self {
    case .ragged(let fields):
      let header = columns?.count ?? 0
      if let row, row.contentEnd == row.start { return Failure(.badData, "an empty line", at: place, remedy: "the header has \(header) columns") }
      return Failure(.badData, "\(counted(fields, "field")), the header has \(header)", at: place)
    case .unclosedQuote(let field):
      place.column = name(field)
      return Failure(.badData, "a quote is not closed", at: place, remedy: "the file may be truncated")
    case .textAfterQuote(let field):
      place.column = name(field)
      return Failure(.badData, "text after a closing quote", at: place, remedy: "write a quote inside a quoted field twice")
    case .json(let cause): return Failure(.badData, cause, at: place)
    }
  }
}
