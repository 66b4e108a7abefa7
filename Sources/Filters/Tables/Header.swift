import Groundwork
import Quantiles

/// The columns of a table.
public struct Header: Equatable {
  public let names: [String]
  /// The names as the input writes them, quotes and all.
  let raw: [[UInt8]]
  /// LF, CRLF, or nothing where the header is the whole of a file without a line end.
  let lineEnd: [UInt8]
  private let indexOfName: [String: Int]

  /// Blanks around a name are no part of it. Throws where a name stands twice.
  init(names: [String], raw: [[UInt8]], lineEnd: [UInt8], input: String?) throws {
    let names = names.map(ColumnName.trimmed)
    self.names = names
    self.raw = raw
    self.lineEnd = lineEnd
    var indexOfName: [String: Int] = [:]
    indexOfName.reserveCapacity(names.count)
    for (i, name) in names.enumerated() {
      if let other = indexOfName.updateValue(i, forKey: name) {
        throw Failure(
          .badData, "column \"\(name)\" stands twice in the header, as columns \(other + 1) and \(i + 1)",
          at: .init(input: input, line: input == nil ? nil : 1), remedy: "rename one of them")
      }
    }
    self.indexOfName = indexOfName
  }

  /// A header that no input wrote: names of `--columns` or of a model file.
  public init(names: [String]) throws {
    try self.init(names: names, raw: names.map { Array($0.utf8) }, lineEnd: [10], input: nil)
  }

  public func index(of name: String) -> Int? { indexOfName[name] ?? indexOfName[ColumnName.trimmed(name)] }
  public var count: Int { names.count }
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
