import ArgumentParser
import Tables

/// What `--refit` takes.
public enum RefitChoice: String, CaseIterable, ExpressibleByArgument { case block, time }

/// `--folds`, `--refit` and `--window`: how often what is learnt under `--order` is fitted anew, and what it forgets.
public struct RefitOptions<Help: OptionHelp>: ParsableArguments, FlagGroup {
  @Option(
    help: ArgumentHelp(
      """
      Number of folds, where the table has no fold column (default: 5). With --order they are consecutive blocks of time, \
      each answered by one fit on what was known before it began.
      """,
      valueName: "k"))
  public var folds: Int?

  @Option(help: ArgumentHelp(Help.text, valueName: "when"))
  public var refit: RefitChoice?

  @Option(
    help: ArgumentHelp(
      "With --order, forget rows that are older than this, such as 52w; units are those of --lag.", valueName: "span"))
  public var window: String?

  public init() {}
  public static var list: FlagList<Self> {
    FlagList([("--folds", { $0.folds != nil }), ("--refit", { $0.refit != nil }), ("--window", { $0.window != nil })])
  }

  public func validate() throws {
    if let folds, folds < 2 { throw ValidationError("--folds \(folds): write 2 or more") }
    if let window {
      guard let span = TimeSpan(window) else { throw ValidationError("--window \(window): \(OrderOptions.spanRemedy)") }
      if span.isZero { throw ValidationError("--window \(window): nothing would be remembered") }
    }
    if folds != nil, refit == .time { throw ValidationError("--refit time fits for each time, so --folds has no effect") }
  }

  public var windowSpan: TimeSpan? { window.flatMap { TimeSpan($0) } }

  /// Throws a usage failure for flags that need `--order` where nothing tells it.
  public func checkOrder(_ order: OrderOptions) throws {
    guard order.orderName == nil else { return }
    for (flag, isGiven) in [("--refit", refit != nil), ("--window", window != nil)] where isGiven {
      throw ValidationError("\(flag) needs --order, the times of rows")
    }
  }
}

/// `--refit` of a tool whose fits cost something.
public enum RefitByBlockHelp: OptionHelp {
  public static let text = "With --order, fit once for each block (the default), or for each time."
}
