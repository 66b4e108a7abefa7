import Calibration
import FilterKit
import Groundwork
import MethodKit

/// A calibration as it grew: for each fit in order of time that answers rows, the one on the labelled rows that were known by then.
///
/// Cost: O(T·n) scores for T fits of n rows.
struct TimedCalibration {
  /// Under nil what answers rows that nothing was known before: a calibration on no rows.
  private let fits: [Int?: any FittedCalibrator]
  private let counts: [Int?: Int]

  /// `rows` are those of `training` in the table, `asked` the fits that answer rows. `weights` tells with what weights some rows of
  /// `training` teach at a later step; nil is alike.
  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, rows: [Int], _ timed: TimedFits, asked: Set<Int?>,
    weights: @Sendable (_ rows: [Int], _ step: Int) -> [Double]?, keepsWeights: Bool, session: FilterSession
  ) throws {
    let wanted = asked.sorted { ($0 ?? -1) < ($1 ?? -1) }
    let steps = wanted.map { $0.map { timed.steps[$0] } ?? 0 }
    let counts = wanted.indices.map { k in wanted[k] == nil ? 0 : rows.count { timed.teaches($0, at: steps[k]) } }
    if keepsWeights {
      let bytes = counts.reduce(0.0) { $0 + Double($1) } * 16 * Double(training.levels.count)
      try MemoryNeed.check(bytes, for: "calibrating \(wanted.count) times by weights", remedy: "leave out --weight, or give fewer times")
    }
    let fitted = try parallelMap(wanted.count, threads: session.threads) { k -> any FittedCalibrator in
      let known = wanted[k] == nil ? [] : rows.indices.filter { timed.teaches(rows[$0], at: steps[k]) }
      let fit = try calibrator.fit(training.selecting(known).weighing(weights(known, steps[k])), context: FitContext())
      return keepsWeights ? fit : fit.settled(forWeight: 1)
    }
    fits = Dictionary(uniqueKeysWithValues: zip(wanted, fitted))
    self.counts = Dictionary(uniqueKeysWithValues: zip(wanted, counts))
  }

  /// How many rows taught a fit that was asked for.
  func rows(_ fit: Int?) -> Int { counts[fit]! }

  /// What answers rows of a fit that was asked for.
  func fitted(_ fit: Int?) -> any FittedCalibrator { fits[fit]! }
}
