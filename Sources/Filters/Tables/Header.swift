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
  private let indexOfName: [String: Int]

  /// Throws where a name stands twice.
  init(names: [String], raw: [[UInt8]], lineEnd: [UInt8], input: String?, line: Int = 1) throws {
    self.line = line
    self.names = names
    self.raw = raw
    self.lineEnd = lineEnd
    var indexOfName: [String: Int] = [:]
    indexOfName.reserveCapacity(names.count)
    for (i, name) in names.enumerated() {
      if let other = indexOfName.updateValue(i, forKey: name) {
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

  public func index(of name: String) -> Int? { indexOfName[name] }
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

extension Header {
  /// The quantile groups, in the order in which their first columns stand.
  /// Throws for a level outside (0, 1) and for the same level twice in a group.
  public func quantileGroups(input: String) throws -> [QuantileGroup] {
    var order: [String] = []
    var members: [String: [(level: Level, column: Int)]] = [:]
    for (column, name) in names.enumerated() {
      guard let (model, level) = try quantile(name, input) else { continue }
      if members[model] == nil { order.append(model) }
      members[model, default: []].append((Level(level), column))
    }
    return try order.map { model in
      let sorted = members[model]!.sorted { ($0.level, $0.column) < ($1.level, $1.column) }
      for (a, b) in zip(sorted, sorted.dropFirst()) where a.level == b.level {
        throw Failure(
          .badData, "columns \"\(names[a.column])\" and \"\(names[b.column])\" hold the same level \(levelText(a.level.value))",
          at: .init(input: input, line: line), remedy: "drop one of them")
      }
      return QuantileGroup(name: model, levels: sorted.map(\.level.value), columns: sorted.map(\.column))
    }
  }

  private func quantile(_ name: String, _ input: String) throws -> (model: String, level: Double)? {
    do { return try Header.quantileName(name, input: input) } catch var failure as Failure {
      failure.place.line = line
      throw failure
    }
  }

  /// Splits `rf_q0.025` into its model and level; nil for a name that is no quantile column's.
  /// Throws for a level outside (0, 1).
  public static func quantileName(_ name: String, input: String) throws -> (model: String, level: Double)? {
    let bytes = Array(name.utf8)
    guard let q = bytes.lastIndex(of: UInt8(ascii: "q")), q == 0 || (bytes[q - 1] == UInt8(ascii: "_") && q > 1) else { return nil }
    let text = bytes[(q + 1)...]
    guard text.contains(UInt8(ascii: ".")), text.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: ".") }),
      let value = Double(String(decoding: text, as: UTF8.self))
    else { return nil }
    let level = Level(min(value, 2))
    guard level.isProper else {
      throw Failure(
        .badData, "a quantile level is strictly between 0 and 1", at: .init(input: input, line: 1, column: name),
        remedy: "rename the column")
    }
    return (q == 0 ? "" : String(decoding: bytes[..<(q - 1)], as: UTF8.self), level.value)
  }
}
