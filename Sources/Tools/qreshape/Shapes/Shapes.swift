import Groundwork
import MethodKit

/// The formats, in the order in which they are told.
enum Shape: Sendable {
  case columns(any ColumnShape)
  case long(LongShape)
  case nested(NestedShape)

  static let all: [Shape] = [
    .columns(WideShape()), .long(.hub), .long(.scoringUtils), .columns(AutoGluonShape()), .columns(NixtlaShape()), .columns(DartsShape()),
    .columns(PercentShape()), .nested(NestedShape()),
  ]

  var name: String {
    switch self {
    case .columns(let shape): shape.name
    case .long(let shape): shape.name
    case .nested(let shape): shape.name
    }
  }

  var summary: String {
    switch self {
    case .columns(let shape): shape.summary
    case .long(let shape): shape.summary
    case .nested(let shape): shape.summary
    }
  }

  /// What it calls the column of observed values; nil where that may have any name.
  var target: String? {
    switch self {
    case .columns(let shape): shape.target
    case .long(let shape): shape.target.first
    case .nested: nil
    }
  }

  /// Whether a column called `target` is looked for where the format has a name for observed values.
  var takesTarget: Bool {
    if case .long = self { return true }
    return false
  }

  /// The format of the filters themselves.
  var isWide: Bool {
    if case .columns(let shape) = self { return shape is WideShape }
    return false
  }

  /// The format that a flag names.
  static func named(_ name: String, flag: String) throws -> Shape {
    if let shape = all.first(where: { $0.name == name }) { return shape }
    throw Failure(.usage, "\(flag) \(name): unknown format", remedy: suggestion(for: name, among: all.map(\.name)))
  }
}
