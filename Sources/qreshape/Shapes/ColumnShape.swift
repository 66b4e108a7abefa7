import Groundwork
import Tables

/// A format with a column for each level of each model.
protocol ColumnShape {
  /// What `--from` and `--to` call it.
  var name: String { get }
  /// Its shape, for the help.
  var summary: String { get }
  /// Whether column names alone tell this format, so that it need not be asked for.
  var isRecognised: Bool { get }
  /// Whether names hold two decimals of a level, so that what was written may not be what is read.
  var isRounded: Bool { get }
  /// Whether a column's name tells the model.
  var namesModels: Bool { get }

  /// Model and level of a column; nil for a name that is no quantile column's. Throws where the level cannot be told.
  func parse(_ column: String, input: String) throws -> (model: String, level: Double)?

  /// The column of a level. Throws a usage failure where names of this format cannot hold the model or the level.
  func columnName(_ model: String, _ level: Double) throws -> String
}

extension ColumnShape {
  var isRecognised: Bool { true }
  var isRounded: Bool { false }
  var namesModels: Bool { true }

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
}

/// Digits, and where it is allowed a point and more digits, as a number.
func plainDecimal(_ text: Substring, needsPoint: Bool = false) -> Double? {
  let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
  guard (parts.count == 2 || !needsPoint), parts.count <= 2, text.count <= 20, parts.contains(where: { !$0.isEmpty }) else { return nil }
  guard parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }), parts.count == 1 || !parts[1].isEmpty else { return nil }
  return Double("0" + text)
}
