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
  /// The names of both.
  let scored: Tally.Scored
  let by: [Int]
  /// The columns of `--order` and `--blocks`.
  let order: TimeColumn?
  let blocks: [Int]
  /// Names of the columns that tell keys apart: those of `by`, and the scale's where there is a transform.
  let keyNames: [String]
  let groups: [QuantileGroup]
  /// Of each scale, one a group.
  let scorers: [[Scorer]]
  /// Names of the scores, the same for every group.
  let columns: [String]
  /// One, or the natural one and the transformed one.
  let scales: [Scale]
  /// Whether values that the transform does not take are refused while reading.
  let transform: LogShift?
  /// Whether targets must be counts.
  let takesCounts: Bool
  /// The column of folds: rows that have one taught.
  let fold: Int?
  /// Whether the table holds copies of rows, which are no rows of their own.
  let hasCopies: Bool

  init(_ session: FilterSession, _ header: Header, _ flags: QScore) throws {
    let target = try session.requiredTarget(header, named: flags.targetOption.target)
    self.target = target
    weight = try flags.weightOption.weight.map { try session.column(header, $0) }
    scored = Tally.Scored(target: header.names[target], weight: flags.weightOption.weight)
    by = try session.columns(header, nameList(flags.by))
    let format = try flags.timeOption.format()
    order = try flags.order.map { TimeColumn(try session.column(header, $0), header, format: format) }
    blocks = try session.columns(header, nameList(flags.blocks))
    takesCounts = flags.counts
    hasCopies = header.index(of: "held") != nil
    groups = try session.groups(header, picked: flags.groupsOption.groups)
    fold = header.index(of: "fold")
    try session.checkRoles(
      header, alone: [("--target", target), ("--weight", weight)],
      shared: [("--by", by), ("--order", [order?.column].compactMap { $0 }), ("--blocks", blocks)])
    let groups = groups
    let intervals =
      try flags.intervals.map { try Interval.parse($0) }
      ?? Interval.standard.filter { interval in groups.contains { interval.indices(in: $0.levels) != nil } }
    let transform = try flags.transform.map(ScoringRoles.parseTransform)
    self.transform = transform
    keyNames = by.map { header.names[$0] } + (transform == nil ? [] : ["scale"])
    scales =
      (flags.append || transform == nil ? [Scale(label: "natural", transform: nil)] : [])
      + (transform.map { [Scale(label: "log_shift:\(shortestText($0.offset))", transform: $0)] } ?? [])
    let scales = scales
    scorers = try scales.map { scale in
      try groups.map {
        Scorer(
          levels: $0.levels, intervals: intervals, requested: Set(flags.requested.map(\.name)),
          followedBy: try flags.thresholdScores(levels: $0.levels, scale: scale.transform))
      }
    }
    columns = scorers[0][0].columns
  }

  private static func parseTransform(_ text: String) throws -> LogShift {
    let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
    guard pieces.count <= 2, pieces[0] == "log_shift", let offset = pieces.count == 2 ? Double(pieces[1]) : 0, let shift = LogShift(offset: offset)
    else {
      throw Failure(.usage, "--transform \(text): not a transform", remedy: "write log_shift:1, with an offset that is not negative")
    }
    return shift
  }

  /// The columns that have no role in scoring.
  func columnsWithoutRole(_ header: Header) -> [Int] {
    let used = Set([target] + [weight, order?.column, fold, header.index(of: "held")].compactMap { $0 } + by + blocks)
    let quantiles = Set(groups.flatMap(\.columns))
    return header.names.indices.filter { !used.contains($0) && !quantiles.contains($0) }
  }

  /// What tells the keys of a row on different scales apart, where there are several.
  func scaleLabel(_ s: Int) -> FieldText? { transform == nil ? nil : FieldText(scales[s].label) }

  static let remedyOfCopies = "qconformal --method cv+ makes one row of them"

  func warnOfCopies(_ session: FilterSession) {
    guard hasCopies else { return }
    session.diagnostics.warn("the table holds copies of rows (column held), and each is scored; \(ScoringRoles.remedyOfCopies)")
  }

  func tally(_ kind: TallyKind) -> Tally {
    Tally(kind: kind, by: keyNames, scored: scored, models: groups.map(\.name), levels: groups.map(\.levels), columns: columns)
  }

  /// For modes that keep no sums and only count what they leave out.
  var counter: Tally { Tally(kind: .scores, by: [], scored: scored, models: groups.map(\.name), levels: groups.map(\.levels), columns: []) }

  func explanation(_ header: Header, _ session: FilterSession) -> [(String, String)] {
    [("target", header.names[target])] + (weight.map { [("weight", header.names[$0])] } ?? []) + by.map { ("by", header.names[$0]) }
      + session.explanation(of: groups) + [("scores", columns.joined(separator: " "))]
  }
}

extension QScore {
  /// The score of outcomes above or below some number; the bounds are told on the natural scale.
  fileprivate func thresholdScores(levels: [Double], scale: LogShift?) throws -> [any Score] {
    guard above != nil || below != nil else { return [] }
    func bound(_ flag: String, _ value: Double?) throws -> Double? {
      guard let value, let scale else { return value }
      if value < 0 { throw Failure(.usage, "\(flag) \(shortestText(value)) is negative, which log_shift does not take") }
      return scale(value)
    }
    let name = [above.map { "above_\(shortestText($0))" }, below.map { "below_\(shortestText($0))" }].compactMap { $0 }.joined(separator: "_")
    let range = (try bound("--above", above) ?? -.infinity)...(try bound("--below", below) ?? .infinity)
    return [ContinuousRankedProbabilityScore(levels: levels, range: range, column: "twcrps_" + name)]
  }
}
