import Aggregation
import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

@Suite struct RegressionAveragingTests {
  /// The learner `linear` fitted, level by level, on the predictions as features.
  @Test func qraIsLinearQuantileRegressionOnThePredictions() throws {
    for weights in [nil, (0..<90).map { 1 + Double($0 % 4) }] as [[Double]?] {
      let training = referenceTable(rows: 90, models: 4, levels: 5, seed: 3, weights: weights)
      let answer = try fit(QuantileRegressionAveraging.self, training).answer(training.predictions, features: nil)
      for (t, level) in training.levels.enumerated() {
        let features = FeatureTable(
          names: ["a", "b", "c", "d"], columns: (0..<4).map { j in .numeric((0..<90).map { training.value($0, j, t) }) }, rows: 90)
        let linear = try Linear(settings: try Settings(of: Linear.description)).fit(
          TrainingSet(features: features, target: training.target, weights: weights), levels: [level], context: FitContext())
        let expected = linear.predict(features)
        for i in 0..<90 { #expect(abs(answer[i, t] - expected[i, 0]) < 1e-9 * (1 + abs(expected[i, 0]))) }
      }
    }
  }

  @Test func freeCoefficientsMendASharedBiasAndSpread() throws {
    let training = referenceTable(rows: 200, models: 3, levels: 5, seed: 3)
    let biased = training.mapping { _, _, _, v in 5 + 3 * v }
    let a = try fit(QuantileRegressionAveraging.self, training).answer(training.predictions, features: nil)
    let b = try fit(QuantileRegressionAveraging.self, biased).answer(biased.predictions, features: nil)
    for (x, y) in zip(a.values, b.values) { #expect(abs(x - y) < 1e-8) }
    let c = try fit(FactorQuantileRegressionAveraging.self, training, ["factors": "2"]).answer(training.predictions, features: nil)
    let d = try fit(FactorQuantileRegressionAveraging.self, biased, ["factors": "2"]).answer(biased.predictions, features: nil)
    for (x, y) in zip(c.values, d.values) { #expect(abs(x - y) < 1e-8) }
  }

  /// As many factors as independent predictions span the same columns, so the same regression.
  @Test func allFactorsOfOneLevelAreQRA() throws {
    let training = referenceTable(rows: 80, models: 4, levels: 1, seed: 3)
    let qra = try fit(QuantileRegressionAveraging.self, training).answer(training.predictions, features: nil)
    let fqra = try fit(FactorQuantileRegressionAveraging.self, training, ["factors": "4"]).answer(training.predictions, features: nil)
    for (x, y) in zip(qra.values, fqra.values) { #expect(abs(x - y) < 1e-9) }
  }

  @Test func fewerRowsThanModelsInterpolate() throws {
    let training = referenceTable(rows: 4, models: 7, levels: 3, seed: 2)
    let answer = try fit(QuantileRegressionAveraging.self, training).answer(training.predictions, features: nil)
    #expect(training.loss(answer) < 1e-10)
  }

  /// A missing prediction counts as the mean of the others, in training and in answering, and is said once.
  @Test func theOthersStandInForAMissingModel() throws {
    let training = referenceTable(rows: 60, models: 3, levels: 3, seed: 5)
    let gaps = training.mapping { i, j, _, v in j == 1 && i % 6 == 0 ? .nan : v }
    let filled = training.mapping { i, j, t, v in j == 1 && i % 6 == 0 ? (training.value(i, 0, t) + training.value(i, 2, t)) / 2 : v }
    for method in [QuantileRegressionAveraging.self, FactorQuantileRegressionAveraging.self] as [any Aggregator.Type] {
      nonisolated(unsafe) var warnings: [String] = []
      let a = try fit(method, gaps) { warnings.append($0) }.answer(gaps.predictions, features: nil)
      let b = try fit(method, filled).answer(filled.predictions, features: nil)
      for (x, y) in zip(a.values, b.values) { #expect(abs(x - y) < 1e-9) }
      #expect(warnings == ["10 training rows lack predictions (of b): the mean of the other models stood in for them"])
    }
  }
}
