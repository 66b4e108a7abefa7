import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Which column does what when rows are scored, and the scores prepared for each group.
struct ScoringRoles {
  let target: Int
  let weight: Int?
  let by: [Int]
  let groups: [QuantileGroup]
  let scorers: [Scorer]
  /// Names of the scores, the same for every group.
  let columns: [String]

  init(_ session: FilterSession, _ header: Header, _ flags: QScore) throws {
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    weight = try flags.weight.map { try session.column(header, $0) }
    by = try session.columns(header, nameList(flags.by))
    groups = try session.groups(header, picked: flags.groups)
    let groups = groups
    let intervals = try flags.intervals.map { try Interval.parse($0) }
      ?? Interval.standard.filter { interval in groups.contains { interval.indices(in: $0.levels) != nil } }
    scorers = groups.map { Scorer(levels: $0.levels, intervals: intervals) }
    columns = scorers[0].columns
  }

  func explanation(_ header: Header, _ session: FilterSession) -> [(String, String)] {
    [("target", header.names[target])] + by.map { ("by", header.names[$0]) } + session.explanation(of: groups) + [("scores", columns.joined(separator: " "))]
  }
}

/// Reads the target and the quantiles of a row.
struct ForecastReader {
  private let header: Header
  private let roles: ScoringRoles
  private let reader = NumberReader()

  init(roles: ScoringRoles, header: Header) {
    self.roles = roles
    self.header = header
  }

  /// NaN where the target is missing.
  func target(_ row: Row) throws -> Double { try row.finiteNumber(roles.target, reader, header) }

  /// 1 where there is no weight column.
  func weight(_ row: Row) throws -> Double {
    guard let column = roles.weight else { return 1 }
    let weight = try row.finiteNumber(column, reader, header)
    guard weight >= 0 else {
      throw Failure(.badData, weight.isNaN ? "the weight is missing" : "the weight is negative", at: .init(column: header.names[column]))
    }
    return weight
  }

  /// Fills `quantiles`, one a level. False where one is missing.
  func read(_ row: Row, _ group: QuantileGroup, into quantiles: UnsafeMutablePointer<Double>) throws -> Bool {
    var isComplete = true
    try group.columns.withUnsafeBufferPointer { columns in
      for k in 0..<columns.count {
        quantiles[k] = try row.number(columns[k], reader, header)
        if quantiles[k].isNaN { isComplete = false }
      }
    }
    return isComplete
  }
}
