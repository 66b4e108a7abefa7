import Calibration
import FilterKit
import Groundwork
import MethodKit

/// A calibration as it grew: for each time that rows are answered at, the fit on the labelled rows of earlier times.
///
/// Cost: a fit for each such time, so O(T·n) scores for T times of n rows.
struct TimedCalibration {
  private let fits: [Int: any FittedCalibrator]
  /// Steps of the rows that taught, increasing.
  private let taught: [Int]

  /// `steps` are those of the rows of `training`, `asked` those that rows are answered at. `weights` tells with what weights some rows of
  /// `training` teach at a later step; nil is alike.
  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, steps: [Int], asked: Set<Int>,
    weights: @Sendable (_ rows: [Int], _ step: Int) -> [Double]?, keepsWeights: Bool, session: FilterSession
  ) throws {
    let order = steps.indices.sorted { (steps[$0], $0) < (steps[$1], $1) }
    taught = order.map { steps[$0] }
    let (wanted, taught) = (asked.sorted(), taught)
    @Sendable func count(_ step: Int) -> Int { TimedCalibration.rows(of: taught, before: step) }
    if keepsWeights {
      let bytes = wanted.reduce(0.0) { $0 + Double(count($1)) } * 16 * Double(training.levels.count)
      try MemoryNeed.check(bytes, for: "calibrating \(wanted.count) times by weights", remedy: "leave out --weight, or give fewer times")
    }
    let fitted = try parallelMap(wanted.count, threads: session.threads) { k -> any FittedCalibrator in
      let known = Array(order[..<count(wanted[k])])
      let fit = try calibrator.fit(training.selecting(known).weighing(weights(known, wanted[k])), context: FitContext())
      return keepsWeights ? fit : fit.settled(forWeight: 1)
    }
    fits = Dictionary(uniqueKeysWithValues: zip(wanted, fitted))
  }

  private static func rows(of taught: [Int], before step: Int) -> Int { partitionPoint(0..<taught.count) { taught[$0] >= step } }

  /// How many rows taught before a step.
  func rows(before step: Int) -> Int { TimedCalibration.rows(of: taught, before: step) }

  /// What answers rows of a step that was asked for.
  func fitted(at step: Int) -> any FittedCalibrator { fits[step]! }
}
