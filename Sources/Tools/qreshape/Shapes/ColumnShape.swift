import Groundwork

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

  /// Model and level of a column; nil for a name that is no quantile column's. Throws where the level cannot be told.
  func parse(_ column: String, input: String) throws -> (model: String, level: LevelText)?

  /// Whether quantile columns of these names tell the format by themselves.
  func isTold(by columns: [String]) -> Bool

  /// The column of a level. Throws a usage failure where names of this format cannot hold the model or the level.
  func columnName(_ model: String, _ level: Double) throws -> String
}

extension ColumnShape {
  var isRecognised: Bool { true }
  var shortenings: [Shortening] { [] }
  var namesModels: Bool { true }
  var target: String? { nil }
  func isTold(by columns: [String]) -> Bool { true }

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
    Failure(.badData, "a quantile level is strictly between 0 and 1", at: .init(input: input, line: 1, column: column), remedy: "rename the column")
  }
}
