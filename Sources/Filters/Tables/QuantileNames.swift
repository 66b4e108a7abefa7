import Groundwork
import Quantiles

/// What the names of a header say of quantiles. What is wrong with a group is told when the group is asked for.
public struct QuantileNames {
  /// In the order in which their first columns stand; of a group with a fault the levels that are understood.
  public let groups: [QuantileGroup]
  private let faults: [Fault]

  private struct Fault {
    let group: String
    let column: Int
    let failure: Failure
    /// Whether the column only looks like one of the group's.
    var isGuess = false
  }

  init(_ header: Header, input: String) {
    var order: [String] = []
    // By the bytes of their names.
    var members: [FieldText: [(level: Level, column: Int)]] = [:]
    var models = [String?](repeating: nil, count: header.count)
    var faults: [Fault] = []
    for (column, name) in header.names.enumerated() {
      guard let (model, level) = Header.quantileText(name) else { continue }
      models[column] = model
      guard level.isProper else {
        faults.append(Fault(group: model, column: column, failure: Header.improper(name, input: input, line: header.line)))
        continue
      }
      let key = FieldText(model)
      if members[key] == nil { order.append(model) }
      members[key, default: []].append((level, column))
    }
    for miss in QuantileLikeness.wide.misses(header.names, models: models) {
      let failure = QuantileNames.failure(miss, header, input: input)
      faults.append(Fault(group: miss.group, column: miss.column, failure: failure, isGuess: true))
    }
    for model in order {
      let bare = ColumnName.trimmed(model)
      guard bare != model, members[FieldText(bare)] != nil, let first = members[FieldText(model)]?.first else { continue }
      let failure = QuantileNames.failure((first.column, bare, first.level.value), header, input: input)
      faults.append(Fault(group: bare, column: first.column, failure: failure))
    }
    var groups: [QuantileGroup] = []
    for model in order {
      let sorted = members[FieldText(model)]!.sorted { ($0.level, $0.column) < ($1.level, $1.column) }
      for (a, b) in zip(sorted, sorted.dropFirst()) where a.level == b.level {
        let names = header.names
        let cause = "columns \"\(names[a.column])\" and \"\(names[b.column])\" hold the same level \(levelText(a.level.value))"
        let failure = Failure(.badData, cause, at: .init(input: input, line: header.line), remedy: "drop one of them")
        faults.append(Fault(group: model, column: b.column, failure: failure))
      }
      groups.append(QuantileGroup(name: model, levels: sorted.map(\.level.value), columns: sorted.map(\.column)))
    }
    self.groups = groups
    self.faults = faults
  }

  /// The failure of a column that looks like a quantile column of a group and is none.
  public static func failure(_ miss: (column: Int, group: String, level: Double?), _ header: Header, input: String) -> Failure {
    failure(miss, header, input: input) { QuantileGroup.columnName(miss.group, $0) }
  }

  /// Likewise, where columns are called otherwise.
  public static func failure(
    _ miss: (column: Int, group: String, level: Double?), _ header: Header, input: String, example: Double = 0.5,
    calling columnName: (Double) -> String
  ) -> Failure {
    let meant = miss.level.map(columnName).flatMap { header.index(of: $0) == nil ? $0 : nil }
    return Failure(
      .badData, "it looks like a quantile column\(miss.group.isEmpty ? "" : " of model \(miss.group)"), and is not called like one",
      at: .init(input: input, line: header.line, column: header.names[miss.column]),
      remedy: meant.map { "call it \"\($0)\", or something else if it is none" }
        ?? "quantile columns are called \"\(columnName(example))\": rename it")
  }

  /// Whether no name is a quantile column's.
  public var isEmpty: Bool { groups.isEmpty && faults.isEmpty }

  /// Columns that are quantiles, understood or not, without those that only look like it.
  public var columns: [Int] { groups.flatMap(\.columns) + faults.filter { !$0.isGuess }.map(\.column) }

  /// Columns that look like quantiles and are none.
  public var doubtful: [Int] { faults.filter(\.isGuess).map(\.column) }

  /// Throws what is wrong with the names, but for `columns`; with `guesses` only for those that look like quantile columns.
  public func check(except columns: Set<Int> = [], guesses: Bool = false) throws {
    if let fault = faults.first(where: { !columns.contains($0.column) && (!guesses || $0.isGuess) }) { throw fault.failure }
  }

  /// The group of this name; nil where there is none. Throws what is wrong with it.
  public func group(_ name: String) throws -> QuantileGroup? {
    if let fault = faults.first(where: { $0.group.hasSameBytes(as: name) }) { throw fault.failure }
    return groups.first { $0.name.hasSameBytes(as: name) }
  }
}

extension Header {
  public func quantileNames(input: String) -> QuantileNames { QuantileNames(self, input: input) }

  /// The quantile groups, in the order in which their first columns stand.
  /// Throws for a level outside (0, 1), for the same level twice in a group, and for a name that looks like a quantile column's of a group and is
  /// none.
  public func quantileGroups(input: String) throws -> [QuantileGroup] {
    let names = quantileNames(input: input)
    try names.check()
    return names.groups
  }

  /// Splits `rf_q0.025` into its model and level, proper or not; nil for a name that is no quantile column's.
  public static func quantileText(_ name: String) -> (model: String, level: Level)? {
    let bytes = Array(name.utf8)
    guard let q = bytes.lastIndex(of: UInt8(ascii: "q")), q == 0 || (bytes[q - 1] == UInt8(ascii: "_") && q > 1) else { return nil }
    let text = bytes[(q + 1)...]
    guard text.contains(UInt8(ascii: ".")), text.allSatisfy({ ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: ".") }),
      let value = Double(String(decoding: text, as: UTF8.self))
    else { return nil }
    return (q == 0 ? "" : String(decoding: bytes[..<(q - 1)], as: UTF8.self), Level(min(value, 2)))
  }

  /// The failure of a quantile column whose level is outside (0, 1).
  public static func improper(_ name: String, input: String, line: Int) -> Failure {
    let isPercent = quantileText(name).map { $0.level.key >= 2 * Level.one } ?? false
    return Failure(
      .badData, "a quantile level is strictly between 0 and 1", at: .init(input: input, line: line, column: name),
      remedy: isPercent ? "rename the column, or read percentiles with qreshape --from percent" : "rename the column")
  }
}
