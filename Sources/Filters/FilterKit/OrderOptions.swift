import ArgumentParser
import MethodKit
import Tables

/// `--order`, `--known` and `--lag`: when rows stand, and when their truth is out.
public struct OrderOptions: ParsableArguments, FlagGroup {
  @Option(
    help: ArgumentHelp(
      "The column of times: a row is answered by what was known before its time (default: $QORDER, else rows have no order).", valueName: "name"))
  public var order: String?

  @Option(
    help: ArgumentHelp(
      """
      With --order, the column of the times at which targets come out: a row teaches rows of later times, and none of that time or before \
      (default: $QKNOWN, else a target is known when the next time comes).
      """,
      valueName: "name"))
  public var known: String?

  @Option(
    help: ArgumentHelp(
      """
      With --order, how long after its time a row's target comes out, such as 14d, to teach rows of later times; units are h, d, w, m, y, \
      or t for distinct times, and without one those of the column.
      """,
      valueName: "span"))
  public var lag: String?

  public init() {}
  public static let list = FlagList<OrderOptions>([
    ("--order", { $0.order != nil }), ("--known", { $0.known != nil }), ("--lag", { $0.lag != nil }),
  ])

  public func validate() throws {
    if known != nil, lag != nil { throw ValidationError("--known and --lag both say when targets are known; give one of them") }
    if known != nil || lag != nil, orderName == nil {
      throw ValidationError("\(known != nil ? "--known" : "--lag") needs --order, the times of rows")
    }
    if let lag, TimeSpan(lag) == nil { throw ValidationError("--lag \(lag): \(OrderOptions.spanRemedy)") }
  }

  static let spanRemedy = "write a length of time such as 14d, 2w, 6m, 1y or 12h, 13t for distinct times, or a number"

  /// The column of times: `--order`, else `QORDER`.
  public var orderName: String? { order ?? environmentVariable("QORDER") }
  /// The column that tells when truths are out: `--known`, else `QKNOWN` where neither it nor `--lag` is given.
  public var knownName: String? { orderName == nil ? nil : known ?? (lag == nil ? environmentVariable("QKNOWN") : nil) }
  public var lagSpan: TimeSpan? { lag.flatMap { TimeSpan($0) } }

  /// How messages call what told the order.
  public var orderFlag: String { order != nil ? "--order" : "QORDER" }
}

extension FilterSession {
  /// The columns of times that `--order` and `--known`, or the environment, name. Throws for columns that are not there.
  public func timeColumns(_ header: Header, _ options: OrderOptions, _ format: TimeFormat?) throws -> (order: TimeColumn?, known: TimeColumn?) {
    func time(_ flag: String?, _ name: String?, _ variable: String, remedy: String) throws -> TimeColumn? {
      try name.map { name in
        let column = flag == nil ? try column(header, name, namedBy: variable, remedy: remedy) : try column(header, name)
        return TimeColumn(column, header, format: format)
      }
    }
    return (
      try time(options.order, options.orderName, "QORDER", remedy: "name the times with --order, or unset it"),
      try time(options.known, options.knownName, "QKNOWN", remedy: "name the times with --known, or unset it")
    )
  }
}
