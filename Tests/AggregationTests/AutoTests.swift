import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

@Suite struct AutoTests {
  private func settled(_ training: AggregationTraining, folds: Int = 5, threads: Int = 1) throws -> SettledMethod {
    try Auto.settle(
      Settings(of: Auto.description),
      Settling(training, folds: training.target.indices.map { $0 % folds }, budget: .usual, context: FitContext(threads: threads)))
  }

  private func without(features training: AggregationTraining) -> AggregationTraining {
    AggregationTraining(predictions: training.predictions, target: training.target, weights: training.weights)
  }

  private let levels = [0.2, 0.5, 0.8]

  /// p models that are the truth and noise of their own.
  private func exchangeable(_ n: Int, models p: Int, seed: UInt64) -> AggregationTraining {
    var random = RandomStream(seed: seed)
    func noise() -> Double { NormalDistribution.quantile(0.001 + 0.998 * random.uniform()) }
    let target = (0..<n).map { _ in noise() }
    return without(
      features: table(
        levels, target,
        (0..<n * p).flatMap { _ in
          let error = 0.1 * noise()
          return levels.map { NormalDistribution.quantile($0) + error }
        }))
  }

  @Test(arguments: 1...3) func modelsThatAreAlikeAreAveraged(_ seed: UInt64) throws {
    #expect(try ["average", "median", "pool"].contains(settled(exchangeable(300, models: 4, seed: seed)).name))
  }

  /// One model is far off, so weights are worth it.
  @Test func aBadModelIsLeftOut() throws {
    let good = exchangeable(300, models: 3, seed: 4)
    let training = good.mapping { _, j, _, v in j == 1 ? v + 5 : v }
    #expect(!["average", "pool"].contains(try settled(training).name))
  }

  /// Model a is right where x < 0 and model b elsewhere, so no constant weights are any good.
  @Test func weightsAreLocalWhereTheyMustBe() throws {
    var random = RandomStream(seed: 5)
    let x = (0..<120).map { _ in 2 * random.uniform() - 1 }
    let target = x.map { $0 + 0.3 * (random.uniform() - 0.5) }
    let values = x.flatMap { x in
      [x < 0, x >= 0].flatMap { isRight in levels.map { x + 0.3 * ($0 - 0.5) + (isRight ? 0 : random.below(2) == 0 ? -3 : 3) } }
    }
    let training = AggregationTraining(
      predictions: predictions(levels, rows: 120, models: 2, values), target: target,
      features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 120))
    #expect(try settled(training, folds: 2, threads: 2).name.hasPrefix("local-"))
  }

  @Test func theChoiceDoesNotDependOnThreads() throws {
    for seed in 6...8 {
      let training = without(features: referenceTable(rows: 80, models: 4, levels: 3, seed: seed))
      let one = try settled(training)
      for threads in [2, 7] { #expect(try settled(training, threads: threads).text == one.text) }
    }
  }

  /// With one model, one row or one fold there is nothing to compare.
  @Test func whereNothingCanBeComparedTheAverageIsTaken() throws {
    #expect(try settled(exchangeable(20, models: 1, seed: 1)).name == "average")
    #expect(try settled(exchangeable(20, models: 3, seed: 1), folds: 1).name == "average")
    let one = exchangeable(1, models: 2, seed: 1)
    let answer = try fit(Auto.self, one).answer(one.predictions, features: nil)
    #expect(abs(answer[0, 1] - (one.value(0, 0, 1) + one.value(0, 1, 1)) / 2) < 1e-12)
  }

  /// Fitting it as any other method draws folds of its own.
  @Test func itFitsWhatItChooses() throws {
    let training = exchangeable(100, models: 3, seed: 2)
    let fitted = try fit(Auto.self, training)
    #expect(fitted.answer(training.predictions, features: nil).values.allSatisfy { $0.isFinite })
    var reader = ByteReader(encoded(fitted))
    #expect(throws: Failure.self) { try Auto.decode(&reader) }
  }
}

/// Settings of local methods, chosen out of fold.
@Suite struct LocalTuningTests {
  private func settled(_ training: AggregationTraining, _ budget: TuningBudget, fixed: [String: String], threads: Int = 1) throws -> (
    SettledMethod, [String]
  ) {
    nonisolated(unsafe) var notes: [String] = []
    let method = try LocalMedium.settle(
      Settings(fixed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, of: LocalMedium.description),
      Settling(
        training, folds: training.target.indices.map { $0 % 3 }, budget: budget, context: FitContext(threads: threads, note: { notes.append($0) })))
    return (method, notes)
  }

  private let training = referenceTable(rows: 60, models: 3, levels: 3, seed: 4)
  private let cheap = ["steps": "30", "layers": "1", "networks": "1"]

  @Test func whatIsGivenStaysAndWhatIsTriedIsTold() throws {
    let (method, notes) = try settled(training, .trials(4), fixed: cheap)
    for (key, value) in cheap { #expect(method.settings.contains { $0.key == key && $0.value == value }) }
    let searched = LocalMedium.description.settings.filter { $0.search != nil }.map(\.name)
    #expect(Set(method.settings.map(\.key)).isSubset(of: searched + cheap.keys))
    #expect(notes.filter { $0.hasPrefix("trial ") }.count >= 4)
  }

  @Test func theChoiceDoesNotDependOnThreads() throws {
    let one = try settled(training, .trials(4), fixed: cheap)
    for threads in [2, 7] {
      let other = try settled(training, .trials(4), fixed: cheap, threads: threads)
      #expect(other.0.text == one.0.text && other.1 == one.1)
    }
  }

  /// Less time tries less, none at all where a single trial takes it.
  @Test func timeBuysTrials() throws {
    func trials(_ seconds: Double) throws -> Int {
      let (_, notes) = try settled(training, .seconds(seconds), fixed: cheap.merging(["hidden": "32"]) { $1 })
      return Set(notes.compactMap { $0.hasPrefix("trial ") ? $0.prefix(8) : nil }).count
    }
    let cost = LocalMedium.fitSeconds(
      try Settings([("steps", "30"), ("layers", "1"), ("networks", "1"), ("hidden", "32")], of: LocalMedium.description), training)
    #expect(try trials(cost) == 0)
    #expect(try trials(8 * cost) == 4)
  }
}
