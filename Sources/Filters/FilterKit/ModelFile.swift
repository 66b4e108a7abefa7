import CZlib
import FoundationEssentials
import Glibc
import Groundwork
import Tables

/// What a tool learnt, as a file: a first line of JSON for people, then little-endian binary.
///
/// The first line tells tool, format version, method, schema, levels, settings and a training summary, and holds the length
/// of the binary part and a CRC-32 over both parts (with the checksum's own digits as zeros). Loading checks all of it.
public struct ModelFile {
  /// Raised when the binary part changes; files of a later version are refused.
  public static let formatVersion = 1

  public struct Header: Decodable {
    public var tool: String
    public var format: Int
    /// What the file holds where that is no model: "scores".
    public var kind: String?
    /// Of partial results: the ids of the parts that they are of, where these have some.
    public var parts: [String]?
    public var version: String
    public var settings: [String]
    public var target: String?
    /// The columns the model reads: features, or the models it combines or calibrates.
    public var inputs: [String]
    public var levels: [Double]
    public var training: [String: String]
    /// All columns of the training table in their order: the names `--no-header` uses.
    public var columns: [String]
    public var bytes: Int
    public var checksum: String
  }

  public var header: Header
  public var body: [UInt8]

  public init(
    tool: String, kind: String? = nil, parts: PartIDs = PartIDs(), settings: [String], target: String?, inputs: [String], levels: [Double],
    training: [String: String],
    columns: [String], body: [UInt8]
  ) {
    header = Header(
      tool: tool, format: ModelFile.formatVersion, kind: kind, parts: parts.ids.isEmpty ? nil : parts.ids, version: filterVersion, settings: settings,
      target: target, inputs: inputs, levels: levels, training: training, columns: columns, bytes: body.count, checksum: ModelFile.blankChecksum)
    self.body = body
  }

  private static let blankChecksum = "00000000"
  private static let checksumKey = Array("\"checksum\":\"".utf8)

  // MARK: Saving

  /// Writes all or nothing: whoever reads `path` sees the old file or the new.
  public func save(to path: String) throws { try ReplacedFile.write(path, write(to:)) }

  /// Writes to a stream.
  public func write(to file: OutputFile) throws {
    let line = headerLine(checksum: ModelFile.checksum(headerLine(checksum: ModelFile.blankChecksum), body))
    try line.withUnsafeBufferPointer { try file.write($0) }
    try body.withUnsafeBufferPointer { try file.write($0) }
  }

  /// The header as one line of JSON, what matters most first.
  private func headerLine(checksum: String) -> [UInt8] {
    let line = ByteBuffer()
    func member(_ key: String, _ write: () -> Void) {
      line.append(line.count == 0 ? "{" : ",")
      appendJSONString(key, to: line)
      line.append(":")
      write()
    }
    func list<T>(_ values: [T], _ write: (T) -> Void) {
      line.append("[")
      for (i, value) in values.enumerated() {
        if i > 0 { line.append(",") }
        write(value)
      }
      line.append("]")
    }
    func text(_ value: String) { appendJSONString(value, to: line) }
    member("tool") { text(header.tool) }
    member("format") { line.append("\(header.format)") }
    if let kind = header.kind { member("kind") { text(kind) } }
    if let parts = header.parts { member("parts") { list(parts, text) } }
    member("version") { text(header.version) }
    member("settings") { list(header.settings, text) }
    if let target = header.target { member("target") { text(target) } }
    member("inputs") { list(header.inputs, text) }
    member("levels") { list(header.levels) { line.append(number: $0, digits: 9) } }
    member("training") {
      line.append("{")
      for (i, (key, value)) in header.training.sorted(by: { $0.key < $1.key }).enumerated() {
        if i > 0 { line.append(",") }
        text(key)
        line.append(":")
        text(value)
      }
      line.append("}")
    }
    member("columns") { list(header.columns, text) }
    member("bytes") { line.append("\(header.bytes)") }
    member("checksum") { text(checksum) }
    line.append("}\n")
    return Array(line.bytes)
  }

