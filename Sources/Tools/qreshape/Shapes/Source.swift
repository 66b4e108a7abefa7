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

  /// What is asked for; the rest need not be understood.
  struct Wanted {
    let isModel: (String) -> Bool
    /// nil for all.
    let levels: [Double]?
  }

  /// Finds the quantiles of a table: in the format that is told, or the only one that fits.
  static func find(_ told: Shape?, _ session: FilterSession, _ header: Header, _ wanted: Wanted) throws -> Source {
    if let told {
      if let source = try told.source(session, header, wanted) { return source }
      throw session.failure("no quantiles in the format \(told.name)", remedy: likelyCause(header) ?? "it has \(told.summary)")
    }
    let found = try Shape.all.filter { try $0.fits(session, header) }
    if found.count > 1 {
      throw session.failure("the columns fit \(found.map(\.name).joined(separator: " and "))", remedy: "tell the format with --from")
    }
    if let source = try found.first?.source(session, header, wanted) { return source }
    let percent = header.names.first { name in PercentShape.both.contains { (try? $0.parse(name, input: "")) ?? nil != nil } }
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
    return columns is WideShape ? [columns, UnderscoreShape()] : columns is PercentShape ? PercentShape.both as [any ColumnShape] : [columns]
  }

  /// Whether columns alone tell this format.
  fileprivate func fits(_ session: FilterSession, _ header: Header) throws -> Bool {
    guard case .columns(let columns) = self else { return try source(session, header, Source.Wanted(isModel: { _ in true }, levels: nil)) != nil }
    return columns.isRecognised
      && styles.contains { style in
        let names = header.names.filter { style.read($0) != nil }
        return !names.isEmpty && style.isTold(by: names)
      }
  }

  /// Where the quantiles are if the table is of this format.
  fileprivate func source(_ session: FilterSession, _ header: Header, _ wanted: Source.Wanted) throws -> Source? {
    switch self {
    case .long(let long): return long.columns(of: header, files: session.options.files).map { .long($0, long) }
    case .nested(let nested): return nested.columns(of: header, session.reader.format).map { .nested($0, nested) }
    case .columns:
      let named = styles.filter { style in header.names.contains { style.read($0) != nil } }
      if named.count > 1, !(named[0] is PercentShape) {
        throw session.failure("levels are written with a point in some names and with an underscore in others", remedy: "rename the columns")
      }
      return try named.first.map { .columns(try Shape.groups(header, $0, session, wanted), $0) }
    }
  }

  /// The quantile groups of a header as a format names them, in the order of their first columns. Groups and levels that are not asked for
  /// are as they are read, proper or not.
  private static func groups(_ header: Header, _ shape: any ColumnShape, _ session: FilterSession, _ wanted: Source.Wanted) throws -> [QuantileGroup]
  {
    var order: [String] = []
    var members: [String: [NamedQuantile]] = [:]
    let told = wanted.levels
    for quantile in try shape.quantiles(of: header.names, told: told, isAsked: wanted.isModel, input: session.inputName) {
      if members[quantile.model] == nil { order.append(quantile.model) }
      members[quantile.model, default: []].append(quantile)
      if told == nil, wanted.isModel(quantile.model), let fault = shape.fault(quantile.level, header.names[quantile.column], input: session.inputName)
      {
        throw fault
      }
    }
    try refuseLikeness(header, shape, session, wanted, members.values.flatMap { $0 })
    var remarks: [String] = []
    var shortened: [String] = []
    defer {
      if !remarks.isEmpty { session.diagnostics.warn("\(shape.name): \(session.diagnostics.list(remarks)); --levels tells which is meant") }
      if !shortened.isEmpty { session.diagnostics.warn("\(shape.name): levels are shortened in names: \(session.diagnostics.list(shortened))") }
    }
    return try order.map { model in
      let sorted = members[model]!.sorted { ($0.level.level, $0.column) < ($1.level.level, $1.column) }
      guard wanted.isModel(model) else {
        return QuantileGroup(name: model, levels: sorted.map { Levels.rounded($0.level.value) }, columns: sorted.map(\.column))
      }
      func name(_ k: Int) -> String { header.names[sorted[k].column] }
      func refuseRepetition(_ levels: [Double]) throws {
        for k in levels.indices.dropFirst() where Level(levels[k]) == Level(levels[k - 1]) {
          if let told, !told.contains(where: { Level($0) == Level(levels[k]) }) { continue }
          throw session.failure(
            "columns \"\(name(k - 1))\" and \"\(name(k))\" hold the same level \(levelText(levels[k]))", remedy: "drop one of them")
        }
      }
      try refuseRepetition(sorted.map(\.level.value))
      let names = ShortenedLevels(names: sorted.map(\.level), ways: shape.shortenings)
      let levels = try names.meant(told: told, warn: { if !remarks.contains($0) { remarks.append($0) } }) {
        session.failure($1, column: name($0), remedy: $2)
      }
      for (read, meant) in zip(sorted, levels) where read.level.level != Level(meant) && Level(meant).isProper {
        let text = "\(levelText(read.level.value)) is taken for \(levelText(meant))"
        if !shortened.contains(text) { shortened.append(text) }
      }
      try refuseRepetition(levels)
      return QuantileGroup(name: model, levels: levels, columns: sorted.map(\.column))
    }
  }

  /// Throws for a column that looks like a quantile column of a model that is asked for, and is none.
  private static func refuseLikeness(
    _ header: Header, _ shape: any ColumnShape, _ session: FilterSession, _ wanted: Source.Wanted, _ quantiles: [NamedQuantile]
  ) throws {
    var models = [String?](repeating: nil, count: header.count)
    for quantile in quantiles { models[quantile.column] = quantile.model }
    guard let miss = shape.likeness.misses(header.names, models: models).first(where: { wanted.isModel($0.group) }) else { return }
    // The number in the name of an interval's end is no level.
    let isEnd = shape is NixtlaShape
    throw QuantileNames.failure((miss.column, miss.group, isEnd ? nil : miss.level), header, input: session.inputName, example: isEnd ? 0.05 : 0.5) {
      (try? shape.columnName(miss.group, $0)) ?? levelText($0)
    }
  }
}
