import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

@Suite struct AutoTests {
  private func chosen(_ training: AggregationTraining, folds: Int = 5, threads: Int = 1) throws -> ChosenMethod {
    try Auto.choose(
      Settings(of: Auto.description),
      ChoiceContext(
        training, splits: RowSplit.folds(training.target.indices.map { $0 % folds }), budget: .usual, context: FitContext(threads: threads)))
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
    #expect(try ["average", "median", "pool"].contains(chosen(exchangeable(300, models: 4, seed: seed)).name))
  }

  /// One model is far off, so weights are worth it.
  @Test func aBadModelIsLeftOut() throws {
    let good = exchangeable(300, models: 3, seed: 4)
    let training = good.mapping { _, j, _, v in j == 1 ? v + 5 : v }
    #expect(!["average", "pool"].contains(try chosen(training).name))
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
    #expect(try chosen(training, folds: 2, threads: 2).name.hasPrefix("local-"))
  }

  @Test func theChoiceDoesNotDependOnThreads() throws {
    for seed in 6...8 {
      let training = without(features: referenceTable(rows: 80, models: 4, levels: 3, seed: seed))
      let one = try chosen(training)
      for threads in [2, 7] { #expect(try chosen(training, threads: threads).text == one.text) }
    }
  }

  /// With one model, one row or one fold there is nothing to compare.
  @Test func whereNothingCanBeComparedTheAverageIsTaken() throws {
    #expect(try chosen(exchangeable(20, models: 1, seed: 1)).name == "average")
    #expect(try chosen(exchangeable(20, models: 3, seed: 1), folds: 1).name == "average")
    let one = exchangeable(1, models: 2, seed: 1)
    let answer = try fit(Auto.self, one).answer(one.predictions, features: nil)
    #expect(abs(answer[0, 1] - (one.value(0, 0, 1) + one.value(0, 1, 1)) / 2) < 1e-12)
  }

  /// A method that nothing but the registry knows is tried in its place: chosen where it is the simplest of the best, told of where it is not.
  @Test func whatIsRegisteredIsACandidate() throws {
    // The target is the square of what the models say.
    let x = (0..<30).map { Double($0 % 10) }
    let training = without(features: table(levels, x.map { $0 * $0 }, x.flatMap { [Double](repeating: $0, count: 2 * levels.count) }))
    let known = aggregatorRegistry.count { $0.complexity != nil && !$0.needsFeatures }
    for (type, isChosen) in [(Informed.self, true), (Uninformed.self, false)] as [(any Aggregator.Type, Bool)] {
      nonisolated(unsafe) var notes: [String] = []
      let method = try Auto.choose(
        Settings(of: Auto.description),
        ChoiceContext(
          training, splits: RowSplit.folds((0..<30).map { $0 % 3 }), budget: .usual, context: FitContext(note: { notes.append($0) }),
          registry: aggregatorRegistry + [type]))
      #expect((method.name == type.description.name) == isChosen, "\(method.name)")
      #expect(notes.filter { $0.hasPrefix("auto: ") }.count == known + 1)
      // Of equal complexity it comes after those that were registered before.
      let names = notes.compactMap { $0.split(separator: " ").dropFirst().first?.prefix { $0 != ":" } }
      #expect(names.firstIndex(of: type.description.name[...]) == 3)
    }
  }

  /// Three methods that learn nothing, then the one with a choice to make, and so on to local weights.
  @Test func candidatesAreTriedFromTheSimplest() throws {
    nonisolated(unsafe) var notes: [String] = []
    _ = try Auto.choose(
      Settings(of: Auto.description),
      ChoiceContext(
        referenceTable(rows: 12, models: 2, levels: 2, seed: 1), splits: RowSplit.folds((0..<12).map { $0 % 2 }), budget: .usual,
        context: FitContext(note: { notes.append($0) })))
    #expect(
      notes.compactMap { $0.split(separator: " ").dropFirst().first?.prefix { $0 != ":" } } == [
        "average", "median", "pool", "best", "global-coarse", "fqra", "qra", "global-medium", "global-fine", "local-coarse", "local-medium",
        "local-fine",
      ])
  }

