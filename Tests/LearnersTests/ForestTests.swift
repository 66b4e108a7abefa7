import Glibc
import Groundwork
import MethodKit
import Quantiles
import Testing

import Learners

func fitForest(
  _ training: TrainingSet, _ settings: [(key: String, value: String)] = [("trees", "20")], levels: [Double] = Levels.hub, threads: Int = 1,
  seed: UInt64 = 1
) throws -> FittedForest {
  try Forest(settings: Settings(settings, of: Forest.description))
    .fit(training, levels: levels, context: FitContext(threads: threads, seed: seed)) as! FittedForest
}

@Suite struct ForestTests {
  @Test func unseenRowsAreAnsweredMuchBetterThanByTheMarginal() throws {
    let new = mixedTable(rows: 500, seed: 2)
    let training = mixedTable(rows: 1500)
    let forest = try fitForest(training).predict(new.features)
    let marginal = try Marginal(settings: Settings(of: Marginal.description))
      .fit(training, levels: Levels.hub, context: FitContext()).predict(new.features)
    #expect(meanScore(forest, new.target) < 0.25 * meanScore(marginal, new.target))
  }

  @Test func weightsOfARowSumToOne() throws {
    let training = mixedTable(rows: 300)
    let weighted = TrainingSet(features: training.features, target: training.target, weights: (0..<300).map { Double($0 % 7) })
    for model in [try fitForest(training), try fitForest(weighted)] {
      for i in 0..<50 {
        let weights = model.weights(of: i, in: training.features)
        #expect(abs(weights.reduce(0, +) - 1) < 1e-12)
        #expect(weights.allSatisfy { $0 >= 0 })
      }
    }
  }

