import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// The formats, in the order in which they are told.
enum Shape {
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

  /// The format that a flag names.
  static func named(_ name: String, flag: String) throws -> Shape {
    if let shape = all.first(where: { $0.name == name }) { return shape }
    throw Failure(.usage, "\(flag) \(name): unknown format", remedy: suggestion(for: name, among: all.map(\.name)))
  }
}

/// Where the quantiles of a table are.
enum Source {
  /// In columns: the groups, of what format they are.
  case columns([QuantileGroup], any ColumnShape)
  case long(LongShape.Columns, LongShape)
  case nested(NestedShape.Columns, NestedShape)

  var name: String {
    switch self {
    case .columns(_, let shape): shape.name
    case .long(_, let shape): shape.name
    case .nested(_, let shape): shape.name
    }
  }

  /// Columns that are not passed through as they are, but for the target.
  var owned: [Int] {
    switch self {
    case .columns(let groups, _): groups.flatMap(\.columns)
    case .long(let columns, _): columns.owned
    case .nested(let columns, _): columns.owned
    }
  }

  /// Whether a row holds all that is known of its unit.
  var isWhole: Bool {
    if case .columns = self { return true }
    return false
  }

  /// Finds the quantiles of a table: in the format that is told, or the only one that fits.
  static func find(_ told: Shape?, _ session: FilterSession, _ header: Header, levels: [Double]?) throws -> Source {
    if let told {
      if let source = try candidates(told, session, header, levels, isTold: true).first { return source }
      throw session.failure("no quantiles in the format \(told.name)", remedy: "it has \(told.summary)")
    }
    let found = try Shape.all.flatMap { try candidates($0, session, header, levels, isTold: false) }
    guard let first = found.first else {
      throw session.failure("no format is recognised", remedy: "tell it with --from; there are \(Shape.all.map(\.name).joined(separator: ", "))")
    }
    if found.count > 1 {
      throw session.failure("the columns fit \(found.map(\.name).joined(separator: " and "))", remedy: "tell the format with --from")
    }
    return first
  }

  private static func candidates(_ shape: Shape, _ session: FilterSession, _ header: Header, _ levels: [Double]?, isTold: Bool) throws -> [Source] {
    switch shape {
    case .long(let long): return long.columns(of: header, files: session.options.files).map { [.long($0, long)] } ?? []
    case .nested(let nested): return nested.columns(of: header, session.reader.format).map { [.nested($0, nested)] } ?? []
    case .columns(let columns):
      guard isTold || columns.isRecognised else { return [] }
      let styles: [any ColumnShape] = columns is WideShape ? [columns, UnderscoreShape()] : [columns]
      let found = try styles.map { (try groups(header, $0, session, levels), $0) }.filter { !$0.0.isEmpty }
      if found.count > 1 { throw session.failure("levels are written with a point in some names and with an underscore in others", remedy: "rename the columns") }
      return found.map { .columns($0.0, $0.1) }
    }
  }

  /// The quantile groups of a header as a format names them, in the order of their first columns.
  private static func groups(_ header: Header, _ shape: any ColumnShape, _ session: FilterSession, _ told: [Double]?) throws -> [QuantileGroup] {
    var order: [String] = []
    var members: [String: [(level: Double, column: Int)]] = [:]
    for (column, name) in header.names.enumerated() {
      guard let (model, level) = try shape.parse(name, input: session.inputName) else { continue }
      if members[model] == nil { order.append(model) }
      members[model, default: []].append((Levels.rounded(level), column))
    }
    return try order.map { model in
      let sorted = members[model]!.sorted { ($0.level, $0.column) < ($1.level, $1.column) }
      func refuseRepetition(_ levels: [Double]) throws {
        for k in levels.indices.dropFirst() where Levels.key(levels[k]) == Levels.key(levels[k - 1]) {
          throw session.failure("columns \"\(header.names[sorted[k - 1].column])\" and \"\(header.names[sorted[k].column])\" hold the same level \(levelText(levels[k]))", remedy: "drop one of them")
        }
      }
      var levels = sorted.map(\.level)
      try refuseRepetition(levels)
      if shape.isRounded {
        let meant = try RoundedLevels.repaired(levels, told: told) { session.failure($0, column: header.names[sorted[0].column], remedy: $1) }
        for (read, meant) in zip(levels, meant) where Levels.key(read) != Levels.key(meant) {
          session.diagnostics.warn("\(shape.name): the level \(levelText(read)) is taken for \(levelText(meant)), of which it is the rounding")
        }
        levels = meant
        try refuseRepetition(levels)
      }
      return QuantileGroup(name: model, levels: levels, columns: sorted.map(\.column))
    }
  }
}
