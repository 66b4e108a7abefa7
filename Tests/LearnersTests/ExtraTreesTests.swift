import Glibc
import Groundwork
import MethodKit
import Quantiles
import Testing

import Learners

private func fit(
  _ training: TrainingSet, _ settings: [(key: String, value: String)] = [("trees", "20")], levels: [Double] = Levels.hub, threads: Int = 1,
  seed: UInt64 = 1
) throws -> FittedForest {
  try ExtraTrees(settings: Settings(settings, of: ExtraTrees.description))
    .fit(training, levels: levels, context: FitContext(threads: threads, seed: seed)) as! FittedForest
}

@Suite struct ExtraTreesTests {
  @Test func unseenRowsAreAnsweredMuchBetterThanByTheMarginal() throws {
    let new = mixedTable(rows: 500, seed: 2)
    let training = mixedTable(rows: 1500)
    let answer = try fit(training).predict(new.features)
    let marginal = try Marginal(settings: Settings(of: Marginal.description))
      .fit(training, levels: Levels.hub, context: FitContext()).predict(new.features)
    #expect(meanScore(answer, new.target) < 0.25 * meanScore(marginal, new.target))
  }

  @Test func treesOfTheWholeSampleHaveLeavesOfEqualResponses() throws {
    // Grown to the end without a sample, a tree parts all rows that differ, so the training rows get their own responses.
    let x = (0..<200).map { Double($0 * $0) }
    let y = x.map { sin($0) }
    let training = TrainingSet(features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 200), target: y)
    let answer = try fit(training, [("trees", "20"), ("min_leaf", "1")], levels: [0.1, 0.9]).predict(training.features)
    for i in 0..<200 { #expect(answer[i, 0] == y[i] && answer[i, 1] == y[i]) }
  }

  @Test func cutsAreUniformBetweenTheLeastAndTheGreatestValue() throws {
    // 0, 1, …, 98 and 990: a cut falls into the gap above 98 with probability 892/990, below 10 with 10/990.
    let x = (0..<99).map(Double.init) + [990]
    let training = TrainingSet(features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 100), target: x.map { sin($0) })
    let model = try fit(training, [("trees", "2000"), ("max_depth", "1")], levels: [0.5])
    let gap = model.trees.filter { $0.nodes[0].code == 99 }.count
    let low = model.trees.filter { $0.nodes[0].code <= 10 }.count
    #expect(abs(Double(gap) - 2000 * 892 / 990) < 5 * 14)
    #expect(abs(Double(low) - 2000 * 10 / 990) < 5 * 5)
  }

  @Test func theNumberOfThreadsChangesNoByte() throws {
    let training = mixedTable(rows: 400)
    var one = ByteWriter()
    var two = ByteWriter()
    try fit(training, threads: 1).encode(into: &one)
    try fit(training, threads: 2).encode(into: &two)
    #expect(one.bytes == two.bytes)
  }

  @Test func aModelReadBackAnswersTheSame() throws {
    let training = mixedTable(rows: 300)
    let model = try fit(training)
    var writer = ByteWriter()
    model.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let back = try ExtraTrees.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd && back.predict(training.features) == model.predict(training.features))
  }

  @Test(arguments: [(1000.0, 0.0), (1e-150, 0.0), (1e290, 0.0), (1.0, 50.0), (0.1, -3.0)])
  func answersFollowScaleAndShiftOfTheTarget(_ scale: Double, _ shift: Double) throws {
    let training = mixedTable(rows: 300)
    let plain = try fit(training).predict(training.features)
    let moved = TrainingSet(features: training.features, target: training.target.map { scale * $0 + shift })
    let answer = try fit(moved).predict(training.features)
    for (a, b) in zip(answer.values, plain.values) { #expect(abs(a - (scale * b + shift)) <= 1e-9 * (scale + abs(shift))) }
  }

  @Test func rowsOfWeightZeroAreAsGoodAsAbsent() throws {
    let training = mixedTable(rows: 200)
    let kept = (0..<200).filter { $0 % 3 != 0 }
    let weighted = TrainingSet(features: training.features, target: training.target, weights: (0..<200).map { $0 % 3 == 0 ? 0 : 2 })
    let absent = TrainingSet(features: training.features.selecting(kept), target: kept.map { training.target[$0] })
    #expect(try fit(weighted).predict(training.features) == fit(absent).predict(training.features))
  }

  @Test func missingValuesThatTellAreSplitOn() throws {
    let values = (0..<100).map { $0 % 4 == 0 ? Double.nan : Double($0) }
    let constant = values.map { $0.isNaN ? $0 : 5 }
    for x in [values, constant] {
      let training = TrainingSet(
        features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: 100), target: (0..<100).map { $0 % 4 == 0 ? 10 : 0 })
      let answer = try fit(training, levels: [0.5])
        .predict(FeatureTable(names: ["x"], columns: [.numeric([.nan, 50, -1e300])], rows: 3))
      #expect(answer.values == [10, 0, 0])
    }
  }

  @Test func hostileTablesAreAnsweredWithFiniteNumbers() throws {
    let huge = [1e300, -1e300, 1e150, -1e-300, 0, .leastNonzeroMagnitude, 1.7e308, -1.7e308]
    func check(_ columns: [FeatureTable.Column], _ target: [Double], weights: [Double]? = nil) throws {
      let features = FeatureTable(names: columns.indices.map { "x\($0)" }, columns: columns, rows: target.count)
      let answer = try fit(TrainingSet(features: features, target: target, weights: weights), [("trees", "10")]).predict(features)
      let (least, greatest) = (target.min()!, target.max()!)
      #expect(answer.values.allSatisfy { $0.isFinite && $0 >= least && $0 <= greatest })
    }
    try check([.numeric(huge), .numeric(huge)], huge)
    try check([.numeric([1, 2, 3, 4, 5, 6, 7, 8])], huge)
    try check([.numeric(huge)], [3, 3, 3, 3, 3, 3, 3, 3])
    try check([.numeric(huge)], huge, weights: [1e300, 1e-300, 1, .leastNonzeroMagnitude, 1, 1, 1e150, 1])
    try check([.numeric([7])], [2])
    try check([.numeric([.nan, .nan, .nan])], [1, 2, 3])
    try check([], [1, 2, 3])
    let many = (0..<10_000).map { Int32($0) }
    try check([.categorical(codes: many, categories: many.map { "c\($0)" })], many.map { Double($0 % 97) })
  }
}
