import Glibc
import Groundwork

/// One operand whose first bytes were read: its format, its header, and where its rows begin.
final class OpenedTable {
  /// What is known of a table before it is opened.
  struct Expectation {
    /// The format as it was told; nil recognises it.
    var told: TableFormat?
    /// Where it is not told: the format of the tables before this one.
    var first: TableFormat?
    /// Where the format is recognised: a delimiter that is taken if the first line holds it.
    var likely: UInt8?
    var hasHeaderLine: Bool
    /// Whether the names of keys are told, so that it must be NDJSON.
    var hasKeys = false
  }

  let source: ByteSource
  let format: TableFormat
  /// The columns' names: of the header line, or the keys of the first object; nil where a table without a header line is read.
  private(set) var header: Header?
  /// What was read behind the header.
  let rest: ByteBuffer
  /// Physical lines above the first row.
  private(set) var linesBefore = 0
  /// Where the first line seems to have another delimiter than `format` has: that delimiter.
  let otherDelimiter: UInt8?

  /// Opens `operand` and reads its first line. nil where it is empty.
  static func open(_ operand: String, _ expected: Expectation) throws -> OpenedTable? {
    let source = try ByteSource(operand: operand)
    let buffer = ByteBuffer(capacity: 1 << 18)
    guard try source.read(into: buffer) else { return nil }
    // The first line decides the format, so read on until it is there.
    try readLine(buffer, source)
    dropByteOrderMark(buffer)
    if let failure = FileSignature.refusal(ofText: buffer.bytes, source.name, source.place) { throw failure }
    if try isArray(buffer, source, expected.told) {
      source.readAsArray(from: buffer.bytes)
      buffer.removeAll()
      try readLine(buffer, source)
      if buffer.count == 0 { return nil }
      guard expected.first ?? .ndjson == .ndjson else {
        throw Failure(.badData, "this is a JSON array, and the files before it are delimited text", at: .init(input: source.name))
      }
      return try OpenedTable(source, buffer, .ndjson, expected, separator: nil)
    }
    let separator = expected.told == .ndjson || expected.first == .ndjson ? nil : takeSeparatorLine(buffer)
    let own = separator.map { TableFormat.separated(delimiter: $0) } ?? TableFormat.recognise(buffer.bytes, likely: expected.likely)
    return try OpenedTable(source, buffer, expected.told ?? expected.first ?? own, expected, separator: separator)
  }

  /// Reads on until a line is whole; each byte is looked at once. Throws for what is no text, and for a line that is too long to be one.
  private static func readLine(_ buffer: ByteBuffer, _ source: ByteSource) throws {
    var seen = 0
    while memchr(buffer.base + seen, 10, buffer.count - seen) == nil {
      // What begins with bytes 0 may never end.
      if seen < 1 << 20, buffer.count >= 1 << 20, let failure = FileSignature.refusal(ofText: buffer.bytes, source.name, source.place) {
        throw failure
      }
      seen = buffer.count
      try TableReader.checkLength(buffer.count, "the first line", source, line: 1)
      guard try source.read(into: buffer) else { return }
    }
  }

  private init(_ source: ByteSource, _ buffer: ByteBuffer, _ format: TableFormat, _ expected: Expectation, separator: UInt8?) throws {
    self.source = source
    self.format = format
    rest = buffer
    linesBefore = separator == nil ? 0 : 1
    otherDelimiter = OpenedTable.otherDelimiter(buffer, format, expected, separator)
    if separator != nil, expected.told == nil, let other = otherDelimiter {
      throw Failure(
        .badData, "fields are separated by \(TableFormat.delimiterName(other)), unlike those of the files before",
        at: .init(input: source.name, line: 1))
    }
    if expected.hasKeys, format != .ndjson {
      throw Failure(.usage, "--columns names the columns of a table with --no-header, or the keys of NDJSON")
    }
    guard expected.hasHeaderLine else { return }
    header = format == .ndjson ? try firstKeys() : try takeHeaderLine(told: expected.told != nil)
  }

  private static func otherDelimiter(_ buffer: ByteBuffer, _ format: TableFormat, _ expected: Expectation, _ separator: UInt8?) -> UInt8? {
    guard expected.told == nil, case .separated(let delimiter)? = expected.first else { return nil }
    if let separator { return separator == delimiter ? nil : separator }
    let found = TableFormat.delimiters(outsideQuotes: buffer.bytes.prefix { $0 != 10 })
    return found.contains(delimiter) ? nil : found.sorted().first
  }