  @Test func weightsAreThoseOfTheDefinition() throws {
    let training = mixedTable(rows: 200)
    let model = try fitForest(training, [("trees", "7"), ("min_leaf", "4")])
    var codes = [UInt16](repeating: 0, count: 200 * 4)
    let byRank = training.features.selecting((0..<200).sorted { training.target[$0] < training.target[$1] })
    codes.withUnsafeMutableBufferPointer { model.binning.encode(byRank, rows: 0..<200, into: $0.baseAddress!) }
    for i in stride(from: 0, to: 200, by: 17) {
      var expected = [Double](repeating: 0, count: 200)
      for tree in model.trees {
        let leaves = (0..<200).map { row in
          var at = 0
          while !tree.nodes[at].isLeaf {
            let node = tree.nodes[at]
            let code = codes[row * 4 + node.feature]
            let left = code == 0 ? !node.missingRight : code <= node.code
            at = left ? at + 1 : Int(node.right)
          }
          return tree.nodes[at].leaf
        }
        let together = (0..<200).filter { leaves[$0] == leaves[i] }
        for j in together { expected[j] += 1 / Double(together.count) / 7 }
      }
      for (a, b) in zip(model.weights(of: i, in: byRank), expected) { #expect(abs(a - b) < 1e-12) }
    }
  }

  @Test func aForestOfOneLeafIsTheMarginal() throws {
    let training = mixedTable(rows: 101)
    for weights in [nil, (0..<101).map { Double($0 % 5) }] {
      let training = TrainingSet(features: training.features, target: training.target, weights: weights)
      let forest = try fitForest(training, [("trees", "3"), ("min_leaf", "101"), ("replace", "no")]).predict(training.features)
      let marginal = try Marginal(settings: Settings(of: Marginal.description))
        .fit(training, levels: Levels.hub, context: FitContext()).predict(training.features)
      for (a, b) in zip(forest.values, marginal.values) { #expect(abs(a - b) < 1e-9) }
    }
  }

  @Test func theAnswerOfARowDoesNotDependOnTheRowsBesideIt() throws {
    let training = mixedTable(rows: 300)
    let model = try fitForest(training)
    let all = model.predict(training.features)
    for i in [0, 1, 63, 64, 65, 299] { #expect(model.predict(training.features.selecting([i])).row(0).elementsEqual(all.row(i))) }
  }

  @Test func theNumberOfThreadsChangesNoByte() throws {
    let training = mixedTable(rows: 400)
    var one = ByteWriter()
    var two = ByteWriter()
    try fitForest(training, threads: 1).encode(into: &one)
    try fitForest(training, threads: 2).encode(into: &two)
    #expect(one.bytes == two.bytes)
  }

  @Test func anotherSeedGivesAnotherForest() throws {
    let training = mixedTable(rows: 200)
    let one = try fitForest(training, seed: 1).predict(training.features)
    let two = try fitForest(training, seed: 2).predict(training.features)
    #expect(one != two)
  }

  @Test func anIncreasingTransformationOfAFeatureChangesNothing() throws {
    let training = mixedTable(rows: 400)
    let columns = training.features.columns.map { column -> FeatureTable.Column in
      if case .numeric(let values) = column { .numeric(values.map { exp(3 * $0) }) } else { column }
    }
    let transformed = FeatureTable(names: training.features.names, columns: columns, rows: 400)
    let plain = try fitForest(training).predict(training.features)
    let answer = try fitForest(TrainingSet(features: transformed, target: training.target)).predict(transformed)
    #expect(answer == plain)
  }

  @Test(arguments: [(1000.0, 0.0), (1e-150, 0.0), (1e290, 0.0), (1.0, 50.0), (0.1, -3.0)])
  func answersFollowScaleAndShiftOfTheTarget(_ scale: Double, _ shift: Double) throws {
    let training = mixedTable(rows: 300)
    let plain = try fitForest(training).predict(training.features)
    let moved = TrainingSet(features: training.features, target: training.target.map { scale * $0 + shift })
    let answer = try fitForest(moved).predict(training.features)
    for (a, b) in zip(answer.values, plain.values) { #expect(abs(a - (scale * b + shift)) <= 1e-9 * (scale + abs(shift))) }
  }

  @Test func quantilesNeverDecreaseInTheLevel() throws {
    let training = mixedTable(rows: 300)
    let answer = try fitForest(training, levels: try Levels.parse("99")).predict(mixedTable(rows: 200, seed: 9).features)
    for i in 0..<200 { #expect(zip(answer.row(i), answer.row(i).dropFirst()).allSatisfy { $0 <= $1 }) }
  }

  @Test func rowsOfWeightZeroAreAsGoodAsAbsent() throws {
    let training = mixedTable(rows: 200)
    let kept = (0..<200).filter { $0 % 3 != 0 }
    let weighted = TrainingSet(features: training.features, target: training.target, weights: (0..<200).map { $0 % 3 == 0 ? 0 : 2 })
    let absent = TrainingSet(features: training.features.selecting(kept), target: kept.map { training.target[$0] })
    let answer = try fitForest(weighted).predict(training.features)
    let expected = try fitForest(absent).predict(training.features)
    #expect(answer == expected)
  }

  @Test func missingAndUnseenCategoriesFollowWhatMissingMeantInTraining() throws {
    // Missing numbers answer 10, all others 0; categories are unrelated.
    let values = (0..<100).map { $0 % 4 == 0 ? Double.nan : Double($0) }
    let target = (0..<100).map { $0 % 4 == 0 ? 10.0 : 0.0 }
    let training = TrainingSet(features: FeatureTable(names: ["x"], columns: [.numeric(values)], rows: 100), target: target)
    let answer = try fitForest(training, levels: [0.5]).predict(FeatureTable(names: ["x"], columns: [.numeric([.nan, 50, -1e300])], rows: 3))
    #expect(answer[0, 0] == 10 && answer[1, 0] == 0 && answer[2, 0] == 0)

    let codes = (0..<100).map { Int32($0 % 4 - 1) }
    func table(_ codes: [Int32]) -> FeatureTable {
      FeatureTable(names: ["x"], columns: [.categorical(codes: codes, categories: ["a", "b", "c", "never"])], rows: codes.count)
    }
    let categorical = TrainingSet(features: table(codes), target: codes.map { [10, 0, 5, 0][Int($0) + 1] })
    let byCategory = try fitForest(categorical, levels: [0.5]).predict(table([-1, 0, 1, 2, 3]))
    #expect(byCategory.values == [10, 0, 5, 0, 10])
  }

  @Test func missingValuesThatTrainingLackedGoWithTheMajority() throws {
    let x = (0..<100).map(Double.init)
    let training = TrainingSet(
      features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 100), target: x.map { $0 < 20 ? 0 : 1 })
    let answer = try fitForest(training, levels: [0.5]).predict(FeatureTable(names: ["x"], columns: [.numeric([.nan])], rows: 1))
    #expect(answer[0, 0] == 1)
  }

  @Test func hostileTablesAreAnsweredWithFiniteNumbers() throws {
    let huge = [1e300, -1e300, 1e150, -1e-300, 0, .leastNonzeroMagnitude, 1.7e308, -1.7e308]
    func check(_ columns: [[Double]], _ target: [Double], weights: [Double]? = nil) throws {
      let features = FeatureTable(names: columns.indices.map { "x\($0)" }, columns: columns.map { .numeric($0) }, rows: target.count)
      let answer = try fitForest(TrainingSet(features: features, target: target, weights: weights), [("trees", "10")]).predict(features)
      #expect(answer.values.allSatisfy { $0.isFinite && $0 >= target.min()! && $0 <= target.max()! })
    }
    try check([huge, huge], huge)
    try check([[1, 2, 3, 4, 5, 6, 7, 8]], huge)
    try check([huge], [3, 3, 3, 3, 3, 3, 3, 3])
    try check([huge], huge, weights: [1e300, 1e-300, 1, .leastNonzeroMagnitude, 1, 1, 1e150, 1])
    try check([[7]], [2])
    try check([[.nan, .nan, .nan]], [1, 2, 3])
    try check([], [1, 2, 3])
    try check([[0, 0, 1, 1]], [1e9, 1e9 + 1, 1e9, 1e9 + 2])
    try check([(0..<300).map(Double.init)], (0..<300).map { 1e300 * pow(0.1, Double($0)) })
  }
}

/// `min_leaf=0`: the least leaf is chosen by leaving rows out.
@Suite struct LeafChoiceTests {
  private func score(_ type: any Learner.Type, _ minLeaf: String, features: Int) throws -> Double {
    let n = 800
    let columns = (0..<features).map { noise(2 * n, seed: 80 + UInt64($0)) }
    let y = zip(columns[0], noise(2 * n, seed: 90)).map { 2 * $0 + $1 }
    func half(_ rows: Range<Int>) -> FeatureTable { table(columns.map { .numeric(Array($0[rows])) }, rows: rows.count) }
    let levels = [0.1, 0.5, 0.9]
    let fitted = try type.init(settings: Settings([("trees", "40"), ("min_leaf", minLeaf)], of: type.description))
      .fit(TrainingSet(features: half(0..<n), target: Array(y[..<n])), levels: levels, context: FitContext())
    return meanScore(fitted.predict(half(n..<2 * n)), Array(y[n...]), levels: levels)
  }

  /// Grown to single rows, trees on one feature all find the same few neighbours.
  @Test func aForestOfOneFeatureIsNotTooSure() throws {
    for type in [Forest.self, ExtraTrees.self] as [any Learner.Type] {
      let (chosen, single) = (try score(type, "0", features: 1), try score(type, "1", features: 1))
      #expect(chosen < 0.8 * single, "\(type): \(chosen), single rows \(single)")
    }
  }

  @Test func theChoiceIsAboutAsGoodAsTheBestOfItsCandidates() throws {
    for features in [1, 6] {
      let best = try ["1", "3", "10", "30", "100"].map { try score(Forest.self, $0, features: features) }.min()!
      #expect(try score(Forest.self, "0", features: features) < 1.05 * best)
    }
  }
}
