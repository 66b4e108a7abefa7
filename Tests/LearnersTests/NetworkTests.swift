import Glibc
import Groundwork
import Learners
import MethodKit
import NetworkModels
import Quantiles
import Testing

@Suite struct NetworkTests {
  private static let learners: [any Learner.Type] = [GaussianNetwork.self, LevelInputNetwork.self, DirectQuantileNetwork.self]
  private static let quick = [("networks", "2"), ("hidden", "16"), ("layers", "2"), ("steps", "200")]

  private func fit(
    _ learner: any Learner.Type, _ columns: [FeatureTable.Column], _ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.1, 0.5, 0.9],
    settings: [(String, String)] = quick, threads: Int = 1
  ) throws -> any FittedLearner {
    try learner.init(settings: Settings(settings.map { (key: $0.0, value: $0.1) }, of: learner.description)).fit(
      TrainingSet(features: table(columns, rows: target.count), target: target, weights: weights), levels: levels,
      context: FitContext(threads: threads))
  }

  private func noise(_ n: Int, seed: UInt64) -> [Double] {
    var random = RandomStream(seed: seed)
    return (0..<n).map { _ in NormalDistribution.quantile(random.uniform() * 0.9998 + 0.0001) }
  }

  /// y = 2x + (½ + ¼·[x > 0])·ε: quantiles are known.
  @Test(arguments: 0..<3) func aGaussiansMeanAndSpreadAreRecovered(_ which: Int) throws {
    let x = noise(3000, seed: 1)
    let y = zip(x, noise(3000, seed: 2)).map { 2 * $0 + ($0 > 0 ? 0.75 : 0.5) * $1 }
    let model = try fit(
      NetworkTests.learners[which], [.numeric(x)], y, settings: [("networks", "2"), ("hidden", "32"), ("layers", "2"), ("steps", "3000")], threads: 2)
    let at = [-1.2, -0.6, 0.6, 1.2]
    let answer = model.predict(table([.numeric(at)], rows: 4))
    for (i, x) in at.enumerated() {
      for (t, level) in [0.1, 0.5, 0.9].enumerated() {
        #expect(abs(answer[i, t] - 2 * x - (x > 0 ? 0.75 : 0.5) * NormalDistribution.quantile(level)) < 0.25)
      }
    }
  }

  /// The extra inputs of a row that has none.
  private let nothing = UnsafePointer(UnsafeMutablePointer<Float>.allocate(capacity: 1))

  @Test func theGaussiansGradientIsThatOfItsLossTimesItsSpread() {
    let objective = GaussianObjective()
    func loss(_ mean: Double, _ s: Double) -> Double {
      let spread = GaussianObjective.spread(s)
      return log(spread) + (0.7 - mean) * (0.7 - mean) / (2 * spread * spread)
    }
    for (mean, s) in [(0.1, -0.3), (1.4, 0.8), (0.6, -2)] as [(Double, Double)] {
      var gradient: [Float] = [0, 0]
      objective.gradient(NetworkRow(index: 0, target: 0.7, extras: nothing), outputs: [Float(mean), Float(s)], into: &gradient, ())
      let spread = GaussianObjective.spread(s)
      #expect(abs(Double(gradient[0]) - spread * (loss(mean + 1e-5, s) - loss(mean - 1e-5, s)) / 2e-5) < 1e-4)
      #expect(abs(Double(gradient[1]) - spread * (loss(mean, s + 1e-5) - loss(mean, s - 1e-5)) / 2e-5) < 1e-4)
    }
  }

  @Test func pinballGradientsAreThoseOfTheirLosses() {
    let levels = [0.1, 0.5, 0.8]
    let outputs: [Float] = [-0.4, 0.3, 1]
    let objective = DirectObjective(levels: levels)
    var gradient: [Float] = [0, 0, 0]
    objective.gradient(NetworkRow(index: 0, target: 0.5, extras: nothing), outputs: outputs, into: &gradient, ())
    for (g, e) in zip(gradient, [-0.1 / 3, -0.5 / 3, 0.2 / 3]) { #expect(abs(Double(g) - e) < 1e-7) }
    let extras = UnsafeMutablePointer<Float>.allocate(capacity: 2)
    defer { extras.deallocate() }
    LevelInput.write(0.8, to: extras)
    LevelInputObjective().gradient(NetworkRow(index: 0, target: 0.5, extras: extras), outputs: [0.4], into: &gradient, ())
    #expect(abs(gradient[0] + 0.8) < 1e-6)
    LevelInputObjective().gradient(NetworkRow(index: 0, target: 0.5, extras: extras), outputs: [0.6], into: &gradient, ())
    #expect(abs(gradient[0] - 0.2) < 1e-6)
  }

  @Test(arguments: 0..<3) func threadsChangeNoByte(_ which: Int) throws {
    let x = noise(150, seed: 3)
    let columns: [FeatureTable.Column] = [.numeric(x), .categorical(codes: (0..<150).map { Int32($0 % 4) - 1 }, categories: ["a", "b", "c"])]
    let one = try fit(NetworkTests.learners[which], columns, x, settings: NetworkTests.quick + [("dropout", "0.1")], threads: 1)
    let two = try fit(NetworkTests.learners[which], columns, x, settings: NetworkTests.quick + [("dropout", "0.1")], threads: 2)
    #expect(bytes(one) == bytes(two))
  }

  @Test(arguments: 0..<3) func theAnswerOfARowDependsOnThatRowAloneAndNeverCrosses(_ which: Int) throws {
    let columns: [FeatureTable.Column] = (0..<5).map { .numeric(noise(130, seed: 20 + $0)) }
    let model = try fit(NetworkTests.learners[which], columns, noise(130, seed: 30), levels: Levels.hub)
    let all = table(columns, rows: 130)
    let together = model.predict(all)
    for i in [0, 1, 41, 64, 129] { #expect(Array(together.row(i)) == model.predict(all.selecting([i])).values) }
    for i in 0..<130 { #expect(zip(together.row(i), together.row(i).dropFirst()).allSatisfy { $0 <= $1 }) }
  }

  @Test(arguments: 0..<3) func whatIsWrittenReadsBackAndDamageIsAFailure(_ which: Int) throws {
    let learner = NetworkTests.learners[which]
    let columns: [FeatureTable.Column] = [
      .numeric(noise(40, seed: 9)), .categorical(codes: (0..<40).map { Int32($0 % 4) - 1 }, categories: ["p", "q", "r"]),
    ]
    let model = try fit(learner, columns, noise(40, seed: 10), settings: [("networks", "1"), ("hidden", "4"), ("layers", "1"), ("steps", "20")])
    let written = bytes(model)
    var reader = ByteReader(written)
    let again = try learner.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd)
    #expect(again.predict(table(columns, rows: 40)) == model.predict(table(columns, rows: 40)))
    for length in 0..<written.count {
      var reader = ByteReader(Array(written[..<length]))
      #expect(throws: Failure.self) { _ = try learner.fitted.init(decoding: &reader) }
    }
  }

  @Test(arguments: 0..<3) func rowsOfWeightZeroTeachNothing(_ which: Int) throws {
    let learner = NetworkTests.learners[which]
    let (x, y) = (noise(60, seed: 5), noise(60, seed: 6))
    let half = try fit(learner, [.numeric(Array(x[..<30]))], Array(y[..<30]), weights: [Double](repeating: 1, count: 30))
    let weighted = try fit(
      learner, [.numeric(Array(x[..<30]) + [Double](repeating: .nan, count: 30))], y, weights: (0..<60).map { $0 < 30 ? 1 : 0 })
    #expect(bytes(half) == bytes(weighted))
    #expect(throws: Failure.self) { try fit(learner, [.numeric(x)], y, weights: [Double](repeating: 0, count: 60)) }
  }

  @Test(arguments: 0..<3) func hostileTablesAreAnsweredWithNumbers(_ which: Int) throws {
    let learner = NetworkTests.learners[which]
    let huge = Double.greatestFiniteMagnitude
    let x = noise(40, seed: 7)
    let few: [(String, String)] = [("networks", "2"), ("hidden", "8"), ("layers", "1"), ("steps", "60")]
    func check(_ columns: [FeatureTable.Column], _ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.000001, 0.5, 0.999999]) throws {
      let answer = try fit(learner, columns, target, weights: weights, levels: levels, settings: few).predict(table(columns, rows: target.count))
      #expect(answer.values.allSatisfy { $0.isFinite })
    }
    try check([.numeric([3])], [7])
    try check([.numeric([3, 4])], [7, 8])
    try check([], [1, 2, 3])
    try check([.numeric(x), .numeric([Double](repeating: 2, count: 40))], x.map { $0 * 1e150 })
    try check([.numeric(x.map { $0 * 1e-150 }), .numeric(x.map { $0 * 1e150 })], x.map { $0 * 1e-150 })
    try check([.numeric((0..<40).map { $0 % 2 == 0 ? huge : -huge })], (0..<40).map { Double($0 % 5 - 2) * (huge / 2) })
    try check([.numeric(x)], x.map { $0 * 5e-324 * 4 })
    try check([.numeric(x)], x, weights: (0..<40).map { [1e300, 1e-300, 1, 0][$0 % 4] })
    try check((0..<60).map { c in .numeric(noise(20, seed: UInt64(c))) }, Array(x[..<20]), levels: [0.5])
    try check([.numeric(x.map { $0 > 0 ? $0 : .nan }), .numeric([Double](repeating: .nan, count: 40))], x)
  }

  @Test(arguments: 0..<3) func aConstantTargetIsAnsweredExactly(_ which: Int) throws {
    for value in [0, 7.3, -1e150, 5e-324] {
      let answer = try fit(NetworkTests.learners[which], [.numeric(noise(10, seed: 8))], [Double](repeating: value, count: 10))
        .predict(table([.numeric([0, 1e300, .nan])], rows: 3))
      #expect(answer.values.allSatisfy { $0 == value })
    }
  }

  @Test func tenThousandCategoriesShareInputs() throws {
    let n = 12_000
    let names = (0..<10_000).map { "c\($0)" }
    var random = RandomStream(seed: 9)
    let codes = (0..<n).map { _ in Int32(random.uniform() < 0.3 ? 17 : random.below(10_000)) }
    let y = codes.map { $0 == 17 ? 5 : 0.0 }
    let columns: [FeatureTable.Column] = [.categorical(codes: codes, categories: names.map { FieldText($0) })]
    let model = try fit(DirectQuantileNetwork.self, columns, y, settings: [("networks", "1"), ("hidden", "16"), ("layers", "1"), ("steps", "600")])
    let answer = model.predict(table([.categorical(codes: [1, 0, -1], categories: ["c9", "c17"])], rows: 3))
    #expect(answer[0, 1] > 4 && answer[1, 1] < 1)
  }

  @Test func aLargeStepIsMadeSmaller() throws {
    let x = noise(300, seed: 11)
    let answer = try fit(
      DirectQuantileNetwork.self, [.numeric(x)], x.map { 3 * $0 }, settings: NetworkTests.quick.dropLast() + [("steps", "2000"), ("rate", "1")]
    )
    .predict(table([.numeric([-1, 1])], rows: 2))
    #expect(answer.values.allSatisfy { $0.isFinite })
    #expect(answer[1, 1] > answer[0, 1])
  }
}
