import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

@Suite struct NearestNeighboursTests {
  private func fit(
    _ features: FeatureTable, _ target: [Double], weights: [Double]? = nil, levels: [Double] = Levels.hub, threads: Int = 2,
    _ settings: [(key: String, value: String)] = []
  ) throws -> any FittedLearner {
    try NearestNeighbours(settings: Settings(settings, of: NearestNeighbours.description)).fit(
      TrainingSet(features: features, target: target, weights: weights), levels: levels, context: FitContext(threads: threads))
  }

  /// Distances summed in the order of the columns, ties by index.
  private func plainSearch(_ points: [Double], columns p: Int, numbers: Int, mismatch: [Double], k: Int, query: [Double], excluding: Int) -> [Int] {
    let distances = (0..<points.count / p).map { i in
      var sum = 0.0
      for c in 0..<numbers { sum += (points[i * p + c] - query[c]) * (points[i * p + c] - query[c]) }
      for c in numbers..<p { sum += points[i * p + c] == query[c] ? 0 : mismatch[c - numbers] }
      return sum
    }
    return Array(distances.indices.filter { $0 != excluding }.sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(k))
  }

  /// Grids for ties; numbers around 1e-25 and from 1e-30 to 1e100, whose products single precision does not hold.
  @Test func treeAndScanFindWhatAPlainSearchFindsTiesIncluded() {
    var random = RandomStream(seed: 3)
    let cases: [(n: Int, numbers: Int, codes: Int, grid: Int, sizes: [Double])] = [
      (1, 2, 0, 0, [1]), (300, 1, 0, 8, [1]), (700, 3, 0, 3, [1]), (900, 4, 2, 0, [1]), (400, 0, 2, 0, [1]), (1500, 8, 0, 0, [1]),
      (500, 2, 1, 2, [1]), (2500, 30, 0, 0, [1]), (1100, 40, 3, 2, [1]), (600, 25, 0, 0, [1e-25]), (600, 25, 1, 0, [1, 1, 1e-30, 1e10, 1e30, 1e100]),
    ]
    for (n, numbers, codes, grid, sizes) in cases {
      let p = numbers + codes
      func point() -> [Double] {
        let size = sizes[random.below(sizes.count)]
        return (0..<p).map { c in
          c >= numbers ? Double(random.below(3)) : grid > 0 ? Double(random.below(grid)) * 0.1 : (random.uniform() * 3 - 1) * size
        }
      }
      let points = (0..<n).flatMap { _ in point() }
      let mismatch = [Double](repeating: 2.5, count: codes)
      let searches: [any NeighbourSearch] = [
        NeighbourTree(coordinates: points, count: n, numbers: numbers, mismatch: mismatch),
        NeighbourScan(coordinates: points, count: n, numbers: numbers, mismatch: mismatch),
      ]
      for turn in 0..<12 {
        let count = min(n, turn == 0 ? 70 : 1 + turn % 3)
        let first = turn % 2 == 0 ? nil : random.below(n - count + 1)
        let queries = first.map { Array(points[$0 * p..<($0 + count) * p]) } ?? (0..<count).flatMap { _ in point() }
        let k = [1, 3, 17, 200, n, n + 5][turn % 6]
        let expected = (0..<count).map { q in
          plainSearch(
            points, columns: p, numbers: numbers, mismatch: mismatch, k: k, query: Array(queries[q * p..<(q + 1) * p]),
            excluding: first.map { $0 + q } ?? -1)
        }
        for search in searches {
          var found: [[Int]] = []
          queries.withUnsafeBufferPointer {
            search.findNearest(k, to: $0.baseAddress!, count: count, excluding: first) { place, neighbours in
              #expect(place == found.count)
              found.append(neighbours.map { Int($0.index) })
            }
          }
          #expect(found == expected)
        }
      }
    }
  }

