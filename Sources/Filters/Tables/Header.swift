import Groundwork
import Quantiles

/// The columns of a table.
public struct Header: Equatable {
  public let names: [String]
  /// The names as the input writes them, quotes and all.
  let raw: [[UInt8]]
  /// LF, CRLF, or nothing where the header is the whole of a file without a line end.
  let lineEnd: [UInt8]
  /// The physical line on which the names stand.
  let line: Int
  /// NDJSON: what becomes of members whose key is not among the names.
  var lateKeys = LateKeys.refused
  /// By the bytes of the names.
  private let indexOfName: [FieldText: Int]

  /// Blanks around a name are no part of it. Throws where a name stands twice.
  init(names: [String], raw: [[UInt8]], lineEnd: [UInt8], input: String?, line: Int = 1) throws {
    self.line = line
    let names = names.map(ColumnName.trimmed)
    self.names = names
    self.raw = raw
    self.lineEnd = lineEnd
    var indexOfName: [FieldText: Int] = [:]
    indexOfName.reserveCapacity(names.count)
    for (i, name) in names.enumerated() {
      if let other = indexOfName.updateValue(i, forKey: FieldText(name)) {
        throw Failure(
          .badData, "column \"\(name)\" stands twice in the header, as columns \(other + 1) and \(i + 1)",
          at: .init(input: input, line: input == nil ? nil : line), remedy: "rename one of them")
      }
    }
    self.indexOfName = indexOfName
  }

  /// A header that no input wrote: names of `--columns` or of a model file.
  public init(names: [String]) throws { try self.init(names: names, format: .csv) }

  init(names: [String], format: TableFormat, lineEnd: [UInt8] = [10]) throws {
    func raw(_ name: String) -> [UInt8] {
      guard format == .ndjson else { return Array(name.utf8) }
      let buffer = ByteBuffer(capacity: 64)
      appendJSONString(name, to: buffer)
      return Array(buffer.bytes)
    }
    try self.init(names: names, raw: names.map(raw), lineEnd: lineEnd, input: nil)
  }

  public func index(of name: String) -> Int? { indexOfName[FieldText(name)] ?? indexOfName[FieldText(ColumnName.trimmed(name))] }
  public var count: Int { names.count }
}

extension Header {
  /// NDJSON: the members of a row that are not among the columns, with their raw keys and values.
  func otherMembers(of row: Row) -> [(name: String, key: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>)] {
    var members: [(name: String, key: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>)] = []
    let bytes = UnsafeBufferPointer(start: row.base, count: row.contentEnd)
    _ = JSONObject.walk(row.base, from: row.start, to: row.contentEnd) { key, value in
      let name = String(decoding: JSONText.unescape(UnsafeBufferPointer(rebasing: bytes[key])), as: UTF8.self)
      if index(of: name) == nil { members.append((name, UnsafeBufferPointer(rebasing: bytes[key]), UnsafeBufferPointer(rebasing: bytes[value]))) }
      return nil
    }
    return members
  }
}

/// The quantile columns of one model: `MODEL_qLEVEL`, or `qLEVEL` where the name is empty.
public struct QuantileGroup: Equatable, Sendable {
  public let name: String
  /// Increasing.
  public let levels: [Double]
  /// Column of each level.
  public let columns: [Int]

  public init(name: String, levels: [Double], columns: [Int]) {
    self.name = name
    self.levels = levels
    self.columns = columns
  }

  /// The name of a level's column in the group called `name`.
  public static func columnName(_ name: String, _ level: Double) -> String {
    (name.isEmpty ? "q" : name + "_q") + levelText(level)
  }

  /// How messages call the group.
  public var title: String { name.isEmpty ? "the quantile columns without a model name" : "model \(name)" }
}
