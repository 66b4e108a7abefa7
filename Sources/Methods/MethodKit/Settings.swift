import Groundwork

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
