import Calibration
import Groundwork
import MethodKit
import Quantiles
import TestSupport
import Testing

private let inf = Double.infinity

private func conditional() throws -> ConditionalCQR { ConditionalCQR(settings: try Settings(of: ConditionalCQR.description)) }
private func plain(_ training: CalibrationTraining) throws -> any FittedCalibrator {
  try SplitConformal<ConformalizedQuantileRegression>().fit(training, context: FitContext())
}
private func same(_ a: [Double], _ b: [Double]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN } }

private let levels = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]

/// Rows with ties and, where asked for, missing and infinite quantiles; `features` of n rows.
private func training(_ n: Int, features: FeatureTable, hostile: Bool, _ random: inout RandomStream) -> CalibrationTraining {
  let values = (0..<n * levels.count).map { _ -> Double in
    let kind = random.below(30)
    if hostile && kind < 2 { return .nan }
    return hostile && kind == 29 ? (random.below(2) == 0 ? inf : -inf) : Double(random.below(9)) - 4
  }
  return CalibrationTraining(
    levels: levels, quantiles: Matrix(rows: n, columns: levels.count, values: values), target: (0..<n).map { _ in Double(random.below(9)) - 4 },
    features: features)
}

@Suite struct ConditionalTests {
  @Test func withoutColumnsItIsSplitConformalPrediction() throws {
    var random = RandomStream(seed: 1)
    for n in [0, 1, 5, 20, 61] {
      for hostile in [false, true] {
        let rows = training(n, features: FeatureTable(names: [], columns: [], rows: n), hostile: hostile, &random)
        let fitted = try conditional().fit(rows, context: FitContext())
        #expect(fitted.corrections == (try plain(rows).corrections))
        let without = try conditional().leaveOneOut(rows, context: FitContext())
        for i in 0..<n {
          let row = Array(rows.quantiles.row(i))
          #expect(same(fitted.calibrated(row), try plain(rows).calibrated(row)))
          #expect(same(try without(i).calibrated(row), try plain(rows.selecting((0..<n).filter { $0 != i })).calibrated(row)))
        }
      }
    }
  }

  /// Missing values are a category of their own.
  @Test func ofOneCategoryItIsTheCalibrationOfEachByItself() throws {
    var random = RandomStream(seed: 2)
    for n in [1, 7, 40, 150] {
      for hostile in [false, true] {
        let codes = (0..<n).map { _ in Int32(random.below(4)) - 1 }
        let features = FeatureTable(names: ["g"], columns: [.categorical(codes: codes, categories: ["a", "b", "c"])], rows: n)
        let rows = training(n, features: features, hostile: hostile, &random)
        let fitted = try #require(try conditional().fit(rows, context: FitContext()) as? any FeatureDependentCalibrator)
        let without = try conditional().leaveOneOut(rows, context: FitContext())
        for i in 0..<n {
          let row = Array(rows.quantiles.row(i))
          let alike = (0..<n).filter { codes[$0] == codes[i] }
          #expect(same(fitted.given(features, row: i).calibrated(row), try plain(rows.selecting(alike)).calibrated(row)))
          #expect(same(try without(i).calibrated(row), try plain(rows.selecting(alike.filter { $0 != i })).calibrated(row)))
        }
      }
    }
  }

  /// Coverage in groups that overlap, x < ½, x > 0.3 and a category, and on the whole: at least 1 − α in each, where plain cqr is
  /// far below in two of them. Bounds are four standard errors of repetitions.
  @Test func everyOverlappingGroupIsCovered() throws {
    var random = RandomStream(seed: 3)
    let pair = [0.1, 0.9]
    func draw(_ n: Int) -> (CalibrationTraining, groups: [[Bool]]) {
      var (target, low, high, codes, groups): ([Double], [Double], [Double], [Int32], [[Bool]]) = ([], [], [], [], [])
      for _ in 0..<n {
        let x = random.uniform()
        let a = random.below(4) == 0
        target.append((random.uniform() - 0.5) * (x < 0.5 ? 1 : 3) * (a ? 4 : 1))
        low.append(x < 0.5 ? 1 : 0)
        high.append(x > 0.3 ? 1 : 0)
        codes.append(a ? 0 : 1)
        groups.append([x < 0.5, x > 0.3, a, true])
      }
      let features = FeatureTable(
        names: ["low", "high", "g"], columns: [.numeric(low), .numeric(high), .categorical(codes: codes, categories: ["a", "b"])], rows: n)
      return (CalibrationTraining(levels: pair, quantiles: Matrix(rows: n, columns: 2), target: target, features: features), groups)
    }
    let repetitions = 250
    var counts = [[Int]](repeating: [0, 0, 0], count: 4)
    for _ in 0..<repetitions {
      let (rows, _) = draw(150)
      let fitted = try #require(try conditional().fit(rows, context: FitContext()) as? any FeatureDependentCalibrator)
      let end = try plain(rows).calibrated([0, 0])[1]
      let (fresh, groups) = draw(40)
      for i in 0..<40 {
        let ends = fitted.given(fresh.features!, row: i).calibrated([0, 0])
        for g in 0..<4 where groups[i][g] {
          counts[g][0] += 1
          if ends[0] <= fresh.target[i] && fresh.target[i] <= ends[1] { counts[g][1] += 1 }
          if abs(fresh.target[i]) <= end { counts[g][2] += 1 }
        }
      }
    }
    for (g, count) in counts.enumerated() {
      let share = Double(count[1]) / Double(count[0])
      // Fresh rows of one repetition share its calibration, whose coverage varies by some √(α(1 − α) d/150).
      let error = (0.16 / Double(count[0]) + 0.16 * 4 / 150 / Double(repetitions)).squareRoot()
      #expect(share > 0.8 - 4 * error, "group \(g): \(share)")
      #expect(share < 0.8 + 0.06, "group \(g): \(share)")
    }
    #expect(Double(counts[2][2]) / Double(counts[2][0]) < 0.6)
  }

