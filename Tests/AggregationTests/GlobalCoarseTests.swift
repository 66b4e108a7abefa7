import Aggregation
import Groundwork
import MethodKit
import Quantiles
import Testing

private func coarse(_ training: AggregationTraining, threads: Int = 1, warn: @escaping @Sendable (String) -> Void = { _ in }) throws
  -> FittedGlobalWeights
{
  try fit(GlobalCoarse.self, training, threads: threads, warn: warn) as! FittedGlobalWeights
}

/// Errors of the whole table, as the method sees them.
private func program(_ training: AggregationTraining) throws -> SimplexPinballProgram {
  SimplexPinballProgram(
    training, rowWeights: try training.normalisedWeights(), candidates: Array(0..<training.models),
    levels: Array(training.levels.indices), scale: 1 / errorUnit, fill: nil, threads: 1)
}

private func isOnTheSimplex(_ weights: [Double]) -> Bool {
  weights.allSatisfy { $0 >= 0 } && abs(weights.reduce(0, +) - 1) < 1e-12
}

@Suite struct GlobalCoarseTests {
  /// scripts/reference/global.py, scipy 1.x linprog (HiGHS dual simplex).
  @Test func itEqualsALinearProgrammingSolver() throws {
    let small = try coarse(referenceTable(rows: 30, models: 4, levels: 3, seed: 1))
    #expect(abs(small.objective / 0.829197077167994 - 1) < 1e-12)
    let smallWeights = [0.3679223076848096, 0.18190642547768326, 0.2622955337644415, 0.18787573307306496]
    for (a, b) in zip(small.table.table.values, smallWeights) { #expect(abs(a - b) < 1e-9) }

    let large = try coarse(referenceTable(rows: 200, models: 6, levels: 9, seed: 2))
    #expect(abs(large.objective / 2.4559689922638315 - 1) < 1e-12)
    let largeWeights = [
      0.4923456516514109, 0.0655450476415486, 0.1526426973896622, 0.16216386774457855, 0.012461743201380984, 0.1148409923714187,
    ]
    for (a, b) in zip(large.table.table.values, largeWeights) { #expect(abs(a - b) < 1e-9) }

    let rowWeights = (0..<200).map { 1 + Double($0 % 5) }
    let weighted = try coarse(referenceTable(rows: 200, models: 6, levels: 9, seed: 2, weights: rowWeights))
    #expect(abs(weighted.objective / 2.4728857229095076 - 1) < 1e-12)

    let wide = try coarse(referenceTable(rows: 3, models: 8, levels: 2, seed: 3))
    #expect(abs(wide.objective / 0.5506347056974921 - 1) < 1e-12)
    for fitted in [small, large, weighted, wide] {
      #expect(isOnTheSimplex(fitted.table.table.values))
      #expect(fitted.gap <= 1e-12 * fitted.objective)
    }
  }

  @Test func theReportedObjectiveIsTheLossOfItsAnswers() throws {
    let training = referenceTable(rows: 80, models: 5, levels: 9, seed: 5, weights: (0..<80).map { Double($0 % 3) })
    let fitted = try coarse(training)
    #expect(abs(training.loss(fitted.answer(training.predictions, features: nil)) / fitted.objective - 1) < 1e-12)
  }

  @Test func noSingleModelAndNoAverageIsBetter() throws {
    for seed in 1...20 {
      let training = referenceTable(rows: 15, models: 5, levels: 4, seed: seed)
      let fitted = try coarse(training)
      let losses = (0..<5).map { j -> Double in
        var answer = Matrix(rows: 15, columns: 4)
        for i in 0..<15 { for t in 0..<4 { answer[i, t] = training.value(i, j, t) } }
        return training.loss(answer)
      }
      let average = training.loss(try fit(Average.self, training).answer(training.predictions, features: nil))
      #expect(fitted.objective <= (losses + [average]).min()! * (1 + 1e-12))
      #expect(fitted.gap <= 1e-10 * fitted.objective)
    }
  }

  @Test func permutingModelsPermutesTheWeights() throws {
    let training = referenceTable(rows: 200, models: 6, levels: 9, seed: 2)
    let order = [3, 0, 5, 1, 4, 2]
    let permuted = training.mapping { i, j, t, _ in training.value(i, order[j], t) }
    let a = try coarse(training)
    let b = try coarse(permuted)
    for (j, k) in order.enumerated() { #expect(abs(b.table.table[j, 0] - a.table.table[k, 0]) < 1e-11) }
    #expect(abs(a.objective / b.objective - 1) < 1e-13)
  }

  @Test func theObjectiveFollowsScaleAndIgnoresShift() throws {
    let training = referenceTable(rows: 100, models: 5, levels: 9, seed: 6)
    let plain = try coarse(training)
    for factor in [1e-150, 3, 1e150] {
      let scaled = try coarse(training.mapping(target: { $0 * factor }) { _, _, _, v in v * factor })
      #expect(abs(scaled.objective / factor / plain.objective - 1) < 1e-12)
    }
    let shifted = try coarse(training.mapping(target: { $0 + 1000 }) { _, _, _, v in v + 1000 })
    #expect(abs(shifted.objective / plain.objective - 1) < 1e-11)
    for (a, b) in zip(shifted.table.table.values, plain.table.table.values) { #expect(abs(a - b) < 1e-9) }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    let training = referenceTable(rows: 400, models: 7, levels: 19, seed: 7)
    let one = encoded(try coarse(training, threads: 1))
    for threads in [2, 5] { #expect(encoded(try coarse(training, threads: threads)) == one) }
  }

  @Test func oneModelGetsEverything() throws {
    let fitted = try coarse(referenceTable(rows: 10, models: 1, levels: 3, seed: 1))
    #expect(fitted.table.table.values == [1] && fitted.gap == 0)
  }

  @Test func ofIdenticalModelsTheFirstGetsTheWeight() throws {
    let training = referenceTable(rows: 60, models: 3, levels: 5, seed: 8)
    let doubled = training.predictions.values.indices.reduce(into: [Double]()) { values, k in
      if k % 15 == 0 { values += training.predictions.values[k..<(k + 15)] + training.predictions.values[k..<(k + 15)] }
    }
    let plain = try coarse(training)
    let fitted = try coarse(table(training.levels, training.target, doubled))
    #expect(fitted.table.table.values == plain.table.table.values + [0, 0, 0])
  }

  /// c is the mean of a and b: the optimum is a segment, any of its points will do.
  @Test func dependentModelsAreNoObstacle() throws {
    let training = referenceTable(rows: 60, models: 3, levels: 5, seed: 8)
    let dependent = training.mapping { i, j, t, v in j < 2 ? v : (training.value(i, 0, t) + training.value(i, 1, t)) / 2 }
    let fitted = try coarse(dependent)
    let values = dependent.target.indices.flatMap { i in (0..<2).flatMap { j in (0..<5).map { dependent.value(i, j, $0) } } }
    let two = try coarse(table(training.levels, training.target, values))
    #expect(abs(fitted.objective / two.objective - 1) < 1e-10 && fitted.gap <= 1e-9 * fitted.objective)
  }

  @Test func aPerfectModelGetsEverything() throws {
    let training = referenceTable(rows: 40, models: 4, levels: 3, seed: 3)
    let fitted = try coarse(training.mapping { i, j, _, v in j == 2 ? training.target[i] : v })
    #expect(fitted.table.table.values == [0, 0, 1, 0] && fitted.objective == 0 && fitted.gap == 0)
  }

  /// Two models whose errors cancel: the optimum is nought though no model's loss is.
  @Test func cancellingErrorsAreFound() throws {
    let training = referenceTable(rows: 40, models: 3, levels: 3, seed: 3)
    let fitted = try coarse(training.mapping { i, j, _, v in j == 2 ? v : training.target[i] + (j == 0 ? 1 : -3) })
    #expect(fitted.objective < 1e-12)
    #expect(abs(fitted.table.table[0, 0] - 0.75) < 1e-9)
  }

  @Test(arguments: [1e-300, 1e-150, 1, 1e150, 1e300])
  func hostileNumbersGiveAnswers(_ size: Double) throws {
    let levels = [0.1, 0.5, 0.9]
    var random = RandomStream(seed: 11)
    func tables() -> [AggregationTraining] {
      func values(_ count: Int) -> [Double] { (0..<count).map { _ in size * (random.uniform() - 0.5) } }
      let base = table(levels, values(20), values(20 * 4 * 3))
      return [
        base,
        base.mapping(target: { _ in size }) { _, _, _, v in v },
        base.mapping(target: { _ in 0 }) { _, _, _, _ in 0 },
        base.mapping { _, j, _, v in j == 1 ? 1e300 : v },
        base.mapping { i, j, _, v in i == 3 && j > 0 ? -1.7e308 : v },
        base.mapping { i, j, _, v in j == 0 ? size : v },
        base.mapping { i, j, t, _ in size * Double((i + j + t) % 2) },
        base.mapping { _, _, _, _ in 1.7e308 },
        base.mapping(target: { _ in -1.7e308 }) { _, j, _, _ in j == 0 ? 1.7e308 : .infinity },
        table(levels, [size], values(12)),
        table(levels, [size, size], [Double](repeating: size, count: 24)),
      ]
    }
    for (k, training) in tables().enumerated() {
      let fitted = try coarse(training)
      #expect(isOnTheSimplex(fitted.table.table.values), "table \(k)")
      #expect(fitted.answer(training.predictions, features: nil).values.allSatisfy { !$0.isNaN }, "table \(k)")
      #expect(!fitted.objective.isNaN && !fitted.gap.isNaN, "table \(k)")
      // Losses that small are taken for nought, and the gap says so.
      if size < 1e-270 { continue }
      #expect(fitted.gap <= 1e-9 * fitted.objective || fitted.gap <= 1e-12 * size, "table \(k): \(fitted.gap) of \(fitted.objective)")
    }
  }

  /// Small integers make hundreds of residuals vanish at once.
  @Test func tiesAreCertifiedToo() throws {
    var random = RandomStream(seed: 12)
    for _ in 0..<30 {
      let target = (0..<40).map { _ in Double(random.below(3)) }
      let values = (0..<(40 * 5 * 3)).map { _ in Double(random.below(3)) }
      let fitted = try coarse(table([0.25, 0.5, 0.75], target, values))
      #expect(fitted.gap <= 1e-9 * fitted.objective)
      #expect(isOnTheSimplex(fitted.table.table.values))
    }
  }

  @Test func damageIsFound() throws {
    let training = referenceTable(rows: 30, models: 4, levels: 3, seed: 1)
    let fitted = try coarse(training)
    let bytes = encoded(fitted)
    var reader = ByteReader(bytes)
    let copy = try GlobalCoarse.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd && encoded(copy) == bytes)
    #expect(copy.answer(training.predictions, features: nil) == fitted.answer(training.predictions, features: nil))
    for length in 0..<bytes.count {
      var reader = ByteReader(Array(bytes[..<length]))
      #expect(throws: Failure.self) { try GlobalCoarse.fitted.init(decoding: &reader) }
    }
    for wrong in [[0.5, 0.6], [-0.5, 1.5], [.nan, 1], [.infinity, 0], [0.5, 0.5, 0]] {
      var writer = ByteWriter()
      writer.write(["a", "b"])
      writer.write(3)
      writer.write(1)
      writer.write(wrong)
      writer.write(1.0)
      writer.write(0.0)
      var reader = ByteReader(writer.bytes)
      #expect(throws: Failure.self) { try GlobalCoarse.fitted.init(decoding: &reader) }
    }
  }
}

@Suite struct GlobalCoarseMissingTests {
  @Test func answersRenormaliseOverModelsPresent() {
    let weights = ModelWeights(models: ["a", "b", "c"], levels: 1, table: Matrix(rows: 3, columns: 1, values: [0.5, 0.25, 0.25]))
    let nan = Double.nan
    let given = predictions([0.5], rows: 5, models: 3, [4, 8, 16, nan, 8, 16, 4, nan, nan, nan, nan, nan, 1, 1, 1])
    let answer = weights.answer(given).values
    #expect(Array(answer[..<3]) == [8, 12, 4])
    #expect(answer[3].isNaN && answer[4] == 1)
    let none = ModelWeights(models: ["a", "b", "c"], levels: 1, table: Matrix(rows: 3, columns: 1, values: [1, 0, 0]))
    #expect(none.answer(given).values[1] == 12)
  }

  @Test func fewMissingPredictionsLeaveAnExactFitOnTheRest() throws {
    let training = referenceTable(rows: 100, models: 4, levels: 5, seed: 13)
    nonisolated(unsafe) var warnings: [String] = []
    let fitted = try coarse(training.mapping { i, j, _, v in i >= 90 && j == 1 ? .nan : v }) { warnings.append($0) }
    let complete = try coarse(
      table(training.levels, Array(training.target[..<90]), Array(training.predictions.values[..<(90 * 20)])))
    for (a, b) in zip(fitted.table.table.values, complete.table.table.values) { #expect(abs(a - b) < 1e-10) }
    #expect(warnings.count == 1 && warnings[0].hasPrefix("10 training rows lack predictions (of b): "))
  }

  /// Each row lacks one model, so no term is complete.
  @Test func whereNoTermIsCompleteTheOthersStandIn() throws {
    nonisolated(unsafe) var warnings: [String] = []
    let training = referenceTable(rows: 90, models: 3, levels: 5, seed: 14).mapping { i, j, _, v in i % 3 == j ? .nan : v }
    let fitted = try coarse(training) { warnings.append($0) }
    #expect(isOnTheSimplex(fitted.table.table.values) && warnings.count == 1)
    let answer = fitted.answer(training.predictions, features: nil)
    #expect(answer.values.allSatisfy { $0.isFinite })
    #expect(abs(training.loss(answer) / fitted.objective - 1) < 1e-12)
    let average = training.loss(try fit(Average.self, training).answer(training.predictions, features: nil))
    #expect(fitted.objective <= average)
  }

  @Test func aModelThatIsNeverThereGetsNothing() throws {
    nonisolated(unsafe) var warnings: [String] = []
    let training = referenceTable(rows: 30, models: 4, levels: 3, seed: 1).mapping { _, j, _, v in j == 2 ? .nan : v }
    let fitted = try coarse(training) { warnings.append($0) }
    #expect(fitted.table.table[2, 0] == 0 && warnings.count == 1)
    #expect(fitted.gap <= 1e-12 * fitted.objective)
  }
}

@Suite struct SimplexPinballProgramTests {
  /// The optimum's multipliers bound every other point: a wrong solution shows its excess as a gap.
  @Test func theCertificateDetectsAWrongSolution() throws {
    let program = try program(referenceTable(rows: 200, models: 6, levels: 9, seed: 2))
    let solution = SimplexPinballSolution(program, threads: 1)
    #expect(solution.gap <= 1e-12 * solution.objective)
    var wrong = solution.weights
    wrong[0] -= 0.01
    wrong[1] += 0.01
    #expect(program.objective(wrong, threads: 1) - solution.bound > 1e-6 * solution.objective)
    // Multipliers that are not the optimum's, even out of their box, prove less, never more.
    var random = RandomStream(seed: 15)
    for _ in 0..<20 {
      let z = solution.multipliers.map { $0 + 0.01 * (random.uniform() - 0.5) }
      #expect(program.bound(z, threads: 1) < solution.objective)
    }
  }

  @Test func blocksAgreeWithAPlainSum() throws {
    let training = referenceTable(rows: 130, models: 3, levels: 9, seed: 16)
    let program = try program(training)
    let w = [0.2, 0.5, 0.3]
    var answer = Matrix(rows: 130, columns: 9)
    for i in 0..<130 { for t in 0..<9 { answer[i, t] = (0..<3).reduce(0) { $0 + w[$1] * training.value(i, $1, t) } } }
    #expect(abs(program.objective(w, threads: 2) / training.loss(answer) - 1) < 1e-13)
    #expect(abs(program.combined(w, threads: 2)[129 * 9 + 4] - (answer[129, 4] - training.target[129])) < 1e-13)
  }

  @Test func edgesLeadToTheOptimumFromACorner() throws {
    let program = try program(referenceTable(rows: 200, models: 6, levels: 9, seed: 2))
    let corner = [0.0, 0, 0, 0, 0, 1]
    let search = SimplexPinballVertexSearch(
      program, near: corner, slacks: [1, 1, 1, 1, 1, 0], multipliers: [Double](repeating: -1, count: program.terms), threads: 1)
    // The figure of `itEqualsALinearProgrammingSolver`.
    #expect(abs(search.objective / 2.4559689922638315 - 1) < 1e-12)
    #expect(search.edges > 4)
    #expect(search.objective - program.bound(search.multipliers, threads: 1) <= 1e-11)
  }

  @Test func theWeightedMedianOfKinksIsThatOfASort() {
    var random = RandomStream(seed: 17)
    for count in 1...60 {
      var kinks = (0..<count).map { Kink(distance: Double(random.below(12)), rise: random.uniform() + 0.01, term: $0) }
      let needed = random.uniform() * kinks.reduce(0) { $0 + $1.rise }
      var sum = 0.0
      let plain = kinks.sorted { $0.distance < $1.distance }.first {
        sum += $0.rise; return sum >= needed - 1e-12
      }
      #expect(Kink.firstReaching(needed, &kinks)?.distance == plain?.distance)
      #expect(Kink.firstReaching(1e9, &kinks) == nil)
    }
  }
}
