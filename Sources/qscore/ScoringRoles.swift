import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Which column does what when rows are scored, and the scores prepared for each group.
struct ScoringRoles {
  /// A scale on which targets and quantiles are scored.
  struct Scale {
    let label: String
    /// nil is the scale as read.
    let transform: LogShift?
  }

  let target: Int
  let weight: Int?
  let by: [Int]
  /// Names of the columns that tell parts apart: those of `by`, and the scale's where there is a transform.
  let partNames: [String]
  let groups: [QuantileGroup]
  let scorers: [Scorer]
  /// Names of the scores, the same for every group.
  let columns: [String]
  /// One, or the natural one and the transformed one.
  let scales: [Scale]
  /// Whether values that the transform does not take are refused while reading.
  let transform: LogShift?

  init(_ session: FilterSession, _ header: Header, _ flags: QScore) throws {
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    weight = try flags.weight.map { try session.column(header, $0) }
    by = try session.columns(header, nameList(flags.by))
    groups = try session.groups(header, picked: flags.groups)
    let groups = groups
    let intervals = try flags.intervals.map { try Interval.parse($0) }
      ?? Interval.standard.filter { interval in groups.contains { interval.indices(in: $0.levels) != nil } }
    scorers = groups.map { Scorer(levels: $0.levels, intervals: intervals, followedBy: flags.rankedProbabilityScores(levels: $0.levels)) }
    columns = scorers[0].columns
    transform = try flags.transform.map(ScoringRoles.parseTransform)
    partNames = by.map { header.names[$0] } + (transform == nil ? [] : ["scale"])
    scales = (flags.append || transform == nil ? [Scale(label: "natural", transform: nil)] : [])
      + (transform.map { [Scale(label: "log_shift:\(shortestText($0.offset))", transform: $0)] } ?? [])
    if transform != nil, by.contains(where: { header.names[$0] == "scale" }) {
      throw Failure(.usage, "--by scale names the column that --transform writes", remedy: "rename the column")
    }
  }

  private static func parseTransform(_ text: String) throws -> LogShift {
    let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
    guard pieces.count <= 2, pieces[0] == "log_shift", let offset = pieces.count == 2 ? Double(pieces[1]) : 0, let shift = LogShift(offset: offset) else {
      throw Failure(.usage, "--transform \(text): not a transform", remedy: "write log_shift:1, with an offset that is not negative")
    }
    return shift
  }

  func tally(_ kind: TallyKind) -> Tally {
    Tally(kind: kind, by: partNames, models: groups.map(\.name), levels: groups.map(\.levels), columns: columns)
  }

  /// For modes that keep no sums and only count what they leave out.
  var counter: Tally { Tally(kind: .scores, by: [], models: groups.map(\.name), levels: groups.map(\.levels), columns: []) }

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
  func target(_ row: Row) throws -> Double {
    let target = try row.finiteNumber(roles.target, reader, header)
    try checkScale(target, row, roles.target)
    return target
  }

  /// 1 where there is no weight column.
  func weight(_ row: Row) throws -> Double {
    guard let column = roles.weight else { return 1 }
    let weight = try row.finiteNumber(column, reader, header)
    guard weight >= 0 else {
      throw Failure(.badData, weight.isNaN ? "the weight is missing" : "the weight is negative", at: .init(column: header.names[column]))
    }
    return weight
  }

  /// Fills `quantiles`, one a level, as they stand. False where one is missing. Where the row will be `scored`, the transform must
  /// take them.
  func read(_ row: Row, _ group: QuantileGroup, scored: Bool, into quantiles: UnsafeMutablePointer<Double>) throws -> Bool {
    var isComplete = true
    try group.columns.withUnsafeBufferPointer { columns in
      for k in 0..<columns.count {
        quantiles[k] = try row.number(columns[k], reader, header)
        if quantiles[k].isNaN { isComplete = false }
      }
    }
    if roles.transform != nil, scored, isComplete {
      for (k, column) in group.columns.enumerated() { try checkScale(quantiles[k], row, column) }
    }
    return isComplete
  }

  /// Reads a row's target and quantiles on the one scale: of the target NaN where it is missing.
  func transformedTarget(_ row: Row) throws -> Double {
    let target = try target(row)
    return roles.transform.map { $0(target) } ?? target
  }

  func readTransformed(_ row: Row, _ group: QuantileGroup, scored: Bool, into quantiles: UnsafeMutablePointer<Double>) throws -> Bool {
    let isComplete = try read(row, group, scored: scored, into: quantiles)
    if let transform = roles.transform, scored, isComplete {
      for k in group.levels.indices { quantiles[k] = transform(quantiles[k]) }
    }
    return isComplete
  }

  private func checkScale(_ value: Double, _ row: Row, _ column: Int) throws {
    guard let refusal = roles.transform?.refusal(of: value) else { return }
    throw Failure(
      .badData, "\"\(printable(row.text(column)))\" \(refusal), which log_shift does not take", at: .init(column: header.names[column]),
      remedy: value < 0 ? "raise such values to 0 before" : "write log_shift:1")
  }
}
