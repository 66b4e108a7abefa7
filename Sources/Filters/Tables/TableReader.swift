import Glibc
import Groundwork

/// Gives blocks of whole records, one after the other.
public protocol BlockSource: AnyObject {
  /// Fills `block` with the next records, and says in it how much of the input has then been taken. False at the end.
  func next(into block: Block) throws -> Bool
}

/// Reads tables from operands that are one table: same format, same header, or with `union` the columns of all of them.
public final class TableReader: BlockSource {
  public struct Options {
    public var operands: [String] = ["-"]
    /// nil recognises it.
    public var format: TableFormat?
    /// The names of a table without a header line; nil reads them from the input.
    public var columns: [String]?
    /// The keys of NDJSON, of which the first object may lack some.
    public var keys: [String]?
    /// Where the format is recognised: a delimiter that is taken if the first line holds it.
    public var likelyDelimiter: UInt8?
    /// Whether later operands may have the first one's columns in another order. Their rows are written anew in the first one's.
    public var allowsAnyOrder = false
    /// Whether the columns are those of all operands, in the order in which they first appear, and missing ones are empty. The headers of all are
    /// read first, so that stdin cannot be one of several.
    public var union = false
    /// Whether a message about columns that differ may name `--union`.
    public var offersUnion = false

    public init() {}
  }

  /// A record longer than this is taken for a damaged file.
  private static let longestRecord = 1 << 28

  /// Throws where a record, of which `count` bytes were read and no end was seen, is no record.
  static func checkLength(_ count: Int, _ what: String, _ source: ByteSource, line: Int? = nil) throws {
    guard count > longestRecord else { return }
    throw Failure(
      .badData, "\(what) is longer than 256 MiB", at: .init(input: source.name, line: line), remedy: "look for a quote that is not closed")
  }

  public let format: TableFormat
  /// nil where the input is empty.
  public private(set) var header: Header?
  /// How messages call the input where no single operand is meant.
  public let name: String
  public let hasHeaderLine: Bool

  private let options: Options
  private let operands: [String]
  private let expected: OpenedTable.Expectation
  /// Operands whose first bytes were read already.
  private var opened: [Int: OpenedTable] = [:]
  /// Of the operand that is read.
  private var places: [Int]?
  private var placeCount = 0
  private var nextOperand = 0
  private var source: ByteSource?
  private var scanner: RecordScanner
  private var carry = ByteBuffer(capacity: 1 << 12)
  private let totalSize: Int?
  private var sizeDone = 0
  /// Thrown once the records before it were given.
  private var fault: (any Error)?

  /// Opens the first operand that is not empty, recognises the format and reads the header, or the headers of all.
  public init(_ options: Options) throws {
    self.options = options
    operands = options.operands.isEmpty ? ["-"] : options.operands
    try ByteSource.check(operands: operands)
    totalSize = ByteSource.totalSize(of: operands)
    hasHeaderLine = options.columns == nil
    name = operands.first == "-" ? "stdin" : operands[0]

    var expected = OpenedTable.Expectation(
      told: options.format, likely: options.likelyDelimiter, hasHeaderLine: hasHeaderLine, hasKeys: options.keys != nil)
    var first: (index: Int, table: OpenedTable)?
    for index in operands.indices where first == nil {
      first = try OpenedTable.open(operands[index], expected).map { (index, $0) }
    }
    format = first?.table.format ?? options.format ?? .csv
    expected.first = format
    self.expected = expected
    scanner = RecordScanner(format: format)
    header = try options.columns.map { try Header(names: $0, format: format) } ?? first?.table.header
    guard let first else {
      nextOperand = operands.count
      return
    }
    if let keys = options.keys {
      header = try Header(names: keys, format: format, lineEnd: first.table.header!.lineEnd)
    }
    nextOperand = first.index
    opened[first.index] = first.table
    if options.union, operands.count > 1, hasHeaderLine, options.keys == nil { try readHeaders(behind: first.index) }
  }

  /// What becomes of keys of NDJSON that are not among the columns.
  public func setLateKeys(_ law: LateKeys) { header?.lateKeys = law }

