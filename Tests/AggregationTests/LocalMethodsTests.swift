import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

@Suite struct LocalMethodsTests {
  private func answers(_ method: any Aggregator.Type, _ training: AggregationTraining, _ settings: [String: String] = quick) throws -> Matrix {
    try fit(method, training, settings).answer(training.predictions, features: training.features)
  }

  private func merged(_ settings: [String: String]) -> [String: String] { quick.merging(settings) { $1 } }

  /// y = x + ε; model a knows it where x < 0 and is off by ±3 elsewhere, model b knows it where x ≥ 0.
  private func halves(_ n: Int, seed: UInt64) -> AggregationTraining {
    var random = RandomStream(seed: seed)
    let levels = (1...9).map { Double($0) / 10 }
    var (x, y, values): ([Double], [Double], [Double]) = ([], [], [])
    for i in 0..<n {
      x.append(2 * random.uniform() - 1)
      y.append(x[i] + NormalDistribution.quantile(0.001 + 0.998 * random.uniform()))
      let error = random.below(2) == 0 ? -3.0 : 3
      for isRight in [x[i] < 0, x[i] >= 0] { values += levels.map { x[i] + NormalDistribution.quantile($0) + (isRight ? 0 : error) } }
    }
    return AggregationTraining(
      predictions: BasePredictions(models: ["a", "b"], levels: levels, rows: n, values: values), target: y,
      features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: n))
  }

  /// New rows cost no more than 5 % over the truth, and every constant weight at least 10 %.
  @Test func localWeightsFindWhereAModelIsRight() throws {
    let training = halves(800, seed: 1)
    let new = halves(2000, seed: 2)
    func loss(_ method: any Aggregator.Type, _ settings: [String: String] = [:]) throws -> Double {
      new.loss(try fit(method, training, settings, threads: 2).answer(new.predictions, features: new.features))
    }
    var truth = Matrix(rows: 2000, columns: 9)
    guard case .numeric(let x)? = new.features?.columns[0] else {
      Issue.record("the first feature is a number")
      return
    }
    for i in 0..<2000 {
      for t in 0..<9 { truth[i, t] = new.value(i, x[i] < 0 ? 0 : 1, t) }
    }
    let best = new.loss(truth)
    for method in localMethods {
      let found = try loss(method, ["networks": "2", "hidden": "16", "steps": "1500", "own": "none", "inputs": "features"])
      #expect(found < 1.05 * best, "\(method.description.name): \(found / best)")
    }
    for method in aggregatorRegistry where !method.usesFeatures {
      let found = try loss(method)
      #expect(found > 1.1 * best, "\(method.description.name): \(found / best)")
    }
  }

  /// The mean weights say so too: x moves them, a feature of noise hardly does.
  @Test func theTableOfWeightsSaysWhatMovesThem() throws {
    let training = halves(600, seed: 3)
    var random = RandomStream(seed: 4)
    let features = FeatureTable(
      names: ["x", "noise"], columns: training.features!.columns + [.numeric((0..<600).map { _ in random.uniform() })], rows: 600)
    let both = AggregationTraining(predictions: training.predictions, target: training.target, features: features)
    let fitted = try fit(LocalMedium.self, both, ["networks": "2", "hidden": "16", "steps": "1000"], threads: 2)
    let table = try #require(fitted.weightTable(both.predictions, features: features))
    #expect(table.models == ["a", "b"] && table.levels == both.levels && table.moves.map(\.feature) == ["x", "noise"])
    for t in both.levels.indices {
      #expect(abs(table.mean[0, t] + table.mean[1, t] - 1) < 1e-5)
      #expect(abs(table.mean[0, t] - 0.5) < 0.15 && table.spread![0, t] > 0.25)
      #expect(table.moves[0].change[0, t] > 4 * table.moves[1].change[0, t])
    }
  }

  @Test func oneModelIsAnsweredAsItIs() throws {
    let training = referenceTable(rows: 30, models: 1, levels: 4, seed: 4)
    for method in localMethods { #expect(try answers(method, training).values == training.predictions.values, "\(method.description.name)") }
  }

  /// Whatever their weights, a mixture of two alike is either of them, to the rounding of floats.
  @Test func twoAlikeAreThemselves() throws {
    let single = referenceTable(rows: 30, models: 1, levels: 4, seed: 4)
    let doubled = table(
      single.levels, single.target, (0..<30).flatMap { i in [0, 1].flatMap { _ in single.levels.indices.map { single.value(i, 0, $0) } } })
    for method in [LocalCoarse.self, LocalMedium.self] as [any Aggregator.Type] {
      for (a, b) in zip(try answers(method, doubled).values, single.predictions.values) { #expect(abs(a - b) < 1e-5) }
    }
  }

  /// What a mixture answers lies between the least and the greatest of its models.
  @Test func answersAreBetweenTheModels() throws {
    let training = referenceTable(rows: 60, models: 4, levels: 5, seed: 8)
    for method in [LocalCoarse.self, LocalMedium.self] as [any Aggregator.Type] {
      let answer = try answers(method, training)
      for i in 0..<60 {
        for t in 0..<5 {
          let all = (0..<4).map { training.value(i, $0, t) }
          #expect(answer[i, t] > all.min()! - 1e-4 && answer[i, t] < all.max()! + 1e-4)
        }
      }
    }
  }

  @Test func aTableWithoutFeaturesNeedsPredictionsAlone() throws {
    let given = referenceTable(rows: 40, models: 3, levels: 3, seed: 2)
    let training = AggregationTraining(predictions: given.predictions, target: given.target)
    for method in localMethods {
      let failure = #expect(throws: Failure.self) { try answers(method, training) }
      #expect(failure?.status == .badData)
      #expect(failure?.description.contains("inputs=predictions") ?? false)
      let answer = try answers(method, training, merged(["inputs": "predictions", "own": "normal"]))
      #expect(answer.values.allSatisfy { $0.isFinite })
    }
  }

  /// The first level is model a's alone, the last one model b's, and nobody predicts the middle one.
  @Test func aLevelIsAnsweredWhereSomeModelPredictsIt() throws {
    let training = referenceTable(rows: 40, models: 2, levels: 5, seed: 2).mapping { _, j, t, v in
      t == 2 || t == 0 && j == 1 || t == 4 && j == 0 ? .nan : v
    }
    for method in localMethods {
      for settings in method == LocalFine.self ? [quick, merged(["reach": "all"])] : [quick] {
        let answer = try answers(method, training, settings)
        for i in 0..<40 {
          for t in 0..<5 { #expect(answer[i, t].isNaN == (t == 2), "\(method.description.name), \(t)") }
          if method != LocalFine.self {
            #expect(abs(answer[i, 0] - training.value(i, 0, 0)) < 1e-5 && abs(answer[i, 4] - training.value(i, 1, 4)) < 1e-5)
          }
        }
      }
    }
  }

  /// A model that is missing in a row leaves it to the others, and rows without any have no answer.
  @Test func missingModelsLeaveRowsToTheOthers() throws {
    let training = referenceTable(rows: 50, models: 3, levels: 3, seed: 6).mapping { i, j, _, v in i % 5 == 0 && j != 1 || i == 7 ? .nan : v }
    for method in [LocalCoarse.self, LocalMedium.self] as [any Aggregator.Type] {
      let answer = try answers(method, training)
      for i in 0..<50 {
        for t in 0..<3 {
          #expect(answer[i, t].isNaN == (i == 7))
          if i % 5 == 0 { #expect(abs(answer[i, t] - training.value(i, 1, t)) < 1e-5) }
        }
      }
    }
  }

  /// One absurd number moves its own row's answer no further than the other models reach.
  @Test(arguments: [1e300, -1e300, 1e12]) func oneAbsurdPredictionSpoilsNothing(_ absurd: Double) throws {
    let plain = referenceTable(rows: 60, models: 4, levels: 3, seed: 6)
    let training = plain.mapping { i, j, _, v in i == 20 && j == 2 ? absurd : v }
    for method in localMethods {
      let answer = try answers(method, training)
      let others = answer.values.indices.filter { $0 / 3 != 20 }.map { answer.values[$0] }
      #expect(others.allSatisfy { $0 > -10 && $0 < 20 }, "\(method.description.name)")
      #expect((0..<3).allSatisfy { answer[20, $0].isFinite })
    }
  }

  /// Powers of two change nothing but the logarithms of widths, in their last places.
  @Test(arguments: [400, -400]) func unitsDoNotMatter(_ power: Int) throws {
    let unit = power > 0 ? 0x1p400 : 0x1p-400
    let plain = referenceTable(rows: 60, models: 3, levels: 5, seed: 5)
    let scaled = plain.mapping(target: { $0 * unit }) { _, _, _, v in v * unit }
    for (method, own) in [(LocalCoarse.self, "none"), (LocalMedium.self, "none"), (LocalFine.self, power > 0 ? "normal" : "none")]
      as [(any Aggregator.Type, String)]
    {
      let settings = merged(["own": own, "noncrossing": "penalty", "delta": "0.01"])
      for (a, b) in zip(try answers(method, plain, settings).values, try answers(method, scaled, settings).values) {
        #expect(abs(a - b / unit) < 1e-3, "\(method.description.name)")
      }
    }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    let training = referenceTable(rows: 60, models: 3, levels: 5, seed: 7)
    for method in localMethods {
      for settings in [
        merged(["own": method == LocalFine.self ? "normal" : "none", "networks": "3"]), merged(["noncrossing": "pava", "shift": "local"]),
      ] {
        let one = encoded(try fit(method, training, settings, threads: 1))
        for threads in [2, 7] { #expect(encoded(try fit(method, training, settings, threads: threads)) == one, "\(method.description.name)") }
      }
    }
  }

  /// A row of weight zero teaches no more than one that is not there.
  @Test func rowsOfWeightZeroAreAsIfAbsent() throws {
    let plain = referenceTable(rows: 60, models: 3, levels: 4, seed: 9, weights: (0..<60).map { 1 + Double($0 % 3) })
    let absurd = AggregationTraining(
      predictions: plain.predictions, target: plain.target.enumerated().map { $0.offset % 4 == 3 ? 1e300 : $0.element },
      weights: plain.weights!.enumerated().map { $0.offset % 4 == 3 ? 0 : $0.element }, features: plain.features)
    let without = plain.selecting((0..<60).filter { $0 % 4 != 3 })
    for method in localMethods {
      let settings = merged(["own": method == LocalFine.self ? "normal" : "none"])
      #expect(encoded(try fit(method, absurd, settings)) == encoded(try fit(method, without, settings)), "\(method.description.name)")
    }
  }

  /// Every setting that changes what is kept, and back from bytes.
  @Test func whatIsKeptAnswersTheSame() throws {
    let training = referenceTable(rows: 50, models: 3, levels: 4, seed: 3)
    let kept: [(any Aggregator.Type, [String: String])] = [
      (LocalCoarse.self, ["shift": "local"]), (LocalMedium.self, ["knots": "0", "own": "levels"]),
      (LocalMedium.self, ["knots": "2", "inputs": "features"]),
      (LocalFine.self, ["own": "normal"]), (LocalFine.self, ["reach": "all", "knots": "0", "inputs": "predictions"]),
      (LocalFine.self, ["reach": "far", "noncrossing": "minmax"]),
    ]
    for (method, settings) in kept {
      let fitted = try fit(method, training, merged(settings))
      var reader = ByteReader(encoded(fitted))
      let features = try #require(training.features)
      let (models, levels) = (training.predictions.models, training.predictions.levels)
      let copy = try method.fitted.init(decoding: &reader, for: CombinedInputs(models: models, levels: levels, features: features.selecting([])))
      #expect(reader.isAtEnd && encoded(copy) == encoded(fitted))
      #expect(!copy.fits(CombinedInputs(models: models.map { $0 + "x" }, levels: levels, features: features)))
      #expect(!copy.fits(CombinedInputs(models: models, levels: Array(levels.dropLast()), features: features)))
      // Networks that see predictions alone take any features, and none.
      let seesNone = settings["inputs"] == "predictions" && merged(settings)["own"] == "none"
      #expect(copy.fits(CombinedInputs(models: models, levels: levels)) == seesNone)
      let others = FeatureTable(names: features.names + ["z"], columns: features.columns + [features.columns[0]], rows: features.rows)
      #expect(copy.fits(CombinedInputs(models: models, levels: levels, features: others)) == seesNone)
      #expect(copy.answer(training.predictions, features: training.features) == fitted.answer(training.predictions, features: training.features))
      // Its neighbours have no part in the answer of a row.
      let one = training.selecting([17])
      #expect(
        copy.answer(one.predictions, features: one.features).row(0).elementsEqual(
          fitted.answer(training.predictions, features: training.features).row(17)))
    }
  }

  /// Numbers with gaps, categories, a constant: whatever a table's features are.
  @Test func featuresOfAnyKindAreSeen() throws {
    let plain = referenceTable(rows: 40, models: 2, levels: 3, seed: 1)
    let columns: [FeatureTable.Column] = [
      .numeric((0..<40).map { $0 % 3 == 0 ? .nan : Double($0) }),
      .categorical(codes: (0..<40).map { Int32($0 % 4) - 1 }, categories: ["a", "b", "c"]),
      .numeric([Double](repeating: 7, count: 40)), .numeric([Double](repeating: .nan, count: 40)), .numeric((0..<40).map { $0 == 3 ? 1e300 : 0 }),
    ]
    let training = AggregationTraining(
      predictions: plain.predictions, target: plain.target,
      features: FeatureTable(names: ["n", "c", "one", "gap", "far"], columns: columns, rows: 40))
    for method in localMethods {
      let fitted = try fit(method, training, merged(["own": method == LocalFine.self ? "normal" : "none"]))
      let answer = fitted.answer(training.predictions, features: training.features)
      #expect(answer.values.allSatisfy { $0.isFinite && $0 > -20 && $0 < 30 })
      let table = try #require(fitted.weightTable(training.predictions, features: training.features))
      #expect(table.moves.map(\.feature) == ["n", "c", "one", "gap", "far"])
      #expect(table.moves[2].change.values.allSatisfy { $0 == 0 })
    }
  }

  /// Fewer rows than weights, one row, a target that is always the same.
  @Test func smallAndConstantTablesAreAnswered() throws {
    for training in [
      referenceTable(rows: 3, models: 6, levels: 9, seed: 1), referenceTable(rows: 1, models: 2, levels: 1, seed: 1),
      referenceTable(rows: 20, models: 2, levels: 3, seed: 1).mapping(target: { _ in 3 }) { _, _, _, v in v },
      referenceTable(rows: 20, models: 2, levels: 3, seed: 1).mapping(target: { _ in 3 }) { _, j, _, _ in j == 0 ? 3 : 4 },
    ] {
      for method in localMethods {
        for own in ["none", "normal", "levels"] {
          #expect(try answers(method, training, merged(["own": own])).values.allSatisfy { $0.isFinite }, "\(method.description.name), \(own)")
        }
      }
    }
  }

  /// A penalty and operators inside the loss leave less to put in order.
  @Test func trainingKeepsLevelsFromCrossing() throws {
    let plain = referenceTable(rows: 100, models: 4, levels: 5, seed: 7)
    let training = plain.mapping { i, j, t, v in (i + j) % 3 == 0 ? plain.value(i, j, 4 - t) : v }
    func crossings(_ settings: [String: String]) throws -> Double {
      let answer = try answers(
        LocalMedium.self, training, ["networks": "1", "hidden": "8", "layers": "1", "steps": "300", "knots": "0"].merging(settings) { $1 })
      return (0..<100).reduce(0) { sum, i in
        sum + (0..<5).reduce(0) { sum, t in sum + (t..<5).reduce(0) { $0 + max(0, answer[i, t] - answer[i, $1]) } }
      }
    }
    let free = try crossings([:])
    #expect(free > 0)
    for settings in [
      ["noncrossing": "penalty"], ["noncrossing": "penalty", "margin": "adaptive", "delta": "0.05"], ["noncrossing": "penalty", "delta": "0.01"],
    ] {
      #expect(try crossings(settings) < 0.9 * free, "\(settings)")
    }
    for name in ["sort", "pava", "minmax"] { #expect(try crossings(["noncrossing": name]) != free) }
  }

  @Test func trainingThatDivergesSaysSo() {
    let training = referenceTable(rows: 40, models: 3, levels: 3, seed: 1)
    for method in localMethods {
      do { #expect(try answers(method, training, merged(["rate": "1", "layers": "10", "hidden": "64"])).values.allSatisfy { $0.isFinite }) } catch {
        #expect((error as? Failure)?.status == .badData)
      }
    }
  }
}
