import Glibc
import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

@Suite struct RandomFourierTests {
  private func fit(
    _ features: FeatureTable, _ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.1, 0.5, 0.9], threads: Int = 2, seed: UInt64 = 1,
    _ settings: [(key: String, value: String)] = []
  ) throws -> any FittedLearner {
    try RandomFourier(settings: Settings(settings, of: RandomFourier.description)).fit(
      TrainingSet(features: features, target: target, weights: weights), levels: levels, context: FitContext(threads: threads, seed: seed))
  }

  @Test func curvesAndSpreadsAreFound() throws {
    let n = 1500
    let x = noise(n, seed: 1)
    let e = noise(n, seed: 2)
    let y = (0..<n).map { sin(4 * x[$0]) + (0.2 + 0.1 * cos(3 * x[$0])) * e[$0] }
    let answer = try fit(table([.numeric(x)], rows: n), y, [("features", "100")]).predict(table([.numeric([-0.8, -0.3, 0, 0.4, 0.9])], rows: 5))
    for (i, at) in [-0.8, -0.3, 0, 0.4, 0.9].enumerated() {
      for (t, level) in [0.1, 0.5, 0.9].enumerated() {
        let truth = sin(4 * at) + (0.2 + 0.1 * cos(3 * at)) * (2 * level - 1)
        #expect(abs(answer[i, t] - truth) < 0.05)
      }
    }
  }

  @Test func featuresAreCosinesOfTheirAngles() {
    var random = RandomStream(seed: 5)
    let (inputs, count) = (3, 101)
    let frequencies = (0..<count * inputs).map { k in (random.uniform() - 0.5) * (k % 7 == 0 ? 1e4 : 20) }
    let map = FourierFeatures(inputs: inputs, frequencies: frequencies, phases: (0..<count).map { _ in 2 * .pi * random.uniform() })
    let x = [0.3, -2.7, 1.1]
    var z = [Double](repeating: 0, count: map.columns)
    map.write(x, to: &z)
    #expect(Array(z[..<4]) == [1] + x)
    for k in 0..<count {
      let angle = (0..<inputs).reduce(map.phases[k]) { $0 + frequencies[k * inputs + $1] * x[$1] }
      #expect(abs(z[4 + k] - 2.0.squareRoot() * cos(angle)) < 1e-11)
    }
    // Angles without a fraction still give numbers within the cosine's range.
    map.write([1e300, 1e18, -1e300], to: &z)
    #expect(z[4...].allSatisfy { abs($0) <= 1.4143 })
  }

  @Test func theSeedDecidesAndThreadsDoNot() throws {
    let n = 1300
    let features = table((0..<3).map { .numeric(noise(n, seed: 30 + $0)) }, rows: n)
    let y = noise(n, seed: 40)
    let one = try fit(features, y, threads: 1, [("features", "40")])
    let two = try fit(features, y, threads: 2, [("features", "40")])
    let together = one.predict(features)
    #expect(together == two.predict(features))
    #expect(together != (try fit(features, y, seed: 2, [("features", "40")]).predict(features)))
    for i in [0, 77, 1299] { #expect(Array(together.row(i)) == one.predict(features.selecting([i])).values) }
  }

  @Test func rowsOfWeightZeroTeachNothing() throws {
    let x = noise(60, seed: 2)
    let y = noise(60, seed: 3)
    let half = try fit(table([.numeric(Array(x[..<30]))], rows: 30), Array(y[..<30]), weights: [Double](repeating: 2, count: 30))
    let weighted = try fit(
      table([.numeric(Array(x[..<30]) + [Double](repeating: .nan, count: 30))], rows: 60), y, weights: (0..<60).map { $0 < 30 ? 2 : 0 })
    let new = table([.numeric([0.3, .nan])], rows: 2)
    #expect(half.predict(new) == weighted.predict(new))
    #expect(throws: Failure.self) { try fit(table([.numeric(x)], rows: 60), y, weights: x.map { _ in 0 }) }
  }

  @Test func hostileTablesGetFiniteAnswers() throws {
    let huge = Double.greatestFiniteMagnitude
    let many = 500
    let tables: [(FeatureTable, [Double])] = [
      (table([], rows: 3), [1, 2, 3]),
      (table([.numeric([5])], rows: 1), [huge]),
      (table([.numeric([1, 2])], rows: 2), [0, 0]),
      (table([.numeric([5, 5, 5]), .numeric([.nan, .nan, .nan])], rows: 3), [1e-300, 2e-300, -huge]),
      (table([.numeric([huge, -huge, 0, .nan]), .numeric([5e-324, 0, 1e-310, 0])], rows: 4), [1e150, -1e150, 0, 7]),
      (table([.numeric([1e150, 2e150, 3e150, 5e150, 4e150])], rows: 5), [1e-150, 2e-150, 3e-150, 5e-150, 9e-150]),
      (
        table(
          [.categorical(codes: (0..<many).map { Int32($0) }, categories: (0..<many).map { "c\($0)" }), .numeric(noise(many, seed: 60))], rows: many),
        noise(many, seed: 61)
      ),
      (table((0..<40).map { .numeric(noise(6, seed: 70 + $0)) }, rows: 6), [0, 1, 0, 2, 3, 1]),
    ]
    for (features, y) in tables {
      let model = try fit(features, y, levels: [0.001, 0.5, 0.999], [("features", "50")])
      #expect(model.predict(features.selecting(Array(0..<min(20, features.rows)))).values.allSatisfy { $0.isFinite })
      let strange = table(
        features.columns.map { column in
          switch column {
          case .numeric: .numeric([huge, -huge, .nan])
          case .categorical(_, let categories): .categorical(codes: [-1, Int32(categories.count), 0], categories: categories + ["new"])
          }
        }, rows: 3)
      #expect(model.predict(strange).values.allSatisfy { $0.isFinite })
    }
  }

  @Test func whatIsWrittenReadsBackAndDamageIsAFailure() throws {
    let n = 40
    let features = table(
      [
        .numeric((0..<n).map { $0 % 7 == 0 ? .nan : Double($0) }),
        .categorical(codes: (0..<n).map { Int32($0 % 4) - 1 }, categories: ["p", "q", "r"]),
      ], rows: n)
    let model = try fit(features, noise(n, seed: 80), [("features", "10")])
    var writer = ByteWriter()
    model.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let again = try RandomFourier.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd)
    #expect(again.predict(features) == model.predict(features))
    for length in 0..<writer.bytes.count {
      var reader = ByteReader(Array(writer.bytes[..<length]))
      #expect(throws: Failure.self) { _ = try RandomFourier.fitted.init(decoding: &reader) }
    }
  }
}
