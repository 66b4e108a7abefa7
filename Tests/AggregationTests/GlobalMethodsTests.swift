import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

/// Figures: scripts/reference/global.py, scipy linprog (HiGHS dual simplex).
@Suite struct GlobalReferenceTests {
  private func medium(_ training: AggregationTraining, _ settings: [String: String] = [:]) throws -> FittedGlobalWeights {
    try fit(GlobalMedium.self, training, settings) as! FittedGlobalWeights
  }

  private func fine(_ training: AggregationTraining, _ shrinkage: Double) throws -> FittedGlobalFine {
    try fit(GlobalFine.self, training, ["shrinkage": "\(shrinkage)"]) as! FittedGlobalFine
  }

  private let rowWeights = (0..<200).map { 1 + Double($0 % 5) }

  @Test func mediumEqualsALinearProgrammingSolver() throws {
    let cases: [(AggregationTraining, Double)] = [
      (referenceTable(rows: 30, models: 4, levels: 3, seed: 1), 0.5569844524157415),
      (referenceTable(rows: 200, models: 6, levels: 9, seed: 2), 1.2559014057084121),
      (referenceTable(rows: 200, models: 6, levels: 9, seed: 2, weights: rowWeights), 1.2556243437977623),
      (referenceTable(rows: 3, models: 8, levels: 2, seed: 3), 0.0457832365897176),
    ]
    for (training, optimum) in cases {
      let fitted = try medium(training)
      #expect(abs(fitted.objective / optimum - 1) < 1e-11)
      #expect(fitted.gap <= 1e-10 * fitted.objective)
      #expect(abs(training.loss(fitted.answer(training.predictions, features: nil)) / optimum - 1) < 1e-11)
    }
  }

  @Test func fineEqualsALinearProgrammingSolver() throws {
    let small = referenceTable(rows: 30, models: 4, levels: 3, seed: 1)
    let large = referenceTable(rows: 200, models: 6, levels: 9, seed: 2)
    let weighted = referenceTable(rows: 200, models: 6, levels: 9, seed: 2, weights: rowWeights)
    let cases: [(AggregationTraining, Double, Double)] = [
      (small, 0, 0.18474780089440082), (large, 0, 0.48690735191887036), (weighted, 0, 0.4671405428095454),
      (small, 0.05, 0.20868239407383327), (large, 0.05, 0.5617817976178492), (weighted, 0.05, 0.5406960378786596),
    ]
    for (training, shrinkage, optimum) in cases {
      let fitted = try fine(training, shrinkage)
      #expect(abs(fitted.objective / optimum - 1) < 1e-8)
      #expect(fitted.gap <= 1e-8 * fitted.objective)
      if shrinkage == 0 { #expect(abs(training.loss(fitted.answer(training.predictions, features: nil)) / optimum - 1) < 1e-8) }
    }
  }

  /// Every third row's quantiles in the wrong order.
  private func crossing(rows: Int, models: Int, levels: Int, seed: Int, weights: [Double]? = nil) -> AggregationTraining {
    let training = referenceTable(rows: rows, models: models, levels: levels, seed: seed, weights: weights)
    return training.mapping { i, j, t, v in i % 3 == 0 ? training.value(i, j, levels - 1 - t) : v }
  }

  private func deviation(_ training: AggregationTraining) -> Double {
    let weights = training.weights ?? training.target.map { _ in 1 }
    let total = weights.reduce(0, +)
    let mean = zip(training.target, weights).reduce(0) { $0 + $1.0 * $1.1 } / total
    return (zip(training.target, weights).reduce(0) { $0 + $1.1 * ($1.0 - mean) * ($1.0 - mean) } / total).squareRoot()
  }

  @Test func theCrossingPenaltyEqualsALinearProgrammingSolver() throws {
    let plain = referenceTable(rows: 40, models: 4, levels: 4, seed: 5)
    let crossed = crossing(rows: 40, models: 4, levels: 4, seed: 5)
    let weighted = crossing(rows: 60, models: 5, levels: 5, seed: 6, weights: (0..<60).map { 1 + Double($0 % 5) })
    let cases: [(AggregationTraining, Double, Double, coarse: Double?, medium: Double)] = [
      (plain, 1, 0, 1.2090971498878647, 0.7710478080953708), (crossed, 1, 0, 6.370751422491025, 4.781176061081627),
      (crossed, 0.1, 0, 2.511913347862822, 2.1613234600578513), (plain, 2, 0.05, 1.2090971498878647, 0.7776501925127464),
      (crossed, 0.5, 0.05, 4.281012965844657, 3.3941195413704923), (weighted, 1, 0.01, nil, 6.268528215577259),
    ]
    for (training, strength, margin, coarseOptimum, mediumOptimum) in cases {
      let settings = ["noncrossing": "penalty", "crossing": "\(strength)", "delta": "\(margin / deviation(training))"]
      let found = try medium(training, settings)
      #expect(abs(found.objective / mediumOptimum - 1) < 1e-8, "medium, \(strength), \(margin)")
      #expect(found.gap <= 1e-8 * found.objective)
      if let coarseOptimum {
        let found = try fit(GlobalCoarse.self, training, settings) as! FittedGlobalWeights
        #expect(abs(found.objective / coarseOptimum - 1) < 1e-8, "coarse, \(strength), \(margin)")
        #expect(found.gap <= 1e-8 * found.objective)
      }
    }
  }

  /// Penalised weights lose no less and cross no more than those without penalty.
  @Test func adaptiveMarginsTradeLossForDistance() throws {
    let training = crossing(rows: 60, models: 4, levels: 5, seed: 7)
    func crossings(_ answer: Matrix) -> Double {
      var sum = 0.0
      for i in 0..<60 { for t in 0..<5 { for u in t..<5 { sum += max(0, answer[i, t] - answer[i, u]) } } }
      return sum
    }
    let plain = try medium(training).answer(training.predictions, features: nil)
    let kept = try medium(training, ["noncrossing": "penalty", "margin": "adaptive", "delta": "0.1"]).answer(training.predictions, features: nil)
    #expect(training.loss(kept) >= training.loss(plain) * (1 - 1e-12))
    #expect(crossings(kept) < crossings(plain))
  }

  @Test func operatorsInsideTheLossAreRefused() {
    for name in ["sort", "pava", "minmax"] {
      for method in [GlobalCoarse.self, GlobalMedium.self] as [any Aggregator.Type] {
        let failure = #expect(throws: Failure.self) { try fit(method, referenceTable(rows: 5, models: 2, levels: 2, seed: 1), ["noncrossing": name]) }
        #expect(failure?.status == .usage)
        #expect(failure?.description.contains("penalty") ?? false)
      }
    }
  }
}

@Suite struct GlobalMethodsTests {
  private static let methods: [any Aggregator.Type] = [GlobalCoarse.self, GlobalMedium.self, GlobalFine.self]

