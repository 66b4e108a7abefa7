import Groundwork
import Tables

/// A format with a column for each level of each model.
protocol ColumnShape: Sendable {
  /// What `--from` and `--to` call it.
  var name: String { get }
  /// Its shape, for the help.
  var summary: String { get }
  /// Whether column names alone tell this format, so that it need not be asked for.
  var isRecognised: Bool { get }
  /// How writers of this format may have shortened the levels in names; none where names hold all decimals.
  var shortenings: [Shortening] { get }
  /// Whether a column's name tells the model.
  var namesModels: Bool { get }
  /// What the column of observed values is called; nil where it may have any name.
  var target: String? { get }

  /// Words before a level, for names that look like a quantile column's and are none.
  var likeness: QuantileLikeness { get }

  /// Model and level of a column, whatever the level is; nil for a name that is no quantile column's.
  func read(_ column: String) -> (model: String, level: LevelText)?

  /// What is wrong with a level that `read` found in the name of a column; nil where it is understood.
  func fault(_ level: LevelText, _ column: String, input: String) -> Failure?

  /// The quantile columns among `names`, read in one way for the whole table; levels that are `told` help to choose it. Throws where the
  /// names of models that are asked for can be read in two ways.
  func quantiles(of names: [String], told: [Double]?, isAsked: @escaping (String) -> Bool, input: String) throws -> [NamedQuantile]

  /// Whether quantile columns of these names tell the format by themselves.
  func isTold(by columns: [String]) -> Bool

  /// The column of a level. Throws a usage failure where names of this format cannot hold the model or the level.
  func columnName(_ model: String, _ level: Double) throws -> String
}

/// A column that holds the quantiles of a level.
struct NamedQuantile {
  let column: Int
  let model: String
  let level: LevelText
}

extension ColumnShape {
  var likeness: QuantileLikeness { .wide }
  var isRecognised: Bool { true }
  var shortenings: [Shortening] { [] }
  var namesModels: Bool { true }
  var target: String? { nil }
  func isTold(by columns: [String]) -> Bool { true }

  func fault(_ level: LevelText, _ column: String, input: String) -> Failure? { level.isLevel ? nil : Self.outside(column, input) }

  func quantiles(of names: [String], told: [Double]?, isAsked: @escaping (String) -> Bool, input: String) throws -> [NamedQuantile] {
    names.enumerated().compactMap { column, name in read(name).map { NamedQuantile(column: column, model: $0.model, level: $0.level) } }
  }

  /// Model and level of a column; nil for a name that is no quantile column's. Throws where the level cannot be told.
  func parse(_ column: String, input: String) throws -> (model: String, level: LevelText)? {
    guard let found = read(column) else { return nil }
    if let fault = fault(found.level, column, input: input) { throw fault }
    return found
  }

  func cannotHold(_ what: String, remedy: String) -> Failure { Failure(.usage, "\(name) cannot hold \(what)", remedy: remedy) }

  /// Where a level's text begins in names `MODEL_sLEVEL` and `sLEVEL`, with the model; nil for other names.
  static func split(_ column: String, letter: Character) -> (model: String, text: Substring)? {
    guard let at = column.lastIndex(of: letter) else { return nil }
    let text = column[column.index(after: at)...]
    if at == column.startIndex { return ("", text) }
    let underscore = column.index(before: at)
    guard column[underscore] == "_", underscore > column.startIndex else { return nil }
    return (String(column[..<underscore]), text)
  }

  static func outside(_ column: String, _ input: String) -> Failure {
    var failure = Header.improper(column, input: input, line: 1)
    if failure.remedy == "rename the column" { failure.remedy = "rename the column, or choose levels with --levels" }
    return failure
  }
}
