import Glibc
import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

@Suite struct LinearTests {
  private func fit(
    _ columns: [FeatureTable.Column], _ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.25, 0.5, 0.75],
    warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> any FittedLearner {
    try Linear(settings: Settings(of: Linear.description)).fit(
      TrainingSet(features: table(columns, rows: target.count), target: target, weights: weights), levels: levels,
      context: FitContext(threads: 2, warn: warn))
  }

  private func table(_ columns: [FeatureTable.Column], rows count: Int = 0) -> FeatureTable {
    let rows =
      switch columns.first {
      case .numeric(let values): values.count
      case .categorical(let codes, _): codes.count
      case nil: count
      }
    return LearnersTests.table(columns, rows: rows)
  }

  @Test func aLineIsFound() throws {
    let x = noise(200, seed: 1)
    let model = try fit([.numeric(x)], x.map { 3 * $0 - 2 })
    let answer = model.predict(table([.numeric([0, 10])]))
    for t in 0..<3 {
      #expect(abs(answer[0, t] + 2) < 1e-12)
      #expect(abs(answer[1, t] - 28) < 1e-12)
    }
  }

  /// With only categories the fit is the quantile of each category.
  @Test func categoriesHaveTheirOwnQuantiles() throws {
    let codes: [Int32] = [0, 0, 0, 1, 1, 1, -1, -1, -1]
    let y: [Double] = [1, 2, 9, 4, 5, 5.5, 7, 8, 8]
    let model = try fit([.categorical(codes: codes, categories: ["a", "b", "z"])], y, levels: [0.5])
    // "c" was not there in training: it is answered as the first category.
    let new = table([.categorical(codes: [0, 1, -1, 2], categories: ["a", "b", "c"])])
    let answer = model.predict(new)
    for (a, b) in zip(answer.values, [2.0, 5, 8, 2]) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func codesAreReadThroughTheirCategories() throws {
    let model = try fit([.categorical(codes: [0, 0, 0, 1, 1, 1], categories: ["a", "b"])], [1, 2, 3, 5, 6, 7], levels: [0.5])
    let answer = model.predict(table([.categorical(codes: [0, 1, -1], categories: ["b", "a"])]))
    for (a, b) in zip(answer.values, [6.0, 2, 2]) { #expect(abs(a - b) < 1e-12) }
  }

  @Test func missingNumbersAreMarkedInTrainingAndMediansLater() throws {
    let x: [Double] = [0, 1, 2, 3, 4, .nan, .nan, .nan]
    let y: [Double] = [0, 2, 4, 6, 8, 50, 50, 50]
    let marked = try fit([.numeric(x)], y, levels: [0.5]).predict(table([.numeric([.nan, 3])]))
    #expect(abs(marked[0, 0] - 50) < 1e-12 && abs(marked[1, 0] - 6) < 1e-12)
    let unmarked = try fit([.numeric(Array(x[..<5]))], Array(y[..<5]), levels: [0.5]).predict(table([.numeric([.nan])]))
    #expect(abs(unmarked[0, 0] - 4) < 1e-12)
  }

  @Test func rowsOfWeightZeroTeachNothing() throws {
    let x = noise(60, seed: 2)
    let y = noise(60, seed: 3)
    let half = try fit([.numeric(Array(x[..<30]))], Array(y[..<30]))
    let weighted = try fit([.numeric(Array(x[..<30]) + [Double](repeating: .nan, count: 30))], y, weights: (0..<60).map { $0 < 30 ? 1 : 0 })
    let new = table([.numeric([0.3, .nan])])
    #expect(half.predict(new) == weighted.predict(new))
  }

  @Test func droppedColumnsAreNamedInOneLine() throws {
    let x = noise(100, seed: 4)
    nonisolated(unsafe) var lines: [String] = []
    let columns: [FeatureTable.Column] = [.numeric(x), .numeric([Double](repeating: 5, count: 100)), .numeric(x.map { 1 - 2 * $0 })]
    let model = try fit(columns, noise(100, seed: 5), warn: { lines.append($0) })
    #expect(lines == ["features left out: x1 (constant), x2 (collinear with columns before)"])
    #expect(model.summary.contains { $0 == ("dropped", "x1, x2") })
  }

  @Test func theAnswerOfARowDependsOnThatRowAlone() throws {
    let columns: [FeatureTable.Column] = (0..<7).map { .numeric(noise(90, seed: 20 + $0)) }
    let model = try fit(columns, noise(90, seed: 30), levels: Levels.hub)
    let all = table(columns)
    let together = model.predict(all)
    for i in [0, 1, 41, 89] { #expect(Array(together.row(i)) == model.predict(all.selecting([i])).values) }
  }

  @Test func answersAreFiniteWhateverIsAsked() throws {
    let x = noise(50, seed: 6)
    let model = try fit([.numeric(x), .numeric(x.map { $0 * $0 * 1e-200 })], x.map { $0 * 1e200 })
    let huge = Double.greatestFiniteMagnitude
    #expect(model.predict(table([.numeric([huge, -huge, huge, .nan]), .numeric([huge, huge, -huge, 1e300])])).values.allSatisfy { $0.isFinite })
    let wide = try fit([.numeric((0..<50).map { $0 % 2 == 0 ? huge : -huge })], (0..<50).map { Double($0 % 5 - 2) * (huge / 2) })
    #expect(wide.predict(table([.numeric([0, huge, -huge, 1])])).values.allSatisfy { $0.isFinite })
    let none = try fit([], [1, 2, 3], levels: [0.5])
    #expect(none.predict(FeatureTable(names: [], columns: [], rows: 1)).values == [2])
  }

  /// A shift of 10⁹ in target and feature must not cost digits of the fit.
  @Test func farOriginsCostNoDigits() throws {
    let x = noise(300, seed: 7).map { ($0 * 1024).rounded() / 1024 }
    let y = noise(300, seed: 8).map { ($0 * 1024).rounded() / 1024 }
    let near = try fit([.numeric(x)], y, levels: [0.311]).predict(table([.numeric(x)]))
    let far = try fit([.numeric(x.map { $0 + 1e9 })], y.map { $0 + 1e9 }, levels: [0.311]).predict(table([.numeric(x.map { $0 + 1e9 })]))
    for i in 0..<300 { #expect(abs(far[i, 0] - 1e9 - near[i, 0]) < 3e-7) }
  }

  @Test func whatIsWrittenReadsBack() throws {
    let columns: [FeatureTable.Column] = [
      .numeric(noise(40, seed: 9)), .categorical(codes: (0..<40).map { Int32($0 % 4) - 1 }, categories: ["p", "q", "r"]),
    ]
    let model = try fit(columns, noise(40, seed: 10))
    var writer = ByteWriter()
    model.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let again = try Linear.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd)
    #expect(again.predict(table(columns)) == model.predict(table(columns)))
    #expect(again.summary.map(\.value) == model.summary.map(\.value))
  }

  @Test func bytesCutShortAreRefused() throws {
    let columns: [FeatureTable.Column] = [
      .numeric(noise(40, seed: 9)), .categorical(codes: (0..<40).map { Int32($0 % 4) - 1 }, categories: ["p", "q", "r"]),
    ]
    let model = try fit(columns, noise(40, seed: 10))
    var writer = ByteWriter()
    model.encode(into: &writer)
    for length in 0..<writer.bytes.count {
      var reader = ByteReader(Array(writer.bytes[..<length]))
      #expect(throws: Failure.self) { _ = try Linear.fitted.init(decoding: &reader) }
    }
  }
}
