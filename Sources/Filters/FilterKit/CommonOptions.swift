import ArgumentParser
import Tables

/// What an option does in one tool: the words of its help.
public protocol OptionHelp: Sendable, SendableMetatype {
  static var text: String { get }
}

/// `-w`: the column of row weights.
public struct WeightOption<Help: OptionHelp>: ParsableArguments, FlagGroup {
  @Option(name: [.customShort("w"), .long], help: ArgumentHelp(Help.text, valueName: "name"))
  public var weight: String?

  public init() {}
  public static var list: FlagList<Self> { FlagList([("--weight", { $0.weight != nil })]) }
}

/// `-g`: which quantile groups a tool takes.
public struct GroupsOption<Help: OptionHelp>: ParsableArguments, FlagGroup {
  @Option(name: [.customShort("g"), .long], help: ArgumentHelp(Help.text, valueName: "models"))
  public var groups: String?

  public init() {}
  public static var list: FlagList<Self> { FlagList([("--groups", { $0.groups != nil })]) }
}

/// `-x` and `--exclude`: which columns are features.
public struct FeatureOptions<Help: OptionHelp>: ParsableArguments, FlagGroup {
  @Option(name: [.customShort("x"), .long], help: ArgumentHelp(Help.text, valueName: "names"))
  public var features: String?

  @Option(help: ArgumentHelp("Columns that are not features, separated by commas.", valueName: "names"))
  public var exclude: String?

  public init() {}
  public static var list: FlagList<Self> { FlagList([("--features", { $0.features != nil }), ("--exclude", { $0.exclude != nil })]) }
}

/// `--time-format`: how the times of a table are written.
public struct TimeOption: ParsableArguments, FlagGroup {
  @Option(
    help: ArgumentHelp(
      "How times are written, as date has it: %d.%m.%Y or %m/%d/%Y (default: numbers, and ISO 8601 such as 2024-12-31, 2024-W52 and 2024-12).",
      valueName: "format"))
  public var timeFormat: String?

  public init() {}
  public static var list: FlagList<Self> { FlagList([("--time-format", { $0.timeFormat != nil })]) }

  /// Throws for a format that tells no date.
  public func format() throws -> TimeFormat? { try timeFormat.map { try TimeFormat($0) } }
}

/// `--seed`: where random choices start.
public struct SeedOption<Help: OptionHelp>: ParsableArguments, FlagGroup {
  @Option(name: .customLong("seed"), help: ArgumentHelp(Help.text, valueName: "n"))
  var given: UInt64?

  public init() {}
  public static var list: FlagList<Self> { FlagList([("--seed", { $0.given != nil })]) }

  /// The seed, 1 where none is given.
  public var seed: UInt64 { given ?? 1 }
}

/// The row weights of a tool that learns or scores.
public enum RowWeightHelp: OptionHelp {
  public static let text = "Column of row weights, finite and not negative."
}

/// The seed of a tool that learns.
public enum AllChoicesHelp: OptionHelp {
  public static let text = "Seed of all random choices (default: 1)."
}
