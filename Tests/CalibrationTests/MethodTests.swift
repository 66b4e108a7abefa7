import Calibration
import Groundwork
import MethodKit
import Quantiles
import TestSupport
import Testing

private let inf = Double.infinity

private func specified(_ name: String, _ settings: [(key: String, value: String)] = []) throws -> any Calibrator {
  let type = calibratorRegistry.first { $0.description.name == name }!
  return type.init(settings: try Settings(settings, of: type.description))
}

/// Every method with each of its settings' values.
private let everyMethod: [(String, [(key: String, value: String)])] = [
  ("cqr", []), ("cqr-m", []), ("cqr-r", []), ("asymmetric", []), ("asymmetric", [("bound", "upper")]), ("asymmetric", [("bound", "lower")]),
  ("residual", []), ("residual", [("scale", "width")]), ("distributional", []), ("weighted", []),
]

private let hub = Levels.hub
private let pairLevels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]

/// Rows with crossings, ties, infinities and, where asked for, missing quantiles.
private func hostile(rows: Int, levels: [Double], missing: Bool, weights: Bool, seed: UInt64) -> CalibrationTraining {
  var random = RandomStream(seed: seed)
  let quantiles = (0..<rows * levels.count).map { _ -> Double in
    let kind = random.below(25)
    if missing && kind < 3 { return .nan }
    return kind == 24 ? (random.below(2) == 0 ? inf : -inf) : Double(random.below(9)) - 4
  }
  return CalibrationTraining(
    levels: levels, quantiles: Matrix(rows: rows, columns: levels.count, values: quantiles),
    target: (0..<rows).map { _ in Double(random.below(9)) - 4 },
    weights: weights ? (0..<rows).map { _ in Double(random.below(4)) } : nil)
}

/// Increasing quantiles of a wrong forecast, with spreads that differ between rows, and targets of another distribution.
private func sample(_ n: Int, levels: [Double], _ random: inout RandomStream, shift: (Double) -> Double = { _ in 0 }) -> (
  CalibrationTraining, x: [Double]
) {
  var (values, target, xs): ([Double], [Double], [Double]) = ([], [], [])
  for _ in 0..<n {
    let x = random.uniform()
    let noise = (0..<4).reduce(-2.0) { sum, _ in sum + random.uniform() }
    target.append(2 * x + (0.5 + x) * noise + shift(x))
    values += levels.map { 2 * x + 0.2 + (0.3 + x) * NormalDistribution.quantile($0) / 2 }
    xs.append(x)
  }
  return (CalibrationTraining(levels: levels, quantiles: Matrix(rows: n, columns: levels.count, values: values), target: target), xs)
}

private func fit(_ method: (String, [(key: String, value: String)]), _ training: CalibrationTraining) throws -> any FittedCalibrator {
  try specified(method.0, method.1).fit(training, context: FitContext())
}

/// The plain conformal quantile: the least score whose share of rows is enough, by counting; +∞ has the mass of one row.
private func plainQuantile(_ scores: [Double], weights: [Double]? = nil, weight: Double = 1, coverage: (Int, Int)) -> Double {
  let weights = weights ?? scores.map { _ in 1 }
  let total = weights.reduce(weight, +)
  for q in Set(scores).sorted() {
    let mass = scores.indices.reduce(0.0) { $0 + (scores[$1] <= q ? weights[$1] : 0) }
    if mass * Double(coverage.1) >= total * Double(coverage.0) { return q }
  }
  return inf
}

/// `cqr` under another name, of use with weights only.
private struct MadeUp: ConformityMeasure {
  static let description = MethodDescription(name: "made-up", summary: "")
  static let ordersFirst = false
  static let needsWeights = true
  private let plain: ConformalizedQuantileRegression

  init(levels: [Double], settings: Settings) { plain = ConformalizedQuantileRegression(levels: levels, settings: settings) }
  var bounds: [ConformalBound] { plain.bounds }
  var order: OutwardOrder { plain.order }
  func score(_ row: UnsafePointer<Double>, target: Double, bound k: Int) -> Double { plain.score(row, target: target, bound: k) }
  func move(_ row: UnsafeMutableBufferPointer<Double>, to thresholds: UnsafePointer<Double>) { plain.move(row, to: thresholds) }
  static func effect(of threshold: String) -> String { "" }
}