  private static func checksum(_ line: [UInt8], _ body: [UInt8]) -> String {
    var sum = crc32(0, nil, 0)
    for part in [line, body] {
      var rest = part[...]
      while !rest.isEmpty {
        let piece = rest.prefix(1 << 30)
        sum = piece.withUnsafeBufferPointer { crc32(sum, $0.baseAddress!, UInt32($0.count)) }
        rest = rest.dropFirst(piece.count)
      }
    }
    let text = String(sum, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }

  // MARK: Loading

  /// Reads and checks a model file of `tool`. Throws for a file that is missing, foreign, damaged, of another tool or of a
  /// later format.
  public init(path: String, tool: String) throws {
    let reader = try ModelFileReader(path)
    try self.init(reading: reader, tool: tool, kind: nil)
    guard try reader.isAtEnd() else {
      throw Failure(.badData, "the model file is damaged or truncated", at: .init(input: path), remedy: "make it anew with \(tool) --save")
    }
  }

  /// Reads and checks files of another kind, such as "scores", that stand one after the other at `path`, - being stdin. Throws
  /// as for a model file, and where there is none.
  public static func files(path: String, tool: String, kind: String) throws -> [ModelFile] {
    let reader = try ModelFileReader(path == "-" ? nil : path)
    var files: [ModelFile] = []
    repeat { files.append(try ModelFile(reading: reader, tool: tool, kind: kind)) } while try !reader.isAtEnd()
    return files
  }

  /// Reads the next file. Its first byte refuses what is none, and no more memory is taken than there are bytes.
  private init(reading reader: ModelFileReader, tool: String, kind: String?) throws {
    func refuse(_ cause: String, _ remedy: String? = nil) -> Failure {
      Failure(.badData, cause, at: .init(input: reader.name), remedy: remedy)
    }
    let what = kind.map { "file of partial \($0)" } ?? "model file"
    let remake = "make it anew with \(tool) \(kind == nil ? "--save" : "--partial")"
    guard try reader.peek() == UInt8(ascii: "{"), var line = try reader.line() else { throw refuse("not a \(what)", remake) }
    struct Start: Decodable {
      var tool: String
      var format: Int
    }
    guard let start = try? JSONDecoder().decode(Start.self, from: Data(line)) else { throw refuse("not a \(what), or a damaged one", remake) }
    if start.format > ModelFile.formatVersion {
      throw refuse("a model of a later version (format \(start.format), this \(tool) reads up to \(ModelFile.formatVersion))", "update \(tool)")
    }
    guard let key = ModelFile.position(of: ModelFile.checksumKey, in: line), key + ModelFile.checksumKey.count + 8 < line.count else {
      throw refuse("the \(what) is damaged", remake)
    }
    let digits = key + ModelFile.checksumKey.count..<key + ModelFile.checksumKey.count + 8
    let written = String(decoding: line[digits], as: UTF8.self)
    line.replaceSubrange(digits, with: Array(ModelFile.blankChecksum.utf8))
    guard let header = try? JSONDecoder().decode(Header.self, from: Data(line)), header.bytes >= 0, let body = try reader.bytes(header.bytes) else {
      throw refuse("the \(what) is damaged or truncated", remake)
    }
    self.body = body
    guard ModelFile.checksum(line, body) == written else { throw refuse("the \(what) is damaged or truncated", remake) }
    guard header.tool == tool else { throw refuse("a model of \(header.tool), not of \(tool)", "load it with \(header.tool)") }
    if header.kind != kind {
      throw kind == nil
        ? refuse("partial \(header.kind!), not a model", "make a model of them with \(tool) --merge --save")
        : refuse("a model, and a model cannot be merged", "merge what \(tool) --partial wrote")
    }
    self.header = header
  }

  private static func position(of key: [UInt8], in line: [UInt8]) -> Int? {
    guard line.count >= key.count else { return nil }
    return line.withUnsafeBufferPointer { line in
      (0...line.count - key.count).first { start in memcmp(line.baseAddress! + start, key, key.count) == 0 }
    }
  }
}
