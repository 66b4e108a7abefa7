import FilterKit
import Groundwork
import Learners
import Methods
import Quantiles
import Tables

/// Chooses the settings of a learner among random draws from its search spaces, by out-of-fold weighted interval score.
///
/// Successive halving over the folds (Jamieson and Talwalkar 2016, "Non-stochastic best arm identification"): all trials are
/// fitted without the first fold, the better half of them without the second too, and so on, until one is left or every
/// fold was held out. The first trial is the learner as it was asked for, so tuning never does worse on these folds.
struct Tuning {
  private struct Trial {
    let number: Int
    let learner: NamedLearner
    var loss = 0.0
    var weight = 0.0
    var score: Double { loss / weight }
  }

  let trials: Int
  let levels: [Double]
  let seed: UInt64

  /// The learner with the settings that were best.
  func tuned(_ learner: NamedLearner, _ training: LabelledRows, index: Int, _ session: FilterSession) throws -> NamedLearner {
    let fixed = learner.specification.settings
    guard trials > 1, learner.type.description.isTunable(beside: fixed), training.rows.count >= 4 else { return learner }
    var random = RandomStream(seed: seed, stream: 0x7E57_0000 + UInt64(index))
    var alive = try (0..<trials).map { t -> Trial in
      var specification = learner.specification
      if t > 0 { specification.settings = learner.type.description.drawSettings(beside: fixed, &random) }
      return Trial(number: t, learner: try NamedLearner(specification))
    }
    let foldOfRow = training.folds.isEmpty
      ? drawFolds(min(5, training.rows.count), labelled: training.rows, rows: training.foldOfRow.count, seed: seed)! : training.foldOfRow
    for fold in Set(training.rows.map { foldOfRow[$0] }).sorted() where alive.count > 1 {
      alive = try scored(alive, training, foldOfRow, fold, session)
      alive.sort { ($0.score, $0.number) < ($1.score, $1.number) }
      for trial in alive { session.diagnostics.note("\(learner.name): trial \(trial.number): WIS \(shortestText(trial.score)) with \(trial.learner.specification.text)") }
      alive.removeLast(alive.count / 2)
    }
    session.diagnostics.note("\(learner.name): tuned to \(alive[0].learner.specification.text)")
    return alive[0].learner
  }

  /// The trials with the loss on one more fold. A trial that cannot be fitted loses.
  private func scored(_ alive: [Trial], _ training: LabelledRows, _ foldOfRow: [Int], _ fold: Int, _ session: FilterSession) throws -> [Trial] {
    let set = training.trainingSet(of: training.rows.filter { foldOfRow[$0] != fold })
    let held = training.rows.filter { foldOfRow[$0] == fold }
    let features = training.features.selecting(held)
    let progress = Progress("qfit: tuning \(alive[0].learner.name)", quiet: session.options.quiet)
    let meter = Monitor()
    var done = 0
    return try parallelMap(alive.count, threads: session.threads) { t in
      var trial = alive[t]
      do {
        let answers = try trial.learner.learner.fit(set, levels: levels, context: FitContext(seed: seed)).predict(features)
        for (i, row) in held.enumerated() {
          let weight = training.weight(of: row)
          trial.loss += weight * weightedIntervalScore(levels: levels, quantiles: answers.row(i), target: training.target(of: row))
          trial.weight += weight
        }
      } catch is Failure where trial.number > 0 {
        trial.loss = .infinity
        trial.weight = 1
      }
      meter.locked {
        done += 1
        progress.update(Double(done) / Double(alive.count))
      }
      return trial
    }
  }
}