  private static func dropByteOrderMark(_ buffer: ByteBuffer) {
    if buffer.count >= 3, buffer.base[0] == 0xEF, buffer.base[1] == 0xBB, buffer.base[2] == 0xBF { buffer.removeFirst(3) }
  }

  /// Whether the content is a JSON array of objects, of which the first bytes are in `buffer`. Reads on until that is seen.
  private static func isArray(_ buffer: ByteBuffer, _ source: ByteSource, _ told: TableFormat?) throws -> Bool {
    if let told, told != .ndjson { return false }
    func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }
    guard buffer.bytes.first(where: { !isBlank($0) }) == UInt8(ascii: "[") else { return false }
    if told == .ndjson { return true }
    while true {
      let second = buffer.bytes.drop(while: isBlank).dropFirst().first { !isBlank($0) }
      if let second { return second == UInt8(ascii: "{") || second == UInt8(ascii: "]") || second == UInt8(ascii: "[") }
      if try !source.read(into: buffer) { return false }
    }
  }

  /// Takes away a first line such as `sep=;`, by which Excel is told the delimiter. Returns that.
  private static func takeSeparatorLine(_ buffer: ByteBuffer) -> UInt8? {
    let end = buffer.bytes.firstIndex(of: 10) ?? buffer.count
    guard end <= 16 else { return nil }
    var line = Array(buffer.bytes[..<end])
    if line.last == 13 { line.removeLast() }
    if line.count > 2, line.first == 0x22, line.last == 0x22 { line = Array(line[1..<line.count - 1]) }
    guard line.count >= 5, String(decoding: line[..<4], as: UTF8.self).lowercased() == "sep=" else { return nil }
    let value = line[4...]
    let delimiter = value.elementsEqual("\\t".utf8) ? 9 : value.count == 1 ? value.first! : 0
    let isDelimiter = delimiter == 9 || (delimiter >= 32 && delimiter < 127 && delimiter != 0x22 && !Character(Unicode.Scalar(delimiter)).isLetter)
    guard isDelimiter, !Character(Unicode.Scalar(delimiter)).isNumber else { return nil }
    buffer.removeFirst(min(end + 1, buffer.count))
    return delimiter
  }

  // MARK: Header

  /// Reads on until the header record is whole, parses it, and leaves what follows it in `rest`.
  private func takeHeaderLine(told: Bool) throws -> Header {
    guard case .separated(let delimiter) = format else { preconditionFailure("NDJSON has no header line") }
    var scanner = RecordScanner(format: format)
    func firstRecordEnd(from: Int) -> Int? {
      // The scanner finds the last end; the first is found by giving it a line at a time.
      var position = from
      while position < rest.count {
        let newline = memchr(rest.base + position, 10, rest.count - position)
        let lineEnd =
          newline.map { UnsafePointer(rest.base).distance(to: UnsafePointer($0.assumingMemoryBound(to: UInt8.self))) + 1 } ?? rest.count
        let line = UnsafeBufferPointer(start: UnsafePointer(rest.base), count: lineEnd)
        if let end = scanner.scan(line, from: position) { return end }
        position = lineEnd
      }
      return nil
    }
    let line = linesBefore + 1
    var end = firstRecordEnd(from: 0)
    var isAtEnd = false
    while end == nil {
      let from = rest.count
      guard try source.read(into: rest) else {
        isAtEnd = true
        break
      }
      end = firstRecordEnd(from: from)
      try TableReader.checkLength(rest.count, "the header", source, line: line)
    }
    let recordEnd = end ?? rest.count
    let block = Block(capacity: recordEnd)
    block.buffer.append(UnsafePointer(rest.base), count: recordEnd)
    try refuseCarriageReturns(block.buffer.bytes)
    // As many columns as the record has fields: split once to count them, once to keep them.
    var columns = 1
    while true {
      RowSplitter(format: format, names: [String](repeating: "", count: columns), rawNames: []).split(block)
      guard let fault = block.faults.first?.fault else { break }
      guard case .ragged(let fields, _) = fault else { throw fault.failure(row: nil, columns: nil, input: source.name, line: line) }
      columns = fields
    }
    let row = block.row(0, format: .separated(delimiter: delimiter))
    let names = (0..<columns).map { row.text($0) }
    try refusePreamble(delimiter, told: told, atEnd: isAtEnd)
    if names.allSatisfy(\.isEmpty) {
      throw Failure(
        .badData, "the first line holds no column names", at: .init(input: source.name, line: line), remedy: "give them with --no-header --columns")
    }
    let header = try Header(
      names: names, raw: (0..<columns).map { Array(row.raw($0)) }, lineEnd: Array(row.lineEnd), input: source.name, line: line)
    linesBefore += block.lines
    rest.removeFirst(recordEnd)
    return header
  }

  /// Titles above the header, as spreadsheets export them. Only what was read is looked at: a stream need not have more yet.
  private func refusePreamble(_ delimiter: UInt8, told: Bool, atEnd: Bool) throws {
    guard let lines = Preamble.lines(of: rest.bytes, delimiter: delimiter, told: told, atEnd: atEnd) else { return }
    let last = linesBefore + lines
    let isEmpty = rest.bytes.split(separator: 10, maxSplits: lines, omittingEmptySubsequences: false).prefix(lines).allSatisfy { line in
      line.allSatisfy { $0 == 13 || $0 == 32 || $0 == delimiter }
    }
    let what =
      isEmpty
      ? "\(last == 1 ? "line 1 is" : "lines 1 to \(last) are") empty, and the header stands below"
      : last == 1 ? "line 1 looks like a title above the header" : "lines 1 to \(last) look like titles above the header"
    throw Failure(
      .badData, what, at: .init(input: source.name),
      remedy: "leave \(last == 1 ? "it" : "them") out: " + source.place.filtered(by: "tail -n +\(last + 1)"))
  }

  /// Where the first record holds carriage returns outside quotes, other lines end in them than what is read as the first.
  private func refuseCarriageReturns(_ record: UnsafeBufferPointer<UInt8>) throws {
    guard CarriageReturns.standInside(record) else { return }
    let ends = record.last == 10 ? "lines end in carriage returns" : "the lines end in carriage returns alone"
    throw Failure(
      .badData, ends, at: .init(input: source.name), remedy: "convert them: " + source.place.filtered(by: CarriageReturns.remedy, readsStdin: true))
  }

  private func firstKeys() throws -> Header {
    let base = UnsafePointer(rest.base)
    let end = memchr(base, 10, rest.count).map { base.distance(to: UnsafePointer($0.assumingMemoryBound(to: UInt8.self))) } ?? rest.count
    var names: [String] = []
    var raw: [[UInt8]] = []
    let fault = JSONObject.walk(base, from: 0, to: end) { key, _ in
      let bytes = UnsafeBufferPointer(rebasing: UnsafeBufferPointer(start: base, count: end)[key])
      raw.append(Array(bytes))
      names.append(String(decoding: JSONText.unescape(bytes), as: UTF8.self))
      return nil
    }
    let line = source.firstArrayLine ?? 1
    if let fault {
      // A carriage return is a blank of JSON, and no string holds one.
      try refuseCarriageReturns(UnsafeBufferPointer(start: base, count: min(end + 1, rest.count)))
      let last = rest.bytes[..<end].last { $0 > 32 }
      let spans = end < rest.count && last.map { "{[,:".utf8.contains($0) } ?? false
      throw Failure(
        .badData, fault, at: .init(input: source.name, line: line),
        remedy: spans ? "an object stands on one line: " + source.place.filtered(by: "jq -c .") : nil)
    }
    let lineEnd: [UInt8] = end > 0 && end < rest.count && base[end - 1] == 13 ? [13, 10] : [10]
    return try Header(names: names, raw: raw, lineEnd: lineEnd, input: source.name, line: line)
  }
}

/// Carriage returns that end lines by themselves.
enum CarriageReturns {
  /// Makes line ends of carriage returns, alone or with others, and drops the empty lines between them.
  static let remedy = "tr -s '\\r\\n' '\\n'"

  /// Whether carriage returns stand in a record outside quotes, but for the one before its line feed.
  static func standInside(_ record: some BidirectionalCollection<UInt8>) -> Bool {
    var content = record[...]
    if content.last == 10 {
      content = content.dropLast()
      if content.last == 13 { content = content.dropLast() }
    }
    guard content.contains(13) else { return false }
    var isQuoted = false
    return content.contains { byte in
      if byte == 0x22 { isQuoted.toggle() }
      return byte == 13 && !isQuoted
    }
  }
}
