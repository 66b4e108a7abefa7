import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

/// What the simplex promises where predictions are missing: on all training rows, with the plain mean of the models present where one is missing,
/// global-coarse loses no more than any single model or the average, and global-medium no more than global-coarse.
@Suite struct MissingPredictionTests {
  /// Summed over terms that have an answer, which are the same for all.
  private func loss(_ training: AggregationTraining, _ answer: Matrix) -> Double {
    var sum = 0.0
    for i in training.target.indices {
      for (t, level) in training.levels.enumerated() where !answer[i, t].isNaN {
        sum += pinballLoss(level: level, target: training.target[i], quantile: answer[i, t])
      }
    }
    return sum
  }

  @Test(arguments: [0.1, 0.3, 0.6, 0.85])
  func noSingleModelLosesLessInTraining(_ share: Double) throws {
    for seed in 0..<40 {
      var random = RandomStream(seed: 900 + UInt64(seed))
      let whole = referenceTable(rows: 20, models: 4, levels: 3, seed: 1 + seed)
      let drawn = (0..<20 * 4).map { _ in random.uniform() < share }
      let byLevel = (0..<20 * 4 * 3).map { _ in random.uniform() < share }
      // Models miss whole rows in even tables, and single levels in odd ones.
      let training = whole.mapping { i, j, t, v in (seed % 2 == 0 ? drawn[i * 4 + j] : byLevel[(i * 4 + j) * 3 + t]) ? .nan : v + (j == 1 ? 3 : 0) }
      guard training.predictions.values.contains(where: { !$0.isNaN }) else { continue }
      let coarse = loss(training, try fit(GlobalCoarse.self, training).answer(training.predictions, features: nil))
      let medium = loss(training, try fit(GlobalMedium.self, training).answer(training.predictions, features: nil))
      let average = loss(training, try fit(Average.self, training).answer(training.predictions, features: nil))
      #expect(coarse <= average * (1 + 1e-12))
      #expect(medium <= coarse * (1 + 1e-12))
      for j in 0..<4 {
        // The model where it is there, elsewhere the mean of the others.
        let alone = training.mapping { i, k, t, v in !training.value(i, j, t).isNaN && k != j ? .nan : v }
        let single = loss(training, try fit(Average.self, alone).answer(alone.predictions, features: nil))
        #expect(coarse <= single * (1 + 1e-12), "model \(j), table \(seed)")
      }
    }
  }
}
