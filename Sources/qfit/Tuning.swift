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
/// fold was held out. The first trial is the learner as it was asked for. It stays to the end, and another replaces it only where the mean
/// difference of their scores on the same rows is over one standard error: the least of many noisy scores flatters itself
/// (Breiman, Friedman, Olshen, Stone 1984, section 3.4.3, the rule of one standard error).
struct Tuning {
  private struct Trial {
    let number: Int
    let learner: NamedLearner
    /// Weighted, of each row held out.
    var losses: [Double] = []
    var weight = 0.0
    var score: Double { losses.reduce(0, +) / weight }

    /// Whether the score is better than that of `other` by over a standard error.
    func clearlyBeats(_ other: Trial) -> Bool {
      let gains = zip(other.losses, losses).map { $0 - $1 }
      let n = Double(gains.count)
      let mean = gains.reduce(0, +) / n
      let squares = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return n > 1 && mean > (squares / (n * (n - 1))).squareRoot()
    }
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
      let asked = alive.first { $0.number == 0 }!
      alive.removeLast(alive.count / 2)
      if !alive.contains(where: { $0.number == 0 }) { alive.append(asked) }
    }
    let asked = alive.first { $0.number == 0 }!
    let chosen = alive[0].clearlyBeats(asked) ? alive[0] : asked
    session.diagnostics.note("\(learner.name): tuned to \(chosen.learner.specification.text)")
    return chosen.learner
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
          trial.losses.append(weight * weightedIntervalScore(levels: levels, quantiles: answers.row(i), target: training.target(of: row)))
          trial.weight += weight
        }
      } catch is Failure where trial.number > 0 {
        trial.losses = [.infinity]
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
