import Groundwork
import MethodKit
import Quantiles

/// Split conformal prediction with the scores of a measure, for all its bounds at once.
///
/// Of the n rows that have a score E_i for a bound of coverage 1 − α,
///
///     Q = the ⌈(1 − α)(n + 1)⌉-th smallest E_i, or +∞ where that rank exceeds n,
///
/// and the answer is the measure's set at Q. If rows are exchangeable it covers with probability at least 1 − α, and at most
/// 1 − α + 1/(n + 1) where scores are distinct. With weights Q is the weighted quantile of `WeightedScores`.
///
/// Levels are then put in order by moves that tighten no bound, so the lower limit of each coverage stays, while the upper one may
/// not; Q = −∞, all but few sets being unbounded, moves nothing for the same reason.
///
/// Fitting is O(n) expected for each bound (O(n log n) with weights), leave-one-out as much for all rows together.
public struct SplitConformal<Measure: ConformityMeasure>: Calibrator {
  public static var description: MethodDescription { Measure.description }
  private let settings: Settings

  public init(settings: Settings) { self.settings = settings }

  /// With the default settings.
  public init() { settings = try! Settings(of: Measure.description) }

  public var makesIntervals: Bool { Measure.makesIntervals(settings) }
  public var needsWeights: Bool { Measure.needsWeights }

  public func fit(_ training: CalibrationTraining, context: FitContext) throws -> any FittedCalibrator {
    let (measure, rows) = try prepared(training)
    if training.weights != nil { return try fitWeighted(measure, rows, context) }
    let columns = try order(measure, rows, context)
    return FittedSplitConformal(levels: rows.levels, measure: measure, thresholds: columns.map(\.threshold), rows: columns.map(\.rows))
  }

  /// Removing a score moves an order statistic by at most one place, so two scores a bound answer for all rows.
  public func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> LeaveOneOut {
    let (measure, rows) = try prepared(training)
    if let weights = rows.weights {
      let full = try fitWeighted(measure, rows, context)
      return LeaveOneOut(full: full) { i in full.removing(scores: rows.scores(measure, row: i), weight: weights[i]) }
    }
    let columns = try order(measure, rows, context)
    let full = FittedSplitConformal(levels: rows.levels, measure: measure, thresholds: columns.map(\.threshold), rows: columns.map(\.rows))
    return LeaveOneOut(full: full) { i in
      let scores = rows.scores(measure, row: i)
      return full.replacing(
        thresholds: scores.indices.map { scores[$0].isNaN ? columns[$0].threshold : columns[$0].threshold(without: scores[$0]) },
        rows: scores.indices.map { columns[$0].rows - (scores[$0].isNaN ? 0 : 1) })
    }
  }

  public func decode(_ reader: inout ByteReader) throws -> any FittedCalibrator {
    try FittedSplitConformal<Measure>(decoding: &reader, settings: settings)
  }

  func measure(levels: [Double]) throws -> Measure { try Measure(levels: levels, settings: settings) }

  /// The measure, and the rows as it wants them.
  func prepared(_ training: CalibrationTraining) throws -> (measure: Measure, rows: CalibrationTraining) {
    let measure = try measure(levels: training.levels)
    return (measure, training.ordered(by: measure))
  }

  private func order(_ measure: Measure, _ rows: CalibrationTraining, _ context: FitContext) throws -> [OrderedScores] {
    let distinct = measure.bounds.indices.filter { measure.firstBound(scoringAs: $0) == $0 }
    let found = try parallelMap(distinct.count, threads: context.threads) { d in
      var scores = rows.scores(measure, bound: distinct[d])
      scores.removeAll(where: \.isNaN)
      let alike = measure.bounds.indices.filter { measure.firstBound(scoringAs: $0) == distinct[d] }
      // A sort costs as much as some ten order statistics.
      if alike.count > 4 { scores.sort() }
      return alike.map { k in (bound: k, scores: OrderedScores(&scores, isSorted: alike.count > 4, coverage: measure.bounds[k].coverage)) }
    }
    return found.joined().sorted { $0.bound < $1.bound }.map(\.scores)
  }

  private func fitWeighted(_ measure: Measure, _ rows: CalibrationTraining, _ context: FitContext) throws -> FittedSplitConformal<Measure> {
    let columns = try parallelMap(measure.bounds.count, threads: context.threads) { k in
      WeightedScores(rows.scores(measure, bound: k), weights: rows.weights!, unit: rows.weightUnit)
    }
    return FittedSplitConformal(levels: rows.levels, measure: measure, weighted: columns, typicalWeight: rows.typicalWeight)
  }
}

/// The order statistics of a bound's scores that thresholds come from.
private struct OrderedScores {
  /// Number n of scores.
  let rows: Int
  /// Q of all n.
  let threshold: Double
  /// At the rank k that n − 1 scores ask for: the k-th and (k + 1)-th smallest of the n; +∞ where k exceeds n − 1.
  let atRank: Double
  let aboveRank: Double

  init(_ scores: inout [Double], isSorted: Bool, coverage: Level) {
    rows = scores.count
    let rank = ConformalRank.rank(coverage: coverage, rows: rows)
    let rankWithout = ConformalRank.rank(coverage: coverage, rows: rows - 1)
    let rows = rows
    (threshold, atRank, aboveRank) = scores.withUnsafeMutableBufferPointer { scores in
      func statistic(_ rank: Int) -> Double { isSorted ? scores[rank - 1] : orderStatistic(scores, rank: rank) }
      return (
        // Zeros tie whatever their sign, and which one comes out must not depend on the order of rows.
        rank > rows ? .infinity : statistic(rank) + 0,
        rankWithout > rows - 1 ? .infinity : statistic(rankWithout),
        rankWithout > rows - 1 ? .infinity : statistic(rankWithout + 1)
      )
    }
  }

  /// Q of the n − 1 others. Scores that tie with `score` are interchangeable with it.
  func threshold(without score: Double) -> Double { score <= atRank ? aboveRank : atRank }
}
