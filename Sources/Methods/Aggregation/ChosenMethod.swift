import MethodKit

/// A way of combining, with settings as a user would write them.
public struct ChosenMethod: Sendable {
  public let type: any Aggregator.Type
  public let settings: [(key: String, value: String)]

  public init(_ type: any Aggregator.Type, settings: [(key: String, value: String)] = []) {
    self.type = type
    self.settings = settings
  }

  public var name: String { type.description.name }

  public func aggregator() throws -> any Aggregator { type.init(settings: try Settings(settings, of: type.description)) }

  /// As a user would write it.
  public var text: String { name + (settings.isEmpty ? "" : ":" + settings.map { "\($0.key)=\($0.value)" }.joined(separator: ",")) }
}