  /// Coverage weighted by a linear function of a number that is not negative: x itself, and 1 − x.
  @Test func linearShiftsAreCovered() throws {
    var random = RandomStream(seed: 4)
    func draw(_ n: Int) -> CalibrationTraining {
      let x = (0..<n).map { _ in random.uniform() }
      let target = x.map { x in (random.uniform() - 0.5) * (1 + 9 * x * x) }
      return CalibrationTraining(
        levels: [0.1, 0.9], quantiles: Matrix(rows: n, columns: 2), target: target,
        features: FeatureTable(names: ["x"], columns: [.numeric(x)], rows: n))
    }
    var sums = [[Double]](repeating: [0, 0, 0], count: 2)
    for _ in 0..<250 {
      let rows = draw(80)
      let fitted = try #require(try conditional().fit(rows, context: FitContext()) as? any FeatureDependentCalibrator)
      let end = try plain(rows).calibrated([0, 0])[1]
      let fresh = draw(40)
      guard case .numeric(let x)? = fresh.features?.columns[0] else {
        Issue.record("the feature is a number")
        return
      }
      for i in 0..<40 {
        let reach = fitted.given(fresh.features!, row: i).calibrated([0, 0])[1]
        for (k, weight) in [x[i], 1 - x[i]].enumerated() {
          sums[k][0] += weight
          if abs(fresh.target[i]) <= reach { sums[k][1] += weight }
          if abs(fresh.target[i]) <= end { sums[k][2] += weight }
        }
      }
    }
    for sum in sums { #expect(sum[1] / sum[0] > 0.8 - 0.02 && sum[1] / sum[0] < 0.8 + 0.05) }
    #expect(sums[0][2] / sums[0][0] < 0.75)
  }

  /// What no labelled row is like has no end; where columns are collinear, constant or missing the rest goes on.
  @Test func rowsLikeNoOtherAreUnbounded() throws {
    var random = RandomStream(seed: 5)
    let n = 60
    let x = (0..<n).map { _ in random.uniform() }
    let codes = (0..<n).map { Int32($0 % 2) }
    func table(_ x: [Double], _ constant: [Double], _ codes: [Int32]) -> FeatureTable {
      FeatureTable(
        names: ["x", "twice", "constant", "g"],
        columns: [.numeric(x), .numeric(x.map { 2 * $0 }), .numeric(constant), .categorical(codes: codes, categories: ["a", "b", "c"])], rows: x.count
      )
    }
    let rows = CalibrationTraining(
      levels: [0.1, 0.9], quantiles: Matrix(rows: n, columns: 2), target: x.map { ($0 + 1) * (random.uniform() - 0.5) },
      features: table(x, x.map { _ in 5 }, codes))
    let fitted = try #require(try conditional().fit(rows, context: FitContext()) as? any FeatureDependentCalibrator)
    let asked = table([0.5, 0.5, .nan, 0.5, 0.5, 1e6], [5, 6, 5, 5, 5, 5], [0, 0, 0, 2, -1, 0])
    let answers = (0..<6).map { fitted.given(asked, row: $0).calibrated([0, 0])[1] }
    #expect(answers[0].isFinite && answers[0] > 0)
    #expect(answers[1...].allSatisfy { $0 == inf })
  }

  @Test func encodedCalibrationsReadBackAndDamagedOnesNeverCrash() throws {
    var random = RandomStream(seed: 6)
    let features = FeatureTable(
      names: ["x", "g"],
      columns: [
        .numeric((0..<40).map { $0 % 9 == 0 ? .nan : Double($0 % 7) }),
        .categorical(codes: (0..<40).map { Int32($0 % 3) }, categories: ["a", "b", "c"]),
      ], rows: 40)
    let rows = training(40, features: features, hostile: true, &random)
    let fitted = try #require(try conditional().fit(rows, context: FitContext(threads: 3)) as? any FeatureDependentCalibrator)
    var writer = ByteWriter()
    fitted.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let decoded = try #require(try conditional().decode(&reader) as? any FeatureDependentCalibrator)
    #expect(
      reader.isAtEnd && decoded.corrections == fitted.corrections && decoded.fits(hasWeights: false, features: features)
        && !decoded.fits(hasWeights: true, features: features)
        && !decoded.fits(hasWeights: false, features: FeatureTable(names: [], columns: [], rows: 0)))
    for i in 0..<40 {
      let row = Array(rows.quantiles.row(i))
      #expect(same(fitted.given(features, row: i).calibrated(row), decoded.given(features, row: i).calibrated(row)))
    }
    for _ in 0..<DamageTrials.count(400) {
      var reader = ByteReader(DamageTrials.damaged(writer.bytes, &random))
      guard let decoded = try? conditional().decode(&reader) as? any FeatureDependentCalibrator, decoded.fits(hasWeights: false, features: features)
      else { continue }
      for i in 0..<3 {
        let answer = decoded.given(features, row: i).calibrated(decoded.levels.map { $0 * 10 })
        #expect(zip(answer, answer.dropFirst()).allSatisfy { $0 <= $1 })
      }
    }
  }

  @Test func weightsAreRefused() throws {
    let rows = CalibrationTraining(levels: [0.1, 0.9], quantiles: Matrix(rows: 1, columns: 2), target: [0], weights: [1])
    #expect(throws: Failure.self) { try conditional().fit(rows, context: FitContext()) }
  }
}