  /// Fitting it as any other method draws folds of its own.
  @Test func itFitsWhatItChooses() throws {
    let training = exchangeable(100, models: 3, seed: 2)
    let fitted = try fit(Auto.self, training)
    #expect(fitted.answer(training.predictions, features: nil).values.allSatisfy { $0.isFinite })
    var reader = ByteReader(encoded(fitted))
    #expect(throws: Failure.self) { try Auto.fitted.init(decoding: &reader) }
  }
}

/// Answers the square of the first model, and its negative.
private typealias Informed = Square<Plus>
private typealias Uninformed = Square<Minus>

private protocol Sign: Sendable { static var sign: Double { get } }
private enum Plus: Sign { static let sign = 1.0 }
private enum Minus: Sign { static let sign = -1.0 }

private struct Square<S: Sign>: Aggregator, FittedAggregator {
  static var description: MethodDescription { MethodDescription(name: "square\(S.sign)", summary: "") }
  static var learns: Bool { false }
  static var complexity: Int? { 0 }

  init(settings: Settings) {}
  func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator { self }
  static var fitted: any FittedAggregator.Type { Self.self }

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let m = predictions.levels.count
    let values = (0..<predictions.rows * m).map { predictions.values[$0 / m * predictions.models.count * m + $0 % m] }
    return Matrix(rows: predictions.rows, columns: m, values: values.map { S.sign * $0 * $0 })
  }
  func fits(_ inputs: CombinedInputs) -> Bool { true }
  func encode(into writer: inout ByteWriter) {}
  init(decoding reader: inout ByteReader) {}
  var summary: [(key: String, value: String)] { [] }
}

/// Settings of local methods, chosen out of fold.
@Suite struct LocalChoiceTests {
  private func chosen(_ training: AggregationTraining, _ budget: ChoiceBudget, fixed: [String: String], threads: Int = 1) throws -> (
    ChosenMethod, [String]
  ) {
    nonisolated(unsafe) var notes: [String] = []
    let method = try LocalMedium.choose(
      Settings(fixed.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, of: LocalMedium.description),
      ChoiceContext(
        training, splits: RowSplit.folds(training.target.indices.map { $0 % 3 }), budget: budget,
        context: FitContext(threads: threads, note: { notes.append($0) })))
    return (method, notes)
  }

  private let training = referenceTable(rows: 60, models: 3, levels: 3, seed: 4)
  private let cheap = ["steps": "30", "layers": "1", "networks": "1"]

  @Test func whatIsGivenStaysAndWhatIsTriedIsTold() throws {
    let (method, notes) = try chosen(training, .trials(4), fixed: cheap)
    for (key, value) in cheap { #expect(method.settings.contains { $0.key == key && $0.value == value }) }
    let searched = LocalMedium.description.settings.filter { $0.search != nil }.map(\.name)
    #expect(Set(method.settings.map(\.key)).isSubset(of: searched + cheap.keys))
    #expect(notes.filter { $0.hasPrefix("trial ") }.count >= 4)
  }

  @Test func theChoiceDoesNotDependOnThreads() throws {
    let one = try chosen(training, .trials(4), fixed: cheap)
    for threads in [2, 7] {
      let other = try chosen(training, .trials(4), fixed: cheap, threads: threads)
      #expect(other.0.text == one.0.text && other.1 == one.1)
    }
  }

  /// Less time tries less, none at all where a single trial takes it.
  @Test func timeBuysTrials() throws {
    func trials(_ seconds: Double) throws -> Int {
      let (_, notes) = try chosen(training, .seconds(seconds), fixed: cheap.merging(["hidden": "32"]) { $1 })
      return Set(notes.compactMap { $0.hasPrefix("trial ") ? $0.prefix(8) : nil }).count
    }
    let cost = LocalMedium.fitSeconds(
      try Settings([("steps", "30"), ("layers", "1"), ("networks", "1"), ("hidden", "32")], of: LocalMedium.description), training)
    #expect(try trials(cost) == 0)
    #expect(try trials(8 * cost) == 4)
  }
}