  public func next(into block: Block) throws -> Bool {
    let buffer = block.buffer
    while true {
      if let fault { throw fault }
      guard let source = try currentSource() else { return false }
      buffer.removeAll()
      buffer.append(carry.bytes)
      // Bytes that came with the header were never scanned; those of an unfinished record were.
      var last = carryIsScanned ? nil : scanner.scan(buffer.bytes, from: 0)
      carry.removeAll()
      carryIsScanned = true
      var atEnd = false
      while !atEnd, fault == nil, last == nil || (buffer.count < buffer.capacity / 2 && source.isReady) {
        let from = buffer.count
        do {
          if try !source.read(into: buffer) {
            atEnd = true
          } else {
            last = scanner.scan(buffer.bytes, from: from) ?? last
          }
        } catch {
          fault = error
        }
        if fault == nil { try TableReader.checkLength(buffer.count - (last ?? 0), "a record", source) }
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
      block.placeCount = placeCount
      block.linesBefore = linesBefore
      linesBefore = nil
      block.rowLines = nil
      if source.firstArrayLine != nil { block.rowLines = source.takeLines(buffer.bytes.reduce(0) { $0 + ($1 == 10 ? 1 : 0) }) }
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
      let index = nextOperand
      nextOperand += 1
      guard let table = try opened.removeValue(forKey: index) ?? OpenedTable.open(operands[index], expected) else { continue }
      if hasHeaderLine, format != .ndjson { try place(table) }
      source = table.source
      carry = table.rest
      carryIsScanned = false
      linesBefore = table.linesBefore
    }
    return source
  }

  /// Finds where the columns stand in an operand. Throws where they are others.
  private func place(_ table: OpenedTable) throws {
    let (header, own) = (header!, table.header!)
    guard own.names != header.names else { return places = nil }
    let found = header.names.map { own.index(of: $0) ?? -1 }
    let missing = header.names.indices.filter { found[$0] < 0 }.map { header.names[$0] }
    let extra = own.names.filter { header.index(of: $0) == nil }
    let isSame = missing.isEmpty && extra.isEmpty && (options.allowsAnyOrder || options.union)
    guard isSame || (options.union && extra.isEmpty) else {
      throw difference(table, missing: missing, extra: extra)
    }
    (places, placeCount) = (found, own.count)
  }

  private func difference(_ table: OpenedTable, missing: [String], extra: [String]) -> Failure {
    let own = table.header!
    let place = Failure.Place(input: table.source.name, line: own.line)
    if let other = table.otherDelimiter, case .separated(let delimiter) = format {
      return Failure(
        .badData,
        "fields are separated by \(TableFormat.delimiterName(other)), those of \(name) by \(TableFormat.delimiterName(delimiter))", at: place,
        remedy: "give the files alike")
    }
    let remedy = options.offersUnion ? "--union reads files by the names of their columns" : nil
    if missing.isEmpty, extra.isEmpty {
      let i = zip(header!.names, own.names).enumerated().first { $1.0 != $1.1 }!.offset
      return Failure(
        .badData, "the columns stand in another order: column \(i + 1) is \"\(own.names[i])\", in \(name) it is \"\(header!.names[i])\"", at: place,
        remedy: remedy)
    }
    func list(_ names: [String]) -> String {
      names.prefix(3).map { "\"\($0)\"" }.joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    }
    let parts = [missing.isEmpty ? "" : "\(list(missing)) missing", extra.isEmpty ? "" : "\(list(extra)) not in \(name)"].filter { !$0.isEmpty }
    return Failure(.badData, "other columns than \(name): " + parts.joined(separator: ", "), at: place, remedy: remedy)
  }

  // MARK: The columns of all operands

  /// Makes the header one of the columns of all operands. What can be opened again is; pipes stay open with what was read of them.
  private func readHeaders(behind first: Int) throws {
    guard !operands.contains("-") else {
      throw Failure(.usage, "--union reads the headers of all files first, and stdin cannot be read twice", remedy: "give stdin alone, or files")
    }
    var (names, raw) = (header!.names, header!.raw)
    var known = Set(names)
    for index in operands.indices.dropFirst(first + 1) {
      guard let table = try OpenedTable.open(operands[index], expected) else { continue }
      let own = table.header!
      if table.otherDelimiter != nil, !own.names.allSatisfy(known.contains) { throw difference(table, missing: [], extra: own.names) }
      for (i, name) in own.names.enumerated() where known.insert(name).inserted {
        names.append(name)
        raw.append(own.raw[i])
      }
      if !table.source.isPlainFile { opened[index] = table }
    }
    header = try Header(names: names, raw: raw, lineEnd: header!.lineEndOrNewline, input: name, line: header!.line)
  }
}

extension ByteSource {
  /// Appends at least one byte, up to the buffer's free space. False at the end.
  func read(into buffer: ByteBuffer) throws -> Bool {
    try buffer.append(room: max(1, min(buffer.capacity - buffer.count, 1 << 20))) { try read(into: $0, room: $1) } > 0
  }
}

extension RowFault {
  /// The same fault in a table whose columns stand elsewhere.
  func moved(_ place: (Int) -> Int) -> RowFault {
    switch self {
    case .unclosedQuote(let field): .unclosedQuote(field: place(field))
    case .textAfterQuote(let field): .textAfterQuote(field: place(field))
    case .ragged, .json: self
    }
  }

  /// The failure a user sees.
  func failure(row: Row?, columns: [String]?, input: String, line: Int) -> Failure {
    var place = Failure.Place(input: input, line: line)
    func name(_ field: Int) -> String? { columns.flatMap { field < $0.count ? $0[field] : nil } }
    switch self {
    case .ragged(let fields, let header):
      if let row, row.contentEnd == row.start { return Failure(.badData, "an empty line", at: place, remedy: "the header has \(header) columns") }
      let hasReturns = row.map { CarriageReturns.standInside($0.record) } ?? false
      return Failure(
        .badData, "\(counted(fields, "field")), the header has \(header)", at: place,
        remedy: hasReturns ? "lines end in carriage returns; convert them with " + CarriageReturns.remedy : nil)
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
