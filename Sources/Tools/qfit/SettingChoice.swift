import FilterKit
import Groundwork
import Learners
import MethodKit
import Quantiles
import Synchronization
import Tables

/// Chooses the settings of a learner among random draws from its search spaces, by out-of-fold weighted interval score: see `SuccessiveHalving`.
struct SettingChoice {
  let trials: Int
  let levels: [Double]
  let seed: UInt64

  /// The learner with the settings that were best on the rows of a fit; the first trial is the learner as it was asked for.
  func choose(_ learner: NamedLearner, _ training: LabelledRows, for fit: FitRows, index: Int, _ session: FilterSession) throws -> NamedLearner {
    let fixed = learner.specification.settings
    guard trials > 1, learner.type.description.isTunable(beside: fixed), training.teaching(fit).count >= 4 else { return learner }
    let title = [learner.name, training.title(fit)].compactMap { $0 }.joined(separator: " ")
    var random = RandomStream(seed: seed, stream: 0x7E57_0000 + UInt64(index))
    let candidates = try (0..<trials).map { t -> NamedLearner in
      var specification = learner.specification
      if t > 0 { specification.settings = learner.type.description.drawSettings(beside: fixed, &random) }
      return try NamedLearner(specification)
    }
    let judged = try candidates.map { candidate -> NamedLearner in
      var specification = candidate.specification
      specification.settings = learner.type.description.trialSettings(of: specification.settings)
      return try NamedLearner(specification)
    }
    let splits = training.splits(fit, seed: seed)
    let chosen = try SuccessiveHalving.choose(
      trials, folds: Array(splits.indices),
      judge: { try losses($0.map { judged[$0] }, mayFail: $0.map { $0 > 0 }, training, splits[$1], session) },
      tell: { alive in
        for trial in alive {
          session.diagnostics.note(
            "\(title): trial \(trial.number): WIS \(shortestText(trial.score)) with \(candidates[trial.number].specification.text)")
        }
      })
    session.diagnostics.note("\(title): tuned to \(candidates[chosen].specification.text)")
    return candidates[chosen]
  }

  private func losses(
    _ learners: [NamedLearner], mayFail: [Bool], _ training: LabelledRows, _ split: RowSplit, _ session: FilterSession
  ) throws -> [SuccessiveHalving.Losses?] {
    let set = training.trainingSet(of: split.teaching)
    let judgedRows = split.judged
    let features = training.features.selecting(judgedRows)
    let progress = Progress("qfit: tuning \(learners[0].name)", quiet: session.options.quiet)
    let done = Atomic<Int>(0)
    return try parallelMap(learners.count, threads: session.threads) { t in
      defer { progress.update(Double(done.add(1, ordering: .relaxed).newValue) / Double(learners.count)) }
      do {
        let answers = try learners[t].learner.fit(set, levels: levels, context: FitContext(seed: seed)).predict(features)
        return judgedRows.enumerated().map { i, row in
          (weightedIntervalScore(levels: levels, quantiles: answers.row(i), target: training.target(of: row)), training.weight(of: row))
        }
      } catch is Failure where mayFail[t] {
        return nil
      }
    }
  }
}
