import FilterKit
import Groundwork
import Quantiles
import Tables

/// What the names of an output would be read as: a table whose columns a format cannot hold is refused before anything is written.
struct WrittenNames {
  let session: FilterSession
  /// Columns that pass through, the observed values among them.
  let passed: [String]

  private func readAs(_ what: String, _ shape: String, _ column: String) -> Failure {
    session.failure("the column would be read as \(what) in the format \(shape)", column: column, remedy: "rename it")
  }

  private func refuseRepetition(_ names: [String]) throws {
    var seen: Set<String> = []
    for name in names where !seen.insert(name).inserted {
      throw session.failure("the output would have two columns \"\(name)\"", remedy: "rename one in the input")
    }
  }

  /// Throws where columns that pass through would be read as quantiles.
  func check(_ shape: any ColumnShape) throws {
    for name in passed where (try? shape.parse(name, input: "")) ?? nil != nil { throw readAs("quantiles", shape.name, name) }
    try refuseRepetition(passed)
  }

  /// The names of quantile columns. Throws where the format cannot hold a model or a level, and warns of what is read back only with help.
  func names(_ columns: [(model: String, level: Double)], _ shape: any ColumnShape) throws -> [String] {
    if !shape.namesModels {
      let models = Set(columns.map(\.model))
      if models.count > 1 {
        throw Failure(.usage, "\(shape.name) holds one model, and there are \(models.count)", remedy: "choose one with --models")
      }
      if let model = models.first, !model.isEmpty { session.diagnostics.warn("\(shape.name) does not hold the model's name, \(model)") }
    }
    var levels: [String: [LevelText]] = [:]
    let names = try columns.map { model, level in
      let name = try shape.columnName(model, level)
      guard let read = (try? shape.parse(name, input: "")) ?? nil, !shape.namesModels || read.model == model, read.level.level == Level(level)
      else {
        throw shape.cannotHold("the model \"\(printable(model))\"", remedy: "its columns would be read as another model's")
      }
      levels[read.model, default: []].append(read.level)
      return name
    }
    try refuseRepetition(passed + names)
    let doubts = levels.values.flatMap { names in
      let sorted = ShortenedLevels(names: names.sorted { $0.level < $1.level }, ways: shape.shortenings)
      return sorted.doubts.filter { !$0.isSlight }.map { sorted.names[$0.name].level }
    }
    if !doubts.isEmpty {
      let list = session.diagnostics.list(Set(doubts).sorted().map { levelText($0.value) })
      session.diagnostics.warn("\(shape.name): the names of \(list) may be shortened ones of other levels, so reading them back needs --levels")
    }
    if shape is UnderscoreShape, let model = columns.first(where: { $0.model.contains(".") })?.model {
      session.diagnostics.warn("the model's name \(printable(model)) has a dot, and so have its columns")
    }
    return names
  }

  /// Throws where columns that pass through would be read as the format's own. `names` are those of the output, with the roles they have.
  func check(_ names: [String], _ long: LongShape, hasModels: Bool, target: String?) throws {
    try refuseRepetition(names)
    guard let header = try? Header(names: names), let read = long.columns(of: header, files: []) else { return }
    let count = names.count
    let roles: [(String, Int?, Int?)] = [
      ("the model", read.model, hasModels ? 0 : nil), ("the output type", read.outputType, long.outputType.isEmpty ? nil : count - 3),
      ("the level", read.level, count - 2), ("the value", read.value, count - 1),
      ("the observed value", read.target, target.flatMap { header.index(of: $0) }),
    ]
    for (role, found, own) in roles { if let found, found != own { throw readAs(role, long.name, names[found]) } }
  }

  /// Likewise of the nested format, whose quantiles come last.
  func check(_ names: [String], _ nested: NestedShape, hasModels: Bool) throws {
    try refuseRepetition(names)
    guard let header = try? Header(names: names), let read = nested.columns(of: header, .ndjson) else { return }
    if let model = read.model, !hasModels || model > 0 { throw readAs("the model", nested.name, names[model]) }
    if let levels = read.levels { throw readAs("the levels", nested.name, names[levels]) }
  }
}
