import Groundwork
import Tables

/// Numbers of a report that are what their column says; others are failures of the row.
enum ReportNumbers {
  static func level(_ value: Double) throws -> Double {
    guard value > 0, value < 1 else { throw Failure(.badData, "\(shortestText(value)) is not a level between 0 and 1", at: .init(column: "level")) }
    return value
  }

  static func rowCount(_ value: Double) throws -> Int {
    guard value >= 1, value == value.rounded(), value < 1e15 else { throw Failure(.badData, "\(shortestText(value)) is not a number of rows", at: .init(column: "n")) }
    return Int(value)
  }

  static func share(_ value: Double, column: String) throws -> Double {
    guard (0...1).contains(value) else { throw Failure(.badData, "\(shortestText(value)) is not a share of rows", at: .init(column: column)) }
    return value
  }
}
