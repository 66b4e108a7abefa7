import FilterKit
import Quantiles
import Tables

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

  /// Whether the rows are those of a forecast hub.
  var isHub: Bool {
    if case .long(let columns, _) = self { return columns.outputType != nil }
    return false
  }

  /// Finds the quantiles of a table: in the format that is told, or the only one that fits.
  static func find(_ told: Shape?, _ session: FilterSession, _ header: Header, levels: [Double]?) throws -> Source {
    if let told {
      if let source = try told.source(session, header, levels) { return source }
      throw session.failure("no quantiles in the format \(told.name)", remedy: likelyCause(header) ?? "it has \(told.summary)")
    }
    let found = try Shape.all.filter { try $0.fits(session, header) }
    if found.count > 1 {
      throw session.failure("the columns fit \(found.map(\.name).joined(separator: " and "))", remedy: "tell the format with --from")
    }
    if let source = try found.first?.source(session, header, levels) { return source }
    let percent = header.names.first { (try? PercentShape().parse($0, input: "")) ?? nil != nil }
    let remedy = likelyCause(header) ?? percent.map { "\($0) is read with --from percent" }
    throw session.failure(
      "no format is recognised", remedy: remedy ?? "tell it with --from; there are \(Shape.all.map(\.name).joined(separator: ", "))")
  }

  /// What a file is that is no table as these filters read them.
  private static func likelyCause(_ header: Header) -> String? {
    guard header.count == 1, let delimiter = header.names[0].first(where: { ";|\t".contains($0) }) else { return nil }
    return "the delimiter may be another: -d '\(delimiter)'"
  }
}

extension Shape {
  /// Formats whose names say the same in other words.
  private var styles: [any ColumnShape] {
    guard case .columns(let columns) = self else { return [] }
    return columns is WideShape ? [columns, UnderscoreShape()] : [columns]
  }

  /// Whether columns alone tell this format.
  fileprivate func fits(_ session: FilterSession, _ header: Header) throws -> Bool {
    guard case .columns(let columns) = self else { return try source(session, header, nil) != nil }
    return try columns.isRecognised
      && styles.contains { style in
        let names = try header.names.filter { try style.parse($0, input: session.inputName) != nil }
        return !names.isEmpty && style.isTold(by: names)
      }
  }

  /// Where the quantiles are if the table is of this format.
  fileprivate func source(_ session: FilterSession, _ header: Header, _ levels: [Double]?) throws -> Source? {
    switch self {
    case .long(let long): return long.columns(of: header, files: session.options.files).map { .long($0, long) }
    case .nested(let nested): return nested.columns(of: header, session.reader.format).map { .nested($0, nested) }
    case .columns:
      let found = try styles.map { (try Shape.groups(header, $0, session, levels), $0) }.filter { !$0.0.isEmpty }
      if found.count > 1 {
        throw session.failure("levels are written with a point in some names and with an underscore in others", remedy: "rename the columns")
      }
      return found.first.map { .columns($0.0, $0.1) }
    }
  }

  /// The quantile groups of a header as a format names them, in the order of their first columns.
  private static func groups(_ header: Header, _ shape: any ColumnShape, _ session: FilterSession, _ told: [Double]?) throws -> [QuantileGroup] {
    var order: [String] = []
    var members: [String: [(text: LevelText, column: Int)]] = [:]
    for (column, name) in header.names.enumerated() {
      guard let (model, level) = try shape.parse(name, input: session.inputName) else { continue }
      if members[model] == nil { order.append(model) }
      members[model, default: []].append((level, column))
    }
    return try order.map { model in
      let sorted = members[model]!.sorted { ($0.text.level, $0.column) < ($1.text.level, $1.column) }
      func name(_ k: Int) -> String { header.names[sorted[k].column] }
      func refuseRepetition(_ levels: [Double]) throws {
        for k in levels.indices.dropFirst() where Level(levels[k]) == Level(levels[k - 1]) {
          throw session.failure(
            "columns \"\(name(k - 1))\" and \"\(name(k))\" hold the same level \(levelText(levels[k]))", remedy: "drop one of them")
        }
      }
      try refuseRepetition(sorted.map(\.text.value))
      let names = ShortenedLevels(names: sorted.map(\.text), ways: shape.shortenings)
      let levels = try names.meant(told: told, warn: { session.diagnostics.warn("\(shape.name): \($0)") }) {
        session.failure($1, column: name($0), remedy: $2)
      }
      for (read, meant) in zip(sorted, levels) where read.text.level != Level(meant) {
        session.diagnostics.warn("\(shape.name): the level \(levelText(read.text.value)) is taken for \(levelText(meant)), shortened")
      }
      try refuseRepetition(levels)
      return QuantileGroup(name: model, levels: levels, columns: sorted.map(\.column))
    }
  }
}
