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

  /// `steps` are those of the rows of `training`, `asked` those that rows are answered at. `weights` tells with what weights rows of these steps
  /// teach a later one; nil is alike.
  init(
    _ calibrator: any Calibrator, _ training: CalibrationTraining, steps: [Int], asked: Set<Int>, weights: (([Int], Int) -> [Double])?,
    keepsWeights: Bool, session: FilterSession
  ) throws {
    let order = steps.indices.sorted { (steps[$0], $0) < (steps[$1], $1) }
    let taught = order.map { steps[$0] }
    self.taught = taught
    // How many rows taught before a step.
    @Sendable func known(_ step: Int) -> Int { partitionPoint(0..<taught.count) { taught[$0] >= step } }
    let wanted = asked.sorted()
    let weightsOf = wanted.map { step in weights?(Array(order[..<known(step)]), step) }
    if keepsWeights {
      let bytes = wanted.reduce(0.0) { $0 + Double(known($1)) } * 16 * Double(training.levels.count)
      try MemoryNeed.check(bytes, for: "calibrating \(wanted.count) times by weights", remedy: "leave out --weight, or give fewer times")
    }
    let fitted = try parallelMap(wanted.count, threads: session.threads) { [wanted] k -> any FittedCalibrator in
      let part = training.selecting(Array(order[..<known(wanted[k])]))
      let rows = CalibrationTraining(
        levels: part.levels, quantiles: part.quantiles, target: part.target, weights: weightsOf[k], weightUnit: part.weightUnit,
        typicalWeight: part.typicalWeight,
        features: part.features)
      let fit = try calibrator.fit(rows, context: FitContext())
      return keepsWeights ? fit : fit.settled(forWeight: 1)
    }
    fits = Dictionary(uniqueKeysWithValues: zip(wanted, fitted))
  }

  /// How many rows taught before a step.
  func rows(before step: Int) -> Int { partitionPoint(0..<taught.count) { taught[$0] >= step } }

  /// What answers rows of a step that was asked for.
  func fitted(at step: Int) -> any FittedCalibrator { fits[step]! }
}
