import MethodKit
import Tables

/// The columns and lengths of time that tell the order of rows in a run that learns from a whole table.
public struct OrderRoles {
  public let order: TimeColumn
  public let known: TimeColumn?
  private let options: OrderOptions
  private let window: TimeSpan?
  private let windowText: String?
  public let refitsEachTime: Bool

  /// nil where nothing tells an order. Where neither `--refit` nor `--folds` is given, `usually` says when to fit.
  public init?<Help>(
    _ session: FilterSession, _ header: Header, _ options: OrderOptions, _ refit: RefitOptions<Help>, usually: RefitChoice = .block,
    _ format: TimeFormat?
  ) throws {
    let columns = try session.timeColumns(header, options, format)
    guard let order = columns.order else { return nil }
    self.order = order
    known = columns.known
    self.options = options
    (window, windowText) = (refit.windowSpan, refit.window)
    refitsEachTime = (refit.refit ?? (refit.folds == nil ? usually : .block)) == .time
  }

  /// What flags name, for the law of roles.
  public var shared: [(flag: String, columns: [Int])] {
    [(options.orderFlag, [order.column]), (options.known == nil ? "QKNOWN" : "--known", [known?.column].compactMap { $0 })]
  }

  /// What to store of the table.
  public var stored: [(column: Int, role: StoredTable.Role)] {
    [(order.column, .time(order.format))] + [known].compactMap { $0 }.map { ($0.column, .laterTime($0.format, after: order.column)) }
  }

  public func explanation(_ header: Header) -> [(String, String)] {
    [("order", header.names[order.column])] + (known.map { [("known", header.names[$0.column])] } ?? [])
      + (options.lag.map { [("lag", $0)] } ?? []) + (windowText.map { [("window", $0)] } ?? [])
      + [("refit", (refitsEachTime ? RefitChoice.time : .block).rawValue)]
  }

  /// What a model file says of it.
  public func summary(_ header: Header) -> [String: String] {
    Dictionary(uniqueKeysWithValues: explanation(header).map { ($0.0, $0.1) })
  }

  private func times(_ table: StoredTable, labelled: [Int], _ session: FilterSession) throws -> TableTimes {
    let truth: TableTimes.Truth = known.map { .column($0) } ?? options.lagSpan.map { .lag($0) } ?? .nextTime
    return try TableTimes(table, order, truth: truth, window: window, labelled: labelled, session)
  }

  /// The fits of a table with these labelled rows. `given` is what its column `fold` holds, if it has one that counts.
  public func fits(
    _ table: StoredTable, labelled: [Int], teaches: (Int) -> Bool, given: [Double]?, count: Int?, answersLabelled: Bool, keepsWhole: Bool,
    joinsEqual: Bool = true, isStrict: Bool = true, _ session: FilterSession
  ) throws -> TimedFits {
    try TimedFits(
      try times(table, labelled: labelled, session), labelled: labelled, teaches: teaches, given: given,
      count: refitsEachTime || !answersLabelled ? nil : count ?? 5,
      refitsEachTime: refitsEachTime, answersLabelled: answersLabelled, keepsWhole: keepsWhole, joinsEqual: joinsEqual,
      isStrict: isStrict, session)
  }
}

/// What the column `fold` of a table holds.
public enum GivenFolds {
  /// The numbers of folds drawn at random, NaN where a row has none.
  case drawn([Double])
  /// The numbers of blocks of time, NaN where a row has none.
  case blocks([Double])

  /// Reads a column that was stored as folds. Throws where it holds both, and for blocks of time where no order is told.
  public init(_ table: StoredTable, _ column: Int, order: OrderRoles?, _ session: FilterSession) throws {
    let values = table.numbers(column)
    let name = table.header.names[column]
    guard let block = values.firstIndex(where: { $0 < 0 }) else {
      self = .drawn(values)
      return
    }
    if let fold = values.firstIndex(where: { $0 >= 0 }) {
      throw session.failure(
        "row \(block + 1) stands in a block of time, t\(Int(-1 - values[block])), and row \(fold + 1) in fold \(Int(values[fold])), drawn at random",
        column: name, remedy: "make all of them in one run of qfit")
    }
    guard order != nil else {
      throw session.failure(
        "the folds are blocks of time (t\(Int(-1 - values[block]))), and nothing says which column holds the times", column: name,
        remedy: "name it with --order, or QORDER in the environment")
    }
    self = .blocks(values.map { -1 - $0 })
  }
}
