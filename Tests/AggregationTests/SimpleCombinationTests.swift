import Aggregation
import Groundwork
import Quantiles
import Testing

private let nan = Double.nan

@Suite struct AverageTests {
  /// Vincent's average of N(μ, σ) and N(ν, ρ) is N((μ+ν)/2, (σ+ρ)/2).
  @Test func normalDistributionsAverageToANormalOne() throws {
    let levels = Levels.hub
    func normal(_ mean: Double, _ deviation: Double) -> [Double] {
      levels.map { mean + deviation * NormalDistribution.quantile($0) }
    }
    let given = table(levels, [0], normal(1, 2) + normal(5, 4))
    let answer = try fit(Average.self, given).answer(given.predictions, features: nil)
    for (a, b) in zip(answer.values, normal(3, 3)) { #expect(abs(a - b) < 1e-14) }
  }

  @Test func onlyModelsPresentCount() throws {
    let given = predictions([0.2, 0.8], rows: 2, models: 3, [1, 2, nan, 4, 6, nan, nan, nan, nan, 7, nan, 9])
    let answer = try fit(Average.self, table([0.2, 0.8], [0], [0, 0])).answer(given, features: nil)
    #expect(answer.values[0] == 3.5 && answer.values[1] == 3)
    #expect(answer.values[2].isNaN && answer.values[3] == 8)
  }

  @Test func neitherOverflowsNorTurnsInfinityIntoNaN() throws {
    let given = predictions([0.2, 0.8], rows: 1, models: 3, [1.6e308, -.infinity, 1.6e308, .infinity, 1.6e308, 1])
    for method in [Average.self, Median.self] as [any Aggregator.Type] {
      let answer = try fit(method, table([0.2, 0.8], [0], [0, 0])).answer(given, features: nil)
      #expect(abs(answer.values[0] / 1.6e308 - 1) < 1e-15)
      #expect(!answer.values[1].isNaN)
    }
  }

  @Test func nothingIsLearntAndNoRowIsNeeded() throws {
    let empty = AggregationTraining(
      predictions: BasePredictions(models: ["a", "b"], levels: [0.5], rows: 0, values: []), target: [])
    for method in aggregatorRegistry where !method.learns {
      let fitted = try fit(method, empty)
      let given = predictions([0.5], rows: 1, models: 2, [1, 2])
      #expect(fitted.answer(given, features: nil).values == [1.5])
      var reader = ByteReader(encoded(fitted))
      #expect(try method.fitted.init(decoding: &reader).answer(given, features: nil).values == [1.5])
      #expect(reader.isAtEnd)
    }
  }

  /// Sizes that a file tells are compared with what is there before anything of that size is made.
  @Test func sizesThatAreToldTakeNoMemory() throws {
    var writer = ByteWriter()
    writer.write(999_999)
    writer.write(999_999)
    let inputs = CombinedInputs(models: ["a", "b"], levels: [0.1, 0.9])
    var reader = ByteReader(writer.bytes)
    #expect(throws: ByteReader.damaged) { try Average.fitted.init(decoding: &reader, for: inputs) }

    // Every level of the model a source and a knot: 10¹⁰ numbers, of which no network holds any.
    writer = ByteWriter()
    writer.write(["a"])
    writer.write(1)
    writer.write((1...100_000).map { Double($0) / 100_001 })
    for knots in [1, 100_000] {
      var own = writer
      own.write(knots)
      own.write([Double]())
      own.write(false)
      var reader = ByteReader(own.bytes)
      #expect(throws: ByteReader.damaged) { try LocalFine.fitted.init(decoding: &reader) }
    }
  }
}

@Suite struct MedianTests {
  @Test func evenNumbersTakeTheMeanOfTheMiddleTwo() throws {
    let given = predictions([0.5], rows: 3, models: 4, [9, 1, 4, 2, nan, 5, 1, 7, nan, nan, nan, nan])
    let answer = try fit(Median.self, table([0.5], [0], [0])).answer(given, features: nil)
    #expect(answer.values[0] == 3 && answer.values[1] == 5 && answer.values[2].isNaN)
  }

