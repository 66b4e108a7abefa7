import Groundwork

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

/// The checked settings of one method: every described setting has a value in its range.
public struct Settings: Sendable {
  public let method: MethodDescription
  private var integers: [String: Int] = [:]
  private var numbers: [String: Double] = [:]
  private var choices: [String: String] = [:]
  /// As written by the user, in the order written: what a model file records.
  public let written: [(key: String, value: String)]

  /// Checks `key=value` pairs against the description. Throws a usage `Failure` for an unknown key (with the nearest
  /// known one), a value that is not of the setting's kind, or one outside its range.
  public init(_ written: [(key: String, value: String)] = [], of method: MethodDescription) throws {
    self.method = method
    self.written = written
    for (key, _) in written where !method.settings.contains(where: { $0.name == key }) {
      throw Failure(.usage, "\(method.name) has no setting \"\(key)\"", remedy: suggestion(for: key, among: method.settings.map(\.name)))
    }
    for setting in method.settings {
      let text = written.last { $0.key == setting.name }?.value ?? setting.defaultText
      switch setting.kind {
      case .integer(let range):
        guard let value = Int(text), range.contains(value) else {
          throw Settings.refusal(method, setting, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        integers[setting.name] = value
      case .number(let range):
        guard let value = Double(text), range.contains(value) else {
          throw Settings.refusal(method, setting, text, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        numbers[setting.name] = value
      case .choice(let names):
        guard names.contains(text) else {
          throw Settings.refusal(method, setting, text, "one of \(names.joined(separator: ", "))")
        }
        choices[setting.name] = text
      }
    }
  }

  private static func refusal(_ method: MethodDescription, _ setting: SettingDescription, _ text: String, _ wanted: String) -> Failure {
    Failure(.usage, "\(method.name):\(setting.name)=\(text): \(setting.name) takes \(wanted)")
  }

  /// The value of a described setting of that kind; asking for any other is a programming error.
  public func integer(_ name: String) -> Int { integers[name]! }
  public func number(_ name: String) -> Double { numbers[name]! }
  public func choice(_ name: String) -> String { choices[name]! }
}

/// "did you mean X?" for the nearest of `names` by edit distance, or the whole list where none is near.
public func suggestion(for wrong: String, among names: [String]) -> String {
  let near = names.map { (editDistance(wrong.lowercased(), $0), $0) }.min { $0.0 < $1.0 }
  if let near, near.0 <= max(2, wrong.count / 3), near.0 < wrong.count { return "did you mean \(near.1)?" }
  if names.isEmpty { return "it takes none" }
  return "there \(names.count == 1 ? "is" : "are") \(names.map { $0.isEmpty ? "one without a name" : $0 }.joined(separator: ", "))"
}

/// Levenshtein distance in characters.
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in 0..<b.count {
      let above = row[j + 1]
      row[j + 1] = x == b[j] ? diagonal : 1 + min(diagonal, above, row[j])
      diagonal = above
    }
  }
  return row[b.count]
}