/// Answers with the whole line.
private struct MadeUpOnline: OnlineCalibrator {
  struct State: BinaryCodable {
    init() {}
    init(decoding reader: inout ByteReader) {}
    func encode(into writer: inout ByteWriter) {}
  }
  static let description = MethodDescription(name: "made-up-online", summary: "")
  init(alpha: Double, settings: Settings) {}
  var start: State { State() }
  func thresholds(_ state: State) -> OnlineThresholds { OnlineThresholds(both: .infinity) }
  var answerSize: Int { 0 }
  func answer(_ state: State, into answer: UnsafeMutableBufferPointer<Double>) {}
  func learn(_ lessons: [OnlineLesson], into state: inout State) {}
  func mayReach(_ state: State) -> Bool { true }
}

@Suite struct MethodTests {
  @Test func everyMethodIsRegisteredOnce() {
    let names = calibratorRegistry.map { $0.description.name }
    #expect(Set(names).count == names.count && Set(everyMethod.map(\.0) + ["conditional"]) == Set(names))
    let all = calibrationRegistry.descriptions.map(\.name)
    #expect(Set(all).count == all.count)
    // Kinds stand together: rows, copies, online.
    #expect(all == names + calibrationRegistry.ofCopies.map { $0.description.name } + onlineRegistry.map { $0.description.name })
  }