  @Test func itIsBetweenSortedNeighboursOfAPlainSort() throws {
    var random = RandomStream(seed: 4)
    for p in 1...9 {
      let values = (0..<(p * 50)).map { _ in Double(random.below(5)) }
      let answer = try fit(Median.self, table([0.5], [0], [0])).answer(predictions([0.5], rows: 50, models: p, values), features: nil)
      for i in 0..<50 {
        let sorted = values[(i * p)..<((i + 1) * p)].sorted()
        #expect(answer.values[i] == (sorted[(p - 1) / 2] + sorted[p / 2]) / 2)
      }
    }
  }
}

@Suite struct BestTests {
  @Test func theLowestMeanScoreWins() throws {
    let training = referenceTable(rows: 60, models: 5, levels: 7, seed: 9)
    let scores = (0..<5).map { j -> Double in
      var answer = Matrix(rows: 60, columns: 7)
      for i in 0..<60 { for t in 0..<7 { answer[i, t] = training.value(i, j, t) } }
      return training.loss(answer)
    }
    let winner = scores.indices.min { scores[$0] < scores[$1] }!
    let fitted = try fit(Best.self, training)
    #expect(fitted.weights![winner, 0] == 1)
    #expect(abs(Double(fitted.summary.first { $0.key == "wis" }!.value)! - 2 * scores[winner] / 7) < 1e-12)
    #expect(fitted.answer(training.predictions, features: nil)[3, 2] == training.value(3, winner, 2))
  }

  /// a errs by 1 on easy rows and 10 on hard ones; b errs by 2 and 11 but would look better where it skips the hard ones.
  @Test func skippingHardRowsGainsNothing() throws {
    var values: [Double] = []
    for i in 0..<20 { values += i < 10 ? [1, 2] : [10, i < 15 ? .nan : 11] }
    let fitted = try fit(Best.self, table([0.5], [Double](repeating: 0, count: 20), values))
    #expect(fitted.weights![0, 0] == 1)
  }

  @Test func aSparseModelRanksBehindAndSaysSo() throws {
    nonisolated(unsafe) var warnings: [String] = []
    let fitted = try fit(Best.self, table([0.5], [0, 0, 0, 0, 0], [0, 5, .nan, 5, .nan, 5, .nan, 5, .nan, 5])) { warnings.append($0) }
    #expect(fitted.weights![1, 0] == 1)
    #expect(warnings.count == 1)
  }

  @Test func whereItIsMissingTheNextBestAnswers() throws {
    let fitted = try fit(Best.self, table([0.5], [0, 0, 0], [3, 1, 2, 3, 1, 2, 3, 1, 2]))
    let given = predictions([0.5], rows: 4, models: 3, [7, 8, 9, 7, .nan, 9, 7, .nan, .nan, .nan, .nan, .nan])
    let answer = fitted.answer(given, features: nil).values
    #expect(Array(answer[..<3]) == [8, 9, 7])
    #expect(answer[3].isNaN)
  }

  @Test func anAbsurdModelDoesNotHideTheOthers() throws {
    let fitted = try fit(Best.self, table([0.5], [0, 0, -1e300], [1e300, 2, 1, 1e300, 2, 1, 1e300, 2, 1]))
    #expect(fitted.answer(predictions([0.5], rows: 1, models: 3, [4, 5, 6]), features: nil).values == [6])
  }

  @Test func damageIsFound() throws {
    let fitted = try fit(Best.self, table([0.5], [0, 0], [1, 2, 1, 2]))
    let bytes = encoded(fitted)
    var reader = ByteReader(bytes)
    #expect(encoded(try Best.fitted.init(decoding: &reader)) == bytes)
    for length in 0..<bytes.count {
      var reader = ByteReader(Array(bytes[..<length]))
      #expect(throws: Failure.self) { try Best.fitted.init(decoding: &reader) }
    }
    // The order [0, 1] with its first index made 1 is no order.
    var wrong = bytes
    wrong[bytes.count - 8 - 16] = 1
    var other = ByteReader(wrong)
    #expect(throws: Failure.self) { try Best.fitted.init(decoding: &other) }
  }

  @Test func nothingToLearnFromIsAFailure() {
    for method in aggregatorRegistry where method.learns {
      #expect(throws: Failure.self) { try fit(method, table([0.5], [1], [.nan, .nan])) }
      #expect(throws: Failure.self) { try fit(method, table([0.5], [1], [1, 2], weights: [0])) }
    }
  }
}
