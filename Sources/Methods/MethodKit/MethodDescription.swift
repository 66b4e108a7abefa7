/// One setting of a method, as `--help METHOD` lists it and `NAME:key=value` sets it.
public struct SettingDescription: Sendable {
  public enum Kind: Sendable {
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case choice([String])
  }
  public let name: String
  public let kind: Kind
  /// The default, written as a user would write it.
  public let defaultText: String
  public let summary: String
  /// Where tuning looks for values; nil leaves the setting alone.
  public let search: Search?
  /// The value in tuning's trials, where it makes them cheaper without changing which is best; nil: as asked. What is kept is fitted as asked.
  public let inTrials: String?

  public init(_ name: String, _ kind: Kind, default defaultText: String, _ summary: String, search: Search? = nil, inTrials: String? = nil) {
    self.name = name
    self.kind = kind
    self.defaultText = defaultText
    self.summary = summary
    self.search = search
    self.inTrials = inTrials
  }

  /// The values tuning draws from.
  public enum Search: Sendable {
    /// Each as likely as the others, written as a user would write them.
    case among([String])
    /// Uniform in the logarithm, to three significant digits.
    case logarithmic(ClosedRange<Double>)
  }
}

/// What a method declares of itself; help, man pages, flags and model files follow from it.
public struct MethodDescription: Sendable {
  public let name: String
  public let summary: String
  public let settings: [SettingDescription]

  public init(name: String, summary: String, settings: [SettingDescription] = []) {
    self.name = name
    self.summary = summary
    self.settings = settings
  }
}