  @Test func oneNeighbourGivesTrainingRowsTheirResponse() throws {
    let features = table((0..<3).map { .numeric(noise(200, seed: 10 + $0)) }, rows: 200)
    let y = noise(200, seed: 20)
    for kernel in ["uniform", "epanechnikov"] {
      let answer = try fit(features, y, [("k", "1"), ("kernel", kernel)]).predict(features)
      for i in 0..<200 { #expect(answer.row(i).allSatisfy { $0 == y[i] }) }
    }
  }

  @Test func allNeighboursAreTheMarginal() throws {
    let features = table(
      [.numeric(noise(150, seed: 1)), .categorical(codes: (0..<150).map { Int32($0 % 3) }, categories: ["a", "b", "c"])], rows: 150)
    let y = noise(150, seed: 2)
    for weights in [nil, noise(150, seed: 4).map { abs($0) }] {
      let all = try fit(features, y, weights: weights, [("k", "1000000"), ("kernel", "uniform")]).predict(features)
      let marginal = try Marginal(settings: Settings(of: Marginal.description)).fit(
        TrainingSet(features: features, target: y, weights: weights), levels: Levels.hub, context: FitContext()
      ).predict(features)
      for (a, b) in zip(all.values, marginal.values) { #expect(abs(a - b) < 1e-12) }
    }
  }

  /// python3 -c "from sklearn.neighbors import NearestNeighbors as N; print(N(n_neighbors=3).fit([[0],[1],[2],[4],[8]]).kneighbors([[1.2],[7]])[1])"
  /// prints [[1 2 0] [4 3 2]]: responses 1, 3, 5 and 9, 2, 3, with medians 3 and 3.
  @Test func neighboursAreThoseOfScikitLearn() throws {
    let model = try fit(table([.numeric([0, 1, 2, 4, 8])], rows: 5), [5, 1, 3, 2, 9], levels: [0.5], [("k", "3"), ("kernel", "uniform")])
    #expect(model.predict(table([.numeric([1.2, 7])], rows: 2)).values == [3, 3])
  }

  @Test func numbersAnswerAlikeInAnyUnit() throws {
    let (a, b) = (noise(120, seed: 5), noise(120, seed: 6))
    let y = zip(a, b).map { $0 + $1 * $1 }
    let plain = try fit(table([.numeric(a), .numeric(b)], rows: 120), y).predict(table([.numeric(a), .numeric(b)], rows: 120))
    let scaled = table([.numeric(a.map { $0 * 0x1p500 }), .numeric(b.map { $0 * 0x1p-500 })], rows: 120)
    #expect(try fit(scaled, y).predict(scaled) == plain)
  }

  @Test func rowsOfWeightZeroTeachNothing() throws {
    let x = noise(80, seed: 7)
    let y = noise(80, seed: 8)
    let weights = (0..<80).map { $0 < 40 ? 0.5 : 0.0 }
    let half = try fit(table([.numeric(Array(x[..<40]))], rows: 40), Array(y[..<40]))
    let weighted = try fit(table([.numeric(x)], rows: 80), y, weights: weights)
    let new = table([.numeric([0.3, .nan, 5])], rows: 3)
    #expect(half.predict(new) == weighted.predict(new))
    #expect(throws: Failure.self) { try fit(table([.numeric(x)], rows: 80), y, weights: x.map { _ in 0 }) }
  }

  @Test func answersDependOnTheRowAloneAndNotOnThreads() throws {
    let n = 500
    let features = table((0..<5).map { .numeric(noise(n, seed: 30 + $0)) }, rows: n)
    let y = noise(n, seed: 40)
    let one = try fit(features, y, threads: 1)
    let two = try fit(features, y, threads: 2)
    let together = one.predict(features)
    #expect(together == two.predict(features))
    for i in [0, 77, 499] { #expect(Array(together.row(i)) == one.predict(features.selecting([i])).values) }
  }

  @Test func moreNeighboursAreChosenWhereFeaturesTellNothing() throws {
    let n = 600
    let x = noise(n, seed: 50)
    func chosen(_ y: [Double]) throws -> Int { Int(try fit(table([.numeric(x)], rows: n), y).summary.first { $0.key == "k" }!.value)! }
    #expect(try chosen(noise(n, seed: 51)) > 4 * (try chosen(x.map { $0 * 8 })))
  }

  @Test func hostileTablesGetFiniteAnswers() throws {
    let huge = Double.greatestFiniteMagnitude
    let many = 10_000
    let tables: [(FeatureTable, [Double])] = [
      (table([], rows: 3), [1, 2, 3]),
      (table([.numeric([5])], rows: 1), [huge]),
      (table([.numeric([5, 5, 5]), .numeric([.nan, .nan, .nan])], rows: 3), [1e-300, 2e-300, -huge]),
      (table([.numeric([huge, -huge, 0, .nan]), .numeric([5e-324, 0, 1e-310, 0])], rows: 4), [1e150, -1e150, 0, 7]),
      (
        table(
          [.categorical(codes: (0..<many).map { Int32($0) }, categories: (0..<many).map { "c\($0)" }), .numeric(noise(many, seed: 60))], rows: many),
        noise(many, seed: 61)
      ),
      (table((0..<40).map { .numeric(noise(6, seed: 70 + $0)) }, rows: 6), [0, 0, 0, 0, 0, 0]),
    ]
    for (features, y) in tables {
      let model = try fit(features, y)
      let asked = features.selecting(Array(0..<min(50, features.rows)))
      #expect(model.predict(asked).values.allSatisfy { $0.isFinite })
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
    let model = try fit(features, noise(n, seed: 80), weights: (0..<n).map { Double(1 + $0 % 3) })
    var writer = ByteWriter()
    model.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let again = try NearestNeighbours.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd)
    #expect(again.predict(features) == model.predict(features))
    #expect(again.summary.map(\.value) == model.summary.map(\.value))
    for length in 0..<writer.bytes.count {
      var reader = ByteReader(Array(writer.bytes[..<length]))
      #expect(throws: Failure.self) { _ = try NearestNeighbours.fitted.init(decoding: &reader) }
    }
  }
}