  @Test func finerWeightsNeverLoseMoreInTraining() throws {
    for seed in 1...6 {
      let training = referenceTable(rows: 40, models: 4, levels: 5, seed: seed)
      func loss(_ method: any Aggregator.Type, _ settings: [String: String] = [:]) throws -> Double {
        training.loss(try fit(method, training, settings).answer(training.predictions, features: nil))
      }
      let coarse = try loss(GlobalCoarse.self)
      let medium = try loss(GlobalMedium.self)
      let fine = try loss(GlobalFine.self, ["shrinkage": "0"])
      #expect(medium <= coarse * (1 + 1e-9) && fine <= medium * (1 + 1e-9))
      let shrunk = try loss(GlobalFine.self, ["shrinkage": "0.1"])
      #expect(fine <= shrunk * (1 + 1e-9) && shrunk <= medium * (1 + 1e-9))
      let kept = try loss(GlobalFine.self, ["shrinkage": "1e6"])
      #expect(abs(kept / medium - 1) < 1e-9)
    }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    let training = referenceTable(rows: 120, models: 4, levels: 9, seed: 7)
    for (method, settings) in [(GlobalMedium.self, [:]), (GlobalMedium.self, ["noncrossing": "penalty", "delta": "0.05"]), (GlobalFine.self, [:])]
      as [(any Aggregator.Type, [String: String])]
    {
      let one = encoded(try fit(method, training, settings, threads: 1))
      for threads in [2, 5] { #expect(encoded(try fit(method, training, settings, threads: threads)) == one) }
    }
  }

  @Test func rowWeightsHaveNoScaleAndZeroTeachesNothing() throws {
    let training = referenceTable(rows: 60, models: 3, levels: 4, seed: 9, weights: (0..<60).map { $0 < 50 ? 1 + Double($0 % 3) : 0 })
    let scaled = AggregationTraining(predictions: training.predictions, target: training.target, weights: training.weights!.map { $0 * 1024 })
    let absurd = training.mapping { i, _, _, v in i < 50 ? v : 1e300 }
    for method in [GlobalMedium.self, GlobalFine.self, QuantileRegressionAveraging.self, FactorQuantileRegressionAveraging.self]
      as [any Aggregator.Type]
    {
      let plain = try fit(method, training).answer(training.predictions, features: nil)
      for other in [scaled, absurd] {
        let answer = try fit(method, other).answer(training.predictions, features: nil)
        #expect(answer == plain, "\(method.description.name)")
      }
    }
  }

  /// Small integers make hundreds of residuals vanish at once.
  @Test func tiesAreCertifiedToo() throws {
    var random = RandomStream(seed: 12)
    for _ in 0..<10 {
      let target = (0..<60).map { _ in Double(random.below(4)) }
      let values = (0..<(60 * 5 * 5)).map { _ in Double(random.below(4)) }
      let training = table([0.1, 0.3, 0.5, 0.7, 0.9], target, values)
      let medium = try fit(GlobalMedium.self, training) as! FittedGlobalWeights
      #expect(medium.gap <= 1e-9 * medium.objective)
      for shrinkage in ["0", "0.05"] {
        let fine = try fit(GlobalFine.self, training, ["shrinkage": shrinkage]) as! FittedGlobalFine
        #expect(fine.gap <= 1e-8 * fine.objective)
        #expect(training.loss(fine.answer(training.predictions, features: nil)) <= medium.objective * (1 + 1e-8))
      }
      let kept = try fit(GlobalMedium.self, training, ["noncrossing": "penalty"]) as! FittedGlobalWeights
      #expect(kept.gap <= 1e-8 * kept.objective)
    }
  }

  /// One model is answered as it is; two alike like one.
  @Test func oneModelAndTwoAlikeAreThemselves() throws {
    let single = referenceTable(rows: 30, models: 1, levels: 4, seed: 4)
    let doubled = table(
      single.levels, single.target,
      single.predictions.values.indices.filter { $0 % 4 == 0 }.flatMap { k in
        Array(single.predictions.values[k..<k + 4]) + Array(single.predictions.values[k..<k + 4])
      })
    for method in Self.methods {
      let settings = method.description.name == "global-fine" ? ["shrinkage": "1e6"] : [:]
      for training in [single, doubled] {
        let answer = try fit(method, training, settings).answer(training.predictions, features: nil)
        for (a, b) in zip(answer.values, single.predictions.values) { #expect(abs(a - b) < 1e-12 * 30, "\(method.description.name)") }
      }
    }
  }

  @Test func aHundredModelsAreLearnt() throws {
    let training = referenceTable(rows: 40, models: 100, levels: 2, seed: 4)
    for (method, settings) in learningMethods {
      let answer = try fit(method, training, settings).answer(training.predictions, features: training.features)
      #expect(answer.values.allSatisfy { $0.isFinite }, "\(method.description.name)")
    }
  }

  /// A constant 1e300, a model without any prediction, and one with a few.
  @Test func hostileModelsLeaveTheOthersAlone() throws {
    let plain = referenceTable(rows: 80, models: 5, levels: 3, seed: 10)
    let hostile = plain.mapping { i, j, _, v in j == 1 ? 1e300 : j == 2 ? .nan : j == 3 && i % 7 == 0 ? .nan : v }
    for (method, settings) in learningMethods {
      let fitted = try fit(method, hostile, settings)
      let answer = fitted.answer(hostile.predictions, features: hostile.features)
      #expect(answer.values.allSatisfy { $0.isFinite }, "\(method.description.name)")
      #expect(hostile.loss(answer) < 10, "\(method.description.name)")
      let none = fitted.answer(predictions(plain.levels, rows: 1, models: 5, [Double](repeating: .nan, count: 15)), features: numbered(1))
      #expect(none.values.allSatisfy { $0.isNaN }, "\(method.description.name)")
    }
  }

  /// Model a gives the outer levels, b the inner ones.
  @Test func levelsThatNoTwoModelsShare() throws {
    let training = referenceTable(rows: 60, models: 2, levels: 4, seed: 11).mapping { _, j, t, v in (j == 0) == (t == 0 || t == 3) ? v : .nan }
    for (method, settings) in learningMethods {
      let answer = try fit(method, training, settings).answer(training.predictions, features: training.features)
      #expect(answer.values.allSatisfy { $0.isFinite }, "\(method.description.name)")
    }
    let medium = try fit(GlobalMedium.self, training)
    #expect(medium.weights![0, 0] == 1 && medium.weights![1, 1] == 1)
  }

  @Test func damageIsFound() throws {
    let training = referenceTable(rows: 30, models: 3, levels: 3, seed: 1)
    for (method, settings) in learningMethods {
      let fitted = try fit(method, training, settings)
      let bytes = encoded(fitted)
      var reader = ByteReader(bytes)
      let copy = try method.fitted.init(decoding: &reader)
      #expect(reader.isAtEnd && encoded(copy) == bytes, "\(method.description.name)")
      #expect(copy.answer(training.predictions, features: training.features) == fitted.answer(training.predictions, features: training.features))
      for length in 0..<bytes.count {
        var reader = ByteReader(Array(bytes[..<length]))
        #expect(throws: Failure.self) { try method.fitted.init(decoding: &reader) }
      }
    }
  }
}
