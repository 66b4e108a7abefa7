import MethodKit

/// A way of combining by name, with settings as a user would write them.
public struct ChosenMethod: Sendable {
  public let name: String
  public let settings: [(key: String, value: String)]

  public init(name: String, settings: [(key: String, value: String)]) {
    self.name = name
    self.settings = settings
  }

  public func aggregator() throws -> any Aggregator {
    let type = aggregatorRegistry.first { $0.description.name == name }!
    return type.init(settings: try Settings(settings, of: type.description))
  }

  /// As a user would write it.
  public var text: String { name + (settings.isEmpty ? "" : ":" + settings.map { "\($0.key)=\($0.value)" }.joined(separator: ",")) }
}
