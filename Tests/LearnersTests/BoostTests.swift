import Glibc
import Groundwork
import MethodKit
import Quantiles
import Testing

import Learners

private func fit(
  _ training: TrainingSet, _ settings: [(key: String, value: String)] = [("trees", "60")], levels: [Double] = Levels.hub, threads: Int = 1,
  seed: UInt64 = 1
) throws -> FittedBoost {
  try Boost(settings: Settings(settings, of: Boost.description))
    .fit(training, levels: levels, context: FitContext(threads: threads, seed: seed)) as! FittedBoost
}

@Suite struct BoostTests {
  @Test func unseenRowsAreAnsweredMuchBetterThanByTheMarginal() throws {
    let new = mixedTable(rows: 500, seed: 2)
    let training = mixedTable(rows: 1500)
    let answer = try fit(training, []).predict(new.features)
    let marginal = try Marginal(settings: Settings(of: Marginal.description))
      .fit(training, levels: Levels.hub, context: FitContext()).predict(new.features)
    #expect(meanScore(answer, new.target) < 0.2 * meanScore(marginal, new.target))
  }

  @Test(arguments: ["0", "0.5"])
  func withoutSamplingTheTrainingLossNeverRisesWithMoreTrees(_ caution: String) throws {
    let training = mixedTable(rows: 400)
    var last = Double.infinity
    for trees in [1, 2, 3, 5, 8, 13, 21, 34, 55] {
      let model = try fit(training, [("trees", "\(trees)"), ("holdout", "0"), ("sample", "1"), ("rate", "0.5"), ("caution", caution)])
      let loss = model.trainingLoss
      #expect(loss <= last + 1e-6)
      last = loss
    }
  }

  @Test(arguments: [(1000.0, 0.0), (1e-150, 0.0), (1e150, 0.0), (1e290, 0.0), (1.0, 50.0), (0.1, -3.0)])
  func answersFollowScaleAndShiftOfTheTarget(_ scale: Double, _ shift: Double) throws {
    // Single precision inside, so the trees of the two fits can differ in ties: scores agree, rather than numbers.
    let training = mixedTable(rows: 300)
    let plain = try fit(training).predict(training.features)
    let moved = TrainingSet(features: training.features, target: training.target.map { scale * $0 + shift })
    let answer = try fit(moved).predict(training.features)
    let back = Matrix(rows: answer.rows, columns: answer.columns, values: answer.values.map { ($0 - shift) / scale })
    #expect(abs(meanScore(back, training.target) / meanScore(plain, training.target) - 1) < 0.05)
  }

  @Test func aScaleByAPowerOfTwoIsFollowedExactly() throws {
    let training = mixedTable(rows: 300)
    let plain = try fit(training).predict(training.features)
    let moved = TrainingSet(features: training.features, target: training.target.map { 1024 * $0 })
    #expect(try fit(moved).predict(training.features).values == plain.values.map { 1024 * $0 })
  }

  @Test func theNumberOfThreadsChangesNoByte() throws {
    let training = mixedTable(rows: 6000)
    #expect(bytes(try fit(training, [("trees", "10")], threads: 1)) == bytes(try fit(training, [("trees", "10")], threads: 2)))
  }

  @Test func quantilesNeverDecreaseInTheLevel() throws {
    let answer = try fit(mixedTable(rows: 300), levels: try Levels.parse("99")).predict(mixedTable(rows: 200, seed: 9).features)
    for i in 0..<200 { #expect(zip(answer.row(i), answer.row(i).dropFirst()).allSatisfy { $0 <= $1 }) }
  }

  @Test func interpolatedLevelsAreAsGoodAsBoostedOnes() throws {
    let training = mixedTable(rows: 1500)
    let new = mixedTable(rows: 1000, seed: 3)
    let few = [0.1, 0.25, 0.5, 0.75, 0.9]
    let all = try Levels.parse("99")
    let direct = try fit(training, levels: few).predict(new.features)
    let wide = try fit(training, levels: all).predict(new.features)
    let picked = Matrix(
      rows: 1000, columns: 5, values: (0..<1000).flatMap { i in few.map { wide[i, Int(($0 * 100).rounded()) - 1] } })
    #expect(meanScore(picked, new.target, levels: few) < 1.05 * meanScore(direct, new.target, levels: few))
  }

  @Test func rowsOfWeightZeroAreAsGoodAsAbsent() throws {
    let training = mixedTable(rows: 200)
    let kept = (0..<200).filter { $0 % 3 != 0 }
    let weighted = TrainingSet(features: training.features, target: training.target, weights: (0..<200).map { $0 % 3 == 0 ? 0 : 2 })
    let absent = TrainingSet(features: training.features.selecting(kept), target: kept.map { training.target[$0] })
    #expect(try fit(weighted).predict(training.features) == fit(absent).predict(training.features))
  }

  @Test func heavierRowsPullTheAnswer() throws {
    let x = (0..<400).map { Double($0 % 2) }
    let y = (0..<400).map { Double($0 / 2 % 2) }
    let training = TrainingSet(
      features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 400), target: y,
      weights: (0..<400).map { $0 % 2 == 0 ? ($0 / 2 % 2 == 0 ? 9 : 1) : ($0 / 2 % 2 == 0 ? 1 : 9) })
    let answer = try fit(training, [("trees", "100"), ("holdout", "0")], levels: [0.5]).predict(training.features)
    #expect(answer[0, 0] < 0.1 && answer[1, 0] > 0.9)
  }

