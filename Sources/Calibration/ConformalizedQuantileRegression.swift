import Groundwork
import Methods
import Quantiles

/// Conformalized quantile regression (Romano, Patterson, Candès 2019, "Conformalized Quantile Regression", §4), for all central
/// intervals at once.
///
/// For the pair of levels (α/2, 1 − α/2) with quantiles (ℓ_i, u_i) and the n rows that have both,
///
///     E_i = max(ℓ_i − y_i, y_i − u_i),   Q = the ⌈(1 − α)(n + 1)⌉-th smallest E_i, or +∞ where that rank exceeds n,
///
/// and the interval becomes [ℓ − Q, u + Q]. If rows are exchangeable it covers with probability at least 1 − α, and at most
/// 1 − α + 1/(n + 1) where scores are distinct.
///
/// Levels are then put in order from the median outwards (`OutwardOrder`). The median and levels without a partner are not
/// corrected but take part. That can only widen an interval, so the lower bound on the coverage of each stays, while the upper
/// bound may not; Q = −∞, all but few intervals being unbounded, is taken as 0 for the same reason.
///
/// Fitting is O(n) expected for each pair, leave-one-out as much for all rows together.
public struct ConformalizedQuantileRegression: Calibrator {
  public static let description = MethodDescription(
    name: "cqr", summary: "split conformal: both ends of a central interval move by one amount")

  public init(settings: Settings) {}

  public init() {}

  /// Throws a usage `Failure` where there are weights: a weighted rank would need the weight of the row to be answered.
  public func fit(_ training: CalibrationTraining, context: FitContext) throws -> any FittedCalibrator {
    let columns = try order(training, context)
    return FittedCQR(levels: training.levels, corrections: columns.map(\.correction), rows: columns.map(\.rows))
  }

  /// Removing a score moves an order statistic by at most one place, so two scores a pair answer for all rows.
  public func leaveOneOut(_ training: CalibrationTraining, context: FitContext) throws -> @Sendable (Int) throws -> any FittedCalibrator {
    let columns = try order(training, context)
    let pairs = LevelPairs(training.levels).pairs
    let full = FittedCQR(levels: training.levels, corrections: columns.map(\.correction), rows: columns.map(\.rows))
    return { i in
      let offset = i * training.levels.count
      var corrections = full.shifts
      var rows = full.rows
      for (k, pair) in pairs.enumerated() {
        let score = conformityScore(
          lower: training.quantiles.values[offset + pair.lower], upper: training.quantiles.values[offset + pair.upper], target: training.target[i])
        if score.isNaN { continue }
        corrections[k] = columns[k].correction(without: score)
        rows[k] -= 1
      }
      return full.replacing(corrections: corrections, rows: rows)
    }
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedCalibrator { try FittedCQR(decoding: &reader) }

  /// The order statistics of a pair's scores that corrections come from.
  private struct OrderedScores {
    /// Number n of scores.
    let rows: Int
    /// Q of all n.
    let correction: Double
    /// At the rank k that n − 1 scores ask for: the k-th and (k + 1)-th smallest of the n; +∞ where k exceeds n − 1.
    let atRank: Double
    let aboveRank: Double

    init(_ scores: inout [Double], lowerKey: Int) {
      rows = scores.count
      let rank = ConformalRank.rank(lowerKey: lowerKey, rows: rows)
      let rankWithout = ConformalRank.rank(lowerKey: lowerKey, rows: rows - 1)
      let rows = rows
      (correction, atRank, aboveRank) = scores.withUnsafeMutableBufferPointer { scores in
        (
          rank > rows ? .infinity : bounded(orderStatistic(scores, rank: rank)),
          rankWithout > rows - 1 ? .infinity : orderStatistic(scores, rank: rankWithout),
          rankWithout > rows - 1 ? .infinity : orderStatistic(scores, rank: rankWithout + 1)
        )
      }
    }

    /// Q of the n − 1 others. Scores that tie with `score` are interchangeable with it.
    func correction(without score: Double) -> Double { bounded(score <= atRank ? aboveRank : atRank) }
  }

  private func order(_ training: CalibrationTraining, _ context: FitContext) throws -> [OrderedScores] {
    if training.weights != nil {
      throw Failure(.usage, "cqr cannot use weights", remedy: "leave out -w")
    }
    let pairs = LevelPairs(training.levels).pairs
    return try parallelMap(pairs.count, threads: context.threads) { k in
      var scores = training.conformityScores(pairs[k])
      return OrderedScores(&scores, lowerKey: pairs[k].lowerKey)
    }
  }
}

/// E = max(ℓ − y, y − u); NaN where a quantile is missing.
private func conformityScore(lower: Double, upper: Double, target: Double) -> Double {
  lower.isNaN || upper.isNaN ? .nan : max(lower - target, target - upper)
}

private func bounded(_ score: Double) -> Double { score == -.infinity ? 0 : score }

extension CalibrationTraining {
  /// Scores of the rows that have both quantiles of the pair, in the order of rows.
  fileprivate func conformityScores(_ pair: LevelPairs.Pair) -> [Double] {
    quantiles.values.withUnsafeBufferPointer { values in
      var scores: [Double] = []
      scores.reserveCapacity(target.count)
      for (i, y) in target.enumerated() {
        let score = conformityScore(lower: values[i * levels.count + pair.lower], upper: values[i * levels.count + pair.upper], target: y)
        if !score.isNaN { scores.append(score) }
      }
      return scores
    }
  }
}
