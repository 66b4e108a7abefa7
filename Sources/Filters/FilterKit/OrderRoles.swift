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

  /// The blocks that a column `fold` tells of predictions that are there already; nil where it tells none. Says it where they are out of folds drawn
  /// at random.
  public func blocks(_ given: GivenFolds?, _ session: FilterSession) -> [Double]? {
    switch given {
    case .blocks(let told): return told
    case .drawn:
      session.diagnostics.warn("the predictions are out of folds drawn at random, so their models have seen later rows: give qfit --order too")
      return nil
    case nil: return nil
    }
  }

  private func times(_ table: StoredTable, labelled: [Int], _ session: FilterSession) throws -> TableTimes {
    let truth: TableTimes.Truth = known.map { .column($0) } ?? options.lagSpan.map { .lag($0) } ?? .nextTime
    return try TableTimes(table, order, truth: truth, window: window, labelled: labelled, session)
  }

  /// The fits of a table with these labelled rows. `given` is what its column `fold` holds, if it has one that counts.
  public func fits(
    _ table: StoredTable, labelled: [Int], teaches: (Int) -> Bool, given: [Double]?, count: Int?, answersLabelled: Bool,
    joinsEqual: Bool = true, isStrict: Bool = true, _ session: FilterSession
  ) throws -> TimedFits {
    try TimedFits(
      try times(table, labelled: labelled, session), labelled: labelled, teaches: teaches, given: given,
      count: refitsEachTime || !answersLabelled ? nil : count ?? 5,
      refitsEachTime: refitsEachTime, answersLabelled: answersLabelled, joinsEqual: joinsEqual,
      isStrict: isStrict, session)
  }
}