  @Test func missingValuesThatTellAreSplitOn() throws {
    let x = (0..<200).map { $0 % 4 == 0 ? Double.nan : 5 }
    let training = TrainingSet(
      features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 200), target: (0..<200).map { $0 % 4 == 0 ? 10 : 0 })
    let answer = try fit(training, [("trees", "200")], levels: [0.5]).predict(FeatureTable(names: ["x"], columns: [.numeric([.nan, 5])], rows: 2))
    #expect(abs(answer[0, 0] - 10) < 0.1 && abs(answer[1, 0]) < 0.1)
  }

  @Test func hostileTablesAreAnsweredWithFiniteNumbers() throws {
    let huge = [1e300, -1e300, 1e150, -1e-300, 0, .leastNonzeroMagnitude, 1.7e308, -1.7e308]
    func check(_ columns: [FeatureTable.Column], _ target: [Double], weights: [Double]? = nil, levels: [Double] = [1e-9, 0.5, 1 - 1e-9]) throws {
      let features = FeatureTable(names: columns.indices.map { "x\($0)" }, columns: columns, rows: target.count)
      let (least, greatest) = (target.min()!, target.max()!)
      for settings in [[("trees", "20"), ("min_leaf", "1")], [("trees", "20")]] {
        let answer = try fit(
          TrainingSet(features: features, target: target, weights: weights), settings.map { (key: $0.0, value: $0.1) }, levels: levels
        )
        .predict(features)
        #expect(answer.values.allSatisfy { $0.isFinite && $0 >= least && $0 <= greatest })
      }
    }
    try check([.numeric(huge), .numeric(huge)], huge)
    try check([.numeric([1, 2, 3, 4, 5, 6, 7, 8])], huge)
    try check([.numeric(huge)], [3, 3, 3, 3, 3, 3, 3, 3])
    try check([.numeric(huge)], huge, weights: [1e300, 1e-300, 1, .leastNonzeroMagnitude, 1, 1, 1e150, 1])
    try check([.numeric([7])], [2])
    try check([.numeric([7])], [2], levels: [0.5])
    try check([.numeric([.nan, .nan, .nan])], [1, 2, 3])
    try check([], [1, 2, 3])
    try check([.numeric([0, 0, 1, 1])], [1e9, 1e9 + 1, 1e9, 1e9 + 2])
    try check([.numeric((0..<300).map(Double.init))], (0..<300).map { 1e300 * pow(0.1, Double($0)) })
    let many = (0..<10_000).map { Int32($0) }
    try check([.categorical(codes: many, categories: many.map { "c\($0)" })], many.map { Double($0 % 97) })
  }

  @Test func aModelReadBackAnswersTheSame() throws {
    let training = mixedTable(rows: 300)
    for levels in [Levels.hub, try Levels.parse("99"), [0.5]] {
      let model = try fit(training, levels: levels)
      var reader = ByteReader(bytes(model))
      let back = try Boost.fitted.init(decoding: &reader)
      #expect(reader.isAtEnd && back.predict(training.features) == model.predict(training.features))
    }
  }

  @Test func aModelCutShortIsRefused() throws {
    let training = mixedTable(rows: 60)
    let all = bytes(try fit(training, [("trees", "5"), ("holdout", "0")]))
    for length in stride(from: 0, to: all.count, by: 31) {
      var reader = ByteReader(Array(all[..<length]))
      #expect(throws: Failure.self) { try Boost.fitted.init(decoding: &reader) }
    }
  }
}