  /// A method of each kind that only the list knows is found among its kind, by its name, and in what help lists.
  @Test func whatIsRegisteredIsFound() throws {
    let registry = calibrationRegistry + [.ofRows(SplitConformal<MadeUp>.self), .online(MadeUpOnline.self)]
    #expect(registry.descriptions.suffix(2).map(\.name) == ["made-up", "made-up-online"])
    #expect(registry.ofRows.last.map { $0 == SplitConformal<MadeUp>.self } == true && registry.online.last.map { $0 == MadeUpOnline.self } == true)
    guard case .ofRows(let type) = try #require(registry["made-up"]) else {
      Issue.record("it learns from rows")
      return
    }
    let calibrator = type.init(settings: try Settings(of: type.description))
    #expect(calibrator.needsWeights && calibrator.takesWeights && !calibrator.usesFeatures && !calibrator.makesIntervals)
    let training = CalibrationTraining(
      levels: [0.1, 0.9], quantiles: Matrix(rows: 19, columns: 2, values: (0..<19).flatMap { _ in [0.0, 1] }), target: (0..<19).map { Double($0) })
    // ⌈0.8 · 20⌉ = 16: the 16th smallest of the scores 0, 0, 1, … 17.
    #expect(try calibrator.fit(training, context: FitContext()).calibrated([0, 1]) == [-14, 15])
  }

  @Test func onlyMethodsThatSaySoNeedOrRefuseWeights() throws {
    for type in calibratorRegistry {
      let calibrator = type.init(settings: try Settings(of: type.description))
      #expect(calibrator.needsWeights == (type.description.name == "weighted"))
      #expect(calibrator.takesWeights == (type.description.name != "conditional"))
    }
  }

  /// α = a/100: amounts are the ⌈(1 − α)(n + 1)⌉-th smallest of scores computed here from their definitions.
  @Test func amountsAreTheOrderStatisticsOfTheScores() throws {
    for n in 0...50 {
      for percent in [1, 2, 5, 10, 20, 30, 33, 40, 50] {
        let level = Levels.rounded(Double(percent) / 200)
        var random = RandomStream(seed: UInt64(1000 * n + percent))
        // Whole numbers tie; quantiles in order, widths above zero.
        let rows = (0..<n).map { _ in
          (l: -1.0 - Double(random.below(4)), m: Double(random.below(2)), u: 2.0 + Double(random.below(4)), y: Double(random.below(15)) - 7)
        }
        let training = CalibrationTraining(
          levels: [level, 0.5, Levels.rounded(1 - level)], quantiles: Matrix(rows: n, columns: 3, values: rows.flatMap { [$0.l, $0.m, $0.u] }),
          target: rows.map(\.y))
        func amount(_ method: String, _ settings: [(key: String, value: String)] = [], _ k: Int = 0) throws -> Double {
          try fit((method, settings), training).corrections[k].amount
        }
        let both = (100 - percent, 100)
        let one = (200 - percent, 200)
        #expect(try amount("cqr") == plainQuantile(rows.map { max($0.l - $0.y, $0.y - $0.u) }, coverage: both))
        #expect(try amount("cqr-m") == plainQuantile(rows.map { max(($0.l - $0.y) / ($0.m - $0.l), ($0.y - $0.u) / ($0.u - $0.m)) }, coverage: both))
        #expect(try amount("cqr-r") == plainQuantile(rows.map { max($0.l - $0.y, $0.y - $0.u) / ($0.u - $0.l) }, coverage: both))
        #expect(try amount("residual") == plainQuantile(rows.map { abs($0.y - $0.m) }, coverage: both))
        #expect(try amount("residual", [("scale", "width")]) == plainQuantile(rows.map { abs($0.y - $0.m) / ($0.u - $0.l) }, coverage: both))
        #expect(try amount("asymmetric") == plainQuantile(rows.map { $0.l - $0.y }, coverage: one))
        #expect(try amount("asymmetric", [], 1) == plainQuantile(rows.map { $0.y - $0.u }, coverage: one))
        #expect(try amount("asymmetric", [("bound", "upper")], 1) == plainQuantile(rows.map { $0.y - $0.m }, coverage: (1, 2)))
        #expect(try amount("asymmetric", [("bound", "lower")], 2) == plainQuantile(rows.map { $0.u - $0.y }, coverage: (percent, 200)))
      }
    }
  }

  /// A level is answered at the ⌊τ(n + 1)⌋-th or ⌈τ(n + 1)⌉-th smallest normal score of the targets. The forecast is standard
  /// normal, so a target is its own normal score, tails included.
  @Test func distributionalLevelsAreOrderStatisticsOfTheRanks() throws {
    for n in [1, 2, 3, 9, 19, 20, 50] {
      var random = RandomStream(seed: UInt64(n))
      let forecast = pairLevels.map { NormalDistribution.quantile($0) }
      let target = (0..<n).map { _ in random.uniform() * 8 - 4 }
      let training = CalibrationTraining(
        levels: pairLevels, quantiles: Matrix(rows: n, columns: forecast.count, values: target.flatMap { _ in forecast }), target: target)
      let answer = try fit(("distributional", []), training).calibrated(forecast)
      let sorted = target.sorted()
      func at(_ rank: Int) -> Double { rank < 1 ? -inf : rank > n ? inf : sorted[rank - 1] }
      for (j, level) in pairLevels.enumerated() {
        let percent = Int((level * 100).rounded())
        let (below, above) = (at(percent * (n + 1) / 100), at((percent * (n + 1) + 99) / 100))
        let expected = level < 0.5 ? below : level > 0.5 ? above : (below + above) / 2
        #expect(answer[j] == expected || abs(answer[j] - expected) < 1e-12)
      }
    }
  }

  /// Tibshirani et al. 2019, eq. 8, against counting; whole weights make both exact, and zero ones count nothing.
  @Test func weightedQuantilesGiveInfinityItsOwnMass() throws {
    for n in 1...50 {
      for percent in [1, 10, 20, 33, 50] {
        var random = RandomStream(seed: UInt64(100 * n + percent))
        let level = Levels.rounded(Double(percent) / 200)
        let target = (0..<n).map { _ in Double(random.below(12)) }
        let weights = (0..<n).map { _ in Double(random.below(5)) }
        let training = CalibrationTraining(
          levels: [level, Levels.rounded(1 - level)], quantiles: Matrix(rows: n, columns: 2), target: target, weights: weights)
        let fitted = try fit(("cqr", []), training)
        let without = try specified("cqr").leaveOneOut(training, context: FitContext())
        for weight in [0.0, 1, 3, 40] where weights.reduce(weight, +) > 0 {
          #expect(
            fitted.calibrated([0, 0], weight: weight)[1] == plainQuantile(target, weights: weights, weight: weight, coverage: (100 - percent, 100)))
          let i = random.below(n)
          let others = (0..<n).filter { $0 != i }
          let expected =
            others.isEmpty || others.allSatisfy { weights[$0] == 0 } && weight == 0
            ? inf : plainQuantile(others.map { target[$0] }, weights: others.map { weights[$0] }, weight: weight, coverage: (100 - percent, 100))
          #expect(try without(i).calibrated([0, 0], weight: weight)[1] == expected)
        }
      }
    }
  }

  @Test func equalWeightsAreNoWeights() throws {
    for method in everyMethod {
      for scale in [1.0, 0.1, 0.3, 1e300, 1e-300] {
        let plain = hostile(rows: 60, levels: pairLevels, missing: true, weights: false, seed: 5)
        let weighted = CalibrationTraining(
          levels: pairLevels, quantiles: plain.quantiles, target: plain.target, weights: plain.target.map { _ in scale }, typicalWeight: scale)
        let (a, b) = (try fit(method, plain), try fit(method, weighted))
        #expect(a.corrections == b.corrections)
        for i in 0..<60 { #expect(same(a.calibrated(Array(plain.quantiles.row(i))), b.calibrated(Array(plain.quantiles.row(i)), weight: scale))) }
      }
    }
  }

  @Test func leaveOneOutEqualsAllFits() throws {
    for method in everyMethod {
      for (seed, weights) in [(71, false), (72, true), (73, true)] as [(UInt64, Bool)] {
        for n in [1, 2, 3, 10, 20, 40] {
          let training = hostile(rows: n, levels: pairLevels, missing: true, weights: weights, seed: seed)
          let calibrator = try specified(method.0, method.1)
          let without = try calibrator.leaveOneOut(training, context: FitContext())
          for i in 0..<n {
            let expected = try calibrator.fit(training.selecting((0..<n).filter { $0 != i }), context: FitContext())
            let actual = try without(i)
            #expect(actual.corrections == expected.corrections)
            let row = Array(training.quantiles.row(i))
            #expect(same(actual.calibrated(row, weight: 2), expected.calibrated(row, weight: 2)))
          }
        }
      }
    }
  }

  /// Answers are in order, hold no NaN that was not there, and residual intervals fill what was missing.
  @Test func answersAreOrderedAndNeverNaN() throws {
    for method in everyMethod {
      for weights in [false, true] {
        for n in [0, 1, 5, 60] {
          let training = hostile(rows: n, levels: pairLevels, missing: true, weights: weights, seed: 81)
          let fitted = try fit(method, training)
          let rows = hostile(rows: 200, levels: pairLevels, missing: true, weights: false, seed: 82)
          for i in 0..<200 {
            let row = Array(rows.quantiles.row(i))
            let answer = fitted.calibrated(row, weight: Double(i % 3))
            let present = answer.filter { !$0.isNaN }
            #expect(zip(present, present.dropFirst()).allSatisfy { $0 <= $1 }, "\(method) \(row) \(answer)")
            #expect(zip(row, answer).allSatisfy { $0.isNaN || !$1.isNaN })
            if method.0 != "residual" { #expect(row.map(\.isNaN) == answer.map(\.isNaN)) }
          }
        }
      }
    }
  }

  /// The set of a bound holds exactly the targets whose scores are at most the threshold: with the target of a taught row as the
  /// only one, the answer's end is that target, on either side, wherever ends move.
  @Test func setsEndWhereScoresSayTheyDo() throws {
    var random = RandomStream(seed: 91)
    for method in everyMethod {
      for _ in 0..<200 {
        let levels = [0.25, 0.5, 0.75]
        let values = [random.uniform(), 1 + random.uniform(), 2 + random.uniform()]
        let y = random.uniform() * 6 - 2
        let training = CalibrationTraining(
          levels: levels, quantiles: Matrix(rows: 3, columns: 3, values: values + values + values), target: [y, y, y])
        let answer = try fit(method, training).calibrated(values)
        let slack = 1e-12
        switch method.1.first?.value {
        case "upper": #expect(answer.allSatisfy { $0 >= y - slack } && abs(answer[0] - y) < slack)
        case "lower": #expect(answer.allSatisfy { $0 <= y + slack } && abs(answer[2] - y) < slack)
        default: #expect(answer[0] <= y + slack && y - slack <= answer[2], "\(method) \(values) \(y) \(answer)")
        }
      }
    }
  }

  /// Coverage of fresh rows given the calibration rows is Beta(k, n + 1 − k), k = ⌈(1 − α)(n + 1)⌉ (Vovk 2012): the distance of
  /// Kolmogorov and Smirnov over 2,000 repetitions stays below its 0.1 % point, 1.95/√2000. Scores are uniform, so coverage is Q.
  @Test(arguments: [(19, 0.1), (30, 0.05), (50, 0.25)])
  func coverageIsBetaDistributed(_ n: Int, _ level: Double) throws {
    var random = RandomStream(seed: 101)
    let levels = [level, 0.5, Levels.rounded(1 - level)]
    for (method, scale) in [("cqr", 1.0), ("residual", 1)] {
      var coverages: [Double] = []
      for _ in 0..<2000 {
        let training = CalibrationTraining(levels: levels, quantiles: Matrix(rows: n, columns: 3), target: (0..<n).map { _ in random.uniform() })
        coverages.append(try fit((method, []), training).calibrated([0, 0, 0])[2] * scale)
      }
      let rank = ConformalRank.rank(coverage: Level(key: Level.one - 2 * Level(level).key), rows: n)
      // P(Beta(k, n + 1 − k) ≤ x) is the chance that k or more of n uniforms are at most x.
      func law(_ x: Double) -> Double {
        var term = 1.0
        for _ in 0..<n { term *= 1 - x }
        var below = 0.0
        for j in 0..<rank {
          below += term
          term *= Double(n - j) / Double(j + 1) * x / (1 - x)
        }
        return 1 - below
      }
      let sorted = coverages.sorted()
      let distance = sorted.indices.map { max(abs(law(sorted[$0]) - Double($0) / 2000), abs(law(sorted[$0]) - Double($0 + 1) / 2000)) }.max()!
      #expect(distance < 1.95 / 2000.0.squareRoot())
    }
  }

  /// Small calibration sets, many times: every bound of every method holds for a fresh row at least as often as it promises, and
  /// where order moved nothing not more often than 1/(n + 1) above. Bounds are four standard errors.
  @Test func everyBoundOfEveryMethodHolds() throws {
    var random = RandomStream(seed: 111)
    let levels = [0.1, 0.25, 0.5, 0.75, 0.9]
    let repetitions = 4000
    let n = 23
    for method in everyMethod {
      var held: [Int] = []
      var bounds: [Correction] = []
      for _ in 0..<repetitions {
        let training = sample(n, levels: levels, &random).0
        let fresh = sample(1, levels: levels, &random).0
        let fitted = try fit(method, training)
        let answer = fitted.calibrated(Array(fresh.quantiles.row(0)))
        bounds = fitted.corrections
        if held.isEmpty { held = bounds.map { _ in 0 } }
        for (k, bound) in bounds.enumerated() {
          let isAbove = bound.lowerLevel.map { answer[levels.firstIndex(of: $0)!] <= fresh.target[0] } ?? true
          let isBelow = bound.upperLevel.map { fresh.target[0] <= answer[levels.firstIndex(of: $0)!] } ?? true
          if isAbove && isBelow { held[k] += 1 }
        }
      }
      for (k, bound) in bounds.enumerated() where !(method.0 == "distributional" && bound.levels == [0.5]) {
        let nominal = bound.levels.count == 2 ? bound.upperLevel! - bound.lowerLevel! : bound.upperLevel ?? 1 - bound.lowerLevel!
        let share = Double(held[k]) / Double(repetitions)
        let error = (nominal * (1 - nominal) / Double(repetitions)).squareRoot()
        #expect(share > nominal - 4 * error, "\(method) \(bound.levels): \(share) of \(nominal)")
        #expect(
          share < nominal + 1 / Double(n + 1) + 4 * error + (["asymmetric", "cqr", "weighted"].contains(method.0) ? 0.02 : 0),
          "\(method) \(bound.levels): \(share) of \(nominal)")
      }
    }
  }

  /// Rows to be answered come from p(x) ∝ x where those that taught came from x uniform: the likelihood ratio 2x as weight brings
  /// the coverage back that plain calibration loses.
  @Test func weightsUndoAKnownShift() throws {
    var random = RandomStream(seed: 121)
    let levels = [0.1, 0.9]
    var (plain, weighted) = (0, 0)
    let repetitions = 3000
    func draw(_ n: Int, shifted: Bool) -> (CalibrationTraining, [Double]) {
      var (xs, target): ([Double], [Double]) = ([], [])
      for _ in 0..<n {
        let x = shifted ? random.uniform().squareRoot() : random.uniform()
        xs.append(x)
        target.append((random.uniform() - 0.5) * 4 * x * x)
      }
      return (CalibrationTraining(levels: levels, quantiles: Matrix(rows: n, columns: 2), target: target, weights: xs.map { 2 * $0 }), xs)
    }
    for _ in 0..<repetitions {
      let training = draw(60, shifted: false).0
      let (fresh, x) = draw(1, shifted: true)
      let bare = CalibrationTraining(levels: levels, quantiles: training.quantiles, target: training.target)
      let bareEnd = try fit(("cqr", []), bare).calibrated([0, 0])[1]
      let weightedEnd = try fit(("weighted", []), training).calibrated([0, 0], weight: 2 * x[0])[1]
      if abs(fresh.target[0]) <= bareEnd { plain += 1 }
      if abs(fresh.target[0]) <= weightedEnd { weighted += 1 }
    }
    let error = (0.8 * 0.2 / Double(repetitions)).squareRoot()
    #expect(Double(plain) / Double(repetitions) < 0.8 - 4 * error)
    #expect(Double(weighted) / Double(repetitions) > 0.8 - 4 * error)
    #expect(Double(weighted) / Double(repetitions) < 0.9)
  }

  /// Calibration of each group by its own rows covers in each, where one for all fails in the group whose errors are large
  /// (Vovk 2012, "Conditional validity of inductive conformal predictors", §3). Bounds are four standard errors.
  @Test func everyGroupCalibratedByItselfIsCovered() throws {
    var random = RandomStream(seed: 151)
    let spreads = [1.0, 2, 5]
    let repetitions = 3000
    var (own, together) = ([0, 0, 0], [0, 0, 0])
    for _ in 0..<repetitions {
      let groups = (0..<75).map { $0 % 3 }
      let training = CalibrationTraining(
        levels: [0.1, 0.9], quantiles: Matrix(rows: 75, columns: 2), target: groups.map { (random.uniform() - 0.5) * spreads[$0] })
      let all = try fit(("cqr", []), training).calibrated([0, 0])[1]
      for g in 0..<3 {
        let target = (random.uniform() - 0.5) * spreads[g]
        let end = try fit(("cqr", []), training.selecting(groups.indices.filter { groups[$0] == g })).calibrated([0, 0])[1]
        if abs(target) <= end { own[g] += 1 }
        if abs(target) <= all { together[g] += 1 }
      }
    }
    let error = (0.8 * 0.2 / Double(repetitions)).squareRoot()
    for g in 0..<3 {
      #expect(Double(own[g]) / Double(repetitions) > 0.8 - 4 * error)
      #expect(Double(own[g]) / Double(repetitions) < 0.8 + 1.0 / 26 + 4 * error)
    }
    #expect(Double(together[2]) / Double(repetitions) < 0.7)
  }

  /// Order tightens no bound.
  @Test func outwardOrderNeverLowersCoverage() {
    var random = RandomStream(seed: 131)
    for side in 0..<3 {
      let order = side == 0 ? OutwardOrder(levels: pairLevels) : OutwardOrder(levels: pairLevels, boundingFrom: side == 1 ? .below : .above)
      for _ in 0..<2000 {
        let row = pairLevels.map { _ in Double(random.below(12)) }
        var answer = row
        answer.withUnsafeMutableBufferPointer { order.apply(to: $0) }
        for j in pairLevels.indices {
          if side == 1 || side == 0 && pairLevels[j] < 0.5 { #expect(answer[j] <= row[j]) }
          if side == 2 || side == 0 && pairLevels[j] > 0.5 { #expect(answer[j] >= row[j]) }
        }
        #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 })
      }
    }
  }

  @Test func medianIsNeededWhereScoresUseIt() {
    let training = CalibrationTraining(levels: [0.1, 0.9], quantiles: Matrix(rows: 1, columns: 2), target: [0])
    for method in ["cqr-m", "residual"] { #expect(throws: Failure.self) { try fit((method, []), training) } }
    #expect(throws: Failure.self) {
      try fit(("distributional", []), CalibrationTraining(levels: [0.5], quantiles: Matrix(rows: 1, columns: 1), target: [0]))
    }
  }

  @Test func encodedCalibrationsReadBackAndDamagedOnesNeverCrash() throws {
    var random = RandomStream(seed: 141)
    for method in everyMethod {
      for weights in [false, true] {
        let training = hostile(rows: 30, levels: pairLevels, missing: true, weights: weights, seed: 142)
        let calibrator = try specified(method.0, method.1)
        let fitted = try calibrator.fit(training, context: FitContext())
        var writer = ByteWriter()
        fitted.encode(into: &writer)
        var reader = ByteReader(writer.bytes)
        let decoded = try calibrator.decode(&reader)
        #expect(reader.isAtEnd && decoded.levels == fitted.levels && decoded.corrections == fitted.corrections)
        for i in 0..<30 {
          let row = Array(training.quantiles.row(i))
          #expect(same(decoded.calibrated(row, weight: 2), fitted.calibrated(row, weight: 2)))
        }
        for _ in 0..<DamageTrials.count(500) {
          var reader = ByteReader(DamageTrials.damaged(writer.bytes, &random))
          guard let decoded = try? calibrator.decode(&reader) else { continue }
          let answer = decoded.calibrated(decoded.levels.map { $0 * 10 })
          #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 })
        }
      }
    }
  }

  private func same(_ a: [Double], _ b: [Double]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN } }
}
