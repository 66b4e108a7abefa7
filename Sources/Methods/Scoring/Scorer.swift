/// The scores of one set of levels, all at once.
public struct Scorer: Sendable {
  /// Names of the columns: `wis`, `dispersion`, …; the same for all sets of levels.
  public let columns: [String]
  /// Those that tell which forecast is better; see `Score.losses`.
  public let losses: [String]
  private let levels: Int
  private let scores: [(score: any Score, offset: Int)]

  /// The families of `registry` that are always reported and those that `requested` names.
  ///
  /// - levels: increasing, at least one; intervals: as asked for, or `Interval.standard(heldBy:)`.
  /// - others: scores prepared for the same levels, to put after those of the registry.
  public init(
    levels: [Double], intervals: [Interval], requested: Set<String> = [], followedBy others: [any Score] = [],
    registry: [any Score.Type] = scoreRegistry
  ) {
    let families = registry.filter { $0.description.request == nil || requested.contains($0.description.name) }
    var columns: [String] = []
    var scores: [(any Score, Int)] = []
    for score in families.map({ $0.init(levels: levels, intervals: intervals) }) + others {
      scores.append((score, columns.count))
      columns += score.columns
    }
    self.levels = levels.count
    self.columns = columns
    losses = scores.flatMap { $0.0.losses }
    self.scores = scores
  }

  /// As `Score.evaluate`, into `columns.count` values. O(m).
  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    for (score, offset) in scores { score.evaluate(quantiles: quantiles, target: target, into: values + offset) }
  }

  /// The scores of one row, a value a column.
  public func evaluate(quantiles: [Double], target: Double) -> [Double] {
    precondition(quantiles.count == levels)
    return [Double](unsafeUninitializedCapacity: columns.count) { values, filled in
      quantiles.withUnsafeBufferPointer { evaluate(quantiles: $0.baseAddress!, target: target, into: values.baseAddress!) }
      filled = columns.count
    }
  }
}
