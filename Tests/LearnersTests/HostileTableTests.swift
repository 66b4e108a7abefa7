import Glibc
import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

/// What every learner owes to hostile tables: an answer of finite numbers, or a `Failure`.
@Suite struct HostileTableTests {
  static let names = learnerRegistry.map { $0.description.name }

  /// Fewer trees, features and steps than by default: what is tested does not depend on them.
  private static let quick = ["trees": "10", "features": "60", "steps": "120", "networks": "2", "hidden": "16", "holdout": "0"]

  private func fit(
    _ name: String, _ columns: [FeatureTable.Column], _ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.05, 0.5, 0.95],
    settings: [String: String] = quick, warn: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> any FittedLearner {
    let learner = learnerRegistry.first { $0.description.name == name }!
    let known = learner.description.settings.map(\.name)
    return try learner.init(
      settings: Settings(settings.filter { known.contains($0.key) }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, of: learner.description)
    )
    .fit(
      TrainingSet(features: table(columns, rows: target.count), target: target, weights: weights), levels: levels,
      context: FitContext(threads: 2, warn: warn))
  }

  private let x = noise(90, seed: 1)
  private let z = noise(90, seed: 2)
  private var y: [Double] { zip(x, zip(z, noise(90, seed: 3))).map { 2 * $0 + $1.0 * $1.1 } }
  private var columns: [FeatureTable.Column] {
    [.numeric(x), .numeric(z), .categorical(codes: (0..<90).map { Int32($0 % 4) - 1 }, categories: ["a", "b", "c"])]
  }

  private func areFinite(_ answer: Matrix) -> Bool { answer.values.allSatisfy(\.isFinite) }

  @Test(arguments: names)
  func answersScaleWithTheTarget(_ name: String) throws {
    let features = table(columns, rows: 90)
    let answer = try fit(name, columns, y).predict(features)
    for power: Int32 in [498, -498] {
      let scaled = try fit(name, columns, y.map { scalbn($0, power) }).predict(features)
      #expect(scaled.values == answer.values.map { scalbn($0, power) }, "times 2^\(power)")
    }
  }

  @Test(arguments: names)
  func answersDoNotDependOnTheUnitOfAFeature(_ name: String) throws {
    let answer = try fit(name, columns, y).predict(table(columns, rows: 90))
    for power: Int32 in [498, -498] {
      let scaled = [.numeric(x.map { scalbn($0, power) })] + columns.dropFirst()
      #expect(try fit(name, scaled, y).predict(table(scaled, rows: 90)) == answer, "times 2^\(power)")
    }
  }

  @Test(arguments: names)
  func aConstantTargetIsItsQuantiles(_ name: String) throws {
    for value in [0, 7.25, -1e150, 3e-150] {
      let answer = try fit(name, columns, [Double](repeating: value, count: 90)).predict(table(columns, rows: 90))
      #expect(answer.values.allSatisfy { abs($0 - value) <= 1e-12 * abs(value) })
    }
  }

  @Test(arguments: names)
  func moreColumnsThanRowsAndOneRowAreAnswered(_ name: String) throws {
    for rows in [1, 2, 5] {
      let wide: [FeatureTable.Column] = (0..<30).map { .numeric(noise(rows, seed: 10 + $0)) }
      let target = noise(rows, seed: 50)
      let answer = try fit(name, wide, target).predict(table(wide, rows: rows))
      #expect(areFinite(answer))
      if rows == 1 { #expect(answer.values.allSatisfy { abs($0 - target[0]) <= 1e-12 }) }
    }
  }

  @Test(arguments: names)
  func extremeLevelsAreAnswered(_ name: String) throws {
    let answer = try fit(name, columns, y, levels: [1e-9, 0.001, 0.5, 0.999999999]).predict(table(columns, rows: 90))
    #expect(areFinite(answer))
    let unit = y.map(abs).max()!
    #expect(answer.values.allSatisfy { abs($0) < 100 * unit })
  }

  @Test(arguments: names)
  func numbersOfAnySizeAreAnswered(_ name: String) throws {
    let huge = Double.greatestFiniteMagnitude
    let tables: [([FeatureTable.Column], [Double])] = [
      ([.numeric([huge, -huge, 0, .nan, 1]), .numeric([5e-324, 0, 1e-310, 0, -5e-324])], [1e150, -1e150, 0, 7, 1e-150]),
      ([.numeric([1e150, 2e150, 3e150, 5e150, 4e150])], [1e-150, 2e-150, 3e-150, 5e-150, 9e-150]),
      ([.numeric([1e-150, 2e-150, 3e-150, 5e-150, 4e-150])], [huge, -huge, huge, -huge, 0]),
      ([.numeric([.nan, .nan, .nan, .nan, .nan])], [5e-324, 0, 1e-323, 0, 5e-324]),
    ]
    for (columns, target) in tables {
      let model = try fit(name, columns, target)
      #expect(areFinite(model.predict(table(columns, rows: 5))))
      let far = columns.map { _ in FeatureTable.Column.numeric([huge, -huge, .nan, 0, 5e-324]) }
      #expect(areFinite(model.predict(table(far, rows: 5))))
    }
  }

  @Test(arguments: names)
  func aCategoryThatTrainingDidNotSeeIsAnswered(_ name: String) throws {
    let model = try fit(name, columns, y)
    let other: [FeatureTable.Column] = [.numeric([0, 0]), .numeric([0, .nan]), .categorical(codes: [3, -1], categories: ["a", "b", "c", "new"])]
    #expect(areFinite(model.predict(table(other, rows: 2))))
  }

  @Test(arguments: names)
  func thousandsOfCategoriesAreLearntFrom(_ name: String) throws {
    let n = 4000
    let many: [FeatureTable.Column] = [
      .categorical(codes: (0..<n).map { Int32($0 / 2) }, categories: (0..<n / 2).map { "c\($0)" }), .numeric(noise(n, seed: 60)),
    ]
    let target = zip(noise(n, seed: 61), 0..<n).map { $0 + Double($1 % 2) }
    nonisolated(unsafe) var warnings: [String] = []
    let model = try fit(name, many, target, levels: [0.1, 0.9], warn: { warnings.append($0) })
    #expect(areFinite(model.predict(table(many, rows: n))))
    if ["linear", "lasso", "rff"].contains(name) { #expect(warnings.count == 1 && warnings[0].hasPrefix("rare categories count as one: ")) }
  }

  @Test(arguments: names)
  func weightsThatAreAllZeroAreAFailure(_ name: String) {
    #expect(throws: Failure.self) { try fit(name, columns, y, weights: y.map { _ in 0 }) }
  }

  /// A step size at which training cannot but diverge.
  @Test(arguments: ["cgn", "sqr", "dqr"])
  func aNetworkThatDivergesStepsBack(_ name: String) throws {
    var settings = HostileTableTests.quick
    settings["rate"] = "1"
    settings["layers"] = "6"
    settings["steps"] = "500"
    let answer = try fit(name, columns, y, settings: settings).predict(table(columns, rows: 90))
    #expect(areFinite(answer))
    let unit = y.map(abs).max()!
    #expect(answer.values.allSatisfy { abs($0) < 100 * unit })
  }
}
