import Groundwork
import LinearAlgebra
import Quantiles
import Regression
import Testing

private let inf = Double.infinity

/// Rows of a constant, numbers and indicators, whole where `ties`.
private func rows(_ n: Int, numbers: Int, categories: Int, ties: Bool, _ random: inout RandomStream) -> [[Double]] {
  (0..<n).map { _ in
    let category = categories == 0 ? 0 : random.below(categories)
    return [1] + (0..<numbers).map { _ in ties ? Double(random.below(5)) - 2 : random.uniform() * 4 - 2 }
      + (0..<categories).map { $0 == category ? 1 : 0 }
  }
}

private func targets(_ n: Int, ties: Bool, _ random: inout RandomStream) -> [Double] {
  (0..<n).map { _ in ties ? Double(random.below(7)) - 3 : random.uniform() * 6 - 3 }
}

private func augmented(_ design: [[Double]], _ scores: [Double], _ coverage: Int) throws -> (RowSpace, AugmentedQuantileRegression) {
  let space = RowSpace(design.flatMap { $0 }, columns: design[0].count)
  return (space, try AugmentedQuantileRegression(space, scores: scores, coverage: Level(key: coverage * 10_000_000)))
}

@Suite struct AugmentedQuantileRegressionTests {
  /// The definition, by the regression of n + 1 rows, at levels that leave its minimiser unique: a little below T the fit reaches the new
  /// score, a little above it does not, and where T is infinite it reaches the largest of scores.
  @Test func thresholdIsTheLargestScoreThatItsOwnFitReaches() throws {
    var random = RandomStream(seed: 1)
    for (numbers, categories) in [(1, 0), (2, 0), (0, 3), (2, 2)] {
      for coverage in [53, 73, 91] {
        for n in [8, 33, 120] {
          let design = rows(n, numbers: numbers, categories: categories, ties: false, &random)
          let scores = targets(n, ties: false, &random)
          let (space, regression) = try augmented(design, scores, coverage)
          for phi in rows(6, numbers: numbers, categories: categories, ties: false, &random) {
            // A category that no row has is outside the space: nothing then bounds the score.
            let threshold = space.coordinates(phi).map { regression.threshold(at: $0) } ?? inf
            func fit(_ score: Double) throws -> Double {
              let all = design + [phi]
              let beta = try QuantileRegression(
                design: Matrix(rows: n + 1, columns: phi.count, values: all.flatMap { $0 }), target: scores + [score],
                levels: [Double(coverage) / 100]
              ).coefficients.row(0)
              return zip(beta, phi).reduce(0) { $0 + $1.0 * $1.1 }
            }
            if threshold == inf {
              #expect(try fit(1e4) >= 1e4 - 1e-6)
            } else {
              #expect(try fit(threshold - 1e-6) >= threshold - 1e-6 - 1e-9)
              #expect(try fit(threshold + 1e-6) < threshold + 1e-6)
            }
          }
        }
      }
    }
  }

  @Test func withoutARowIsTheRegressionOfTheOthers() throws {
    var random = RandomStream(seed: 2)
    for ties in [false, true] {
      for (numbers, categories) in [(1, 0), (2, 3), (3, 2)] {
        for n in [4, 12, 60] {
          let design = rows(n, numbers: numbers, categories: categories, ties: ties, &random)
          var scores = targets(n, ties: ties, &random)
          if ties { scores[0] = inf; scores[1] = -inf }
          let (_, regression) = try augmented(design, scores, 80)
          for i in 0..<n {
            let others = (0..<n).filter { $0 != i }
            let (space, expected) = try augmented(others.map { design[$0] }, others.map { scores[$0] }, 80)
            let threshold = space.coordinates(design[i]).map { expected.threshold(at: $0) } ?? inf
            let actual = regression.threshold(withoutRow: i)
            #expect(actual == threshold || abs(actual - threshold) < 1e-9, "\(numbers) \(categories) \(n) \(i): \(actual) \(threshold)")
          }
        }
      }
    }
  }

  /// A constant alone: the order statistic, ties and all.
  @Test func ofAConstantItIsTheConformalQuantile() throws {
    var random = RandomStream(seed: 3)
    for n in 1...40 {
      for coverage in [50, 80, 90] {
        let scores = targets(n, ties: n % 2 == 0, &random)
        let (_, regression) = try augmented([[Double]](repeating: [1], count: n), scores, coverage)
        let rank = (coverage * (n + 1) + 99) / 100
        #expect(regression.threshold(at: [1]) == (rank > n ? inf : scores.sorted()[rank - 1]))
      }
    }
  }

  /// Collinear, constant and zero columns change nothing; a row that is no combination of the others is told.
  @Test func onlyTheSpaceOfTheRowsMatters() throws {
    var random = RandomStream(seed: 4)
    let design = rows(50, numbers: 2, categories: 0, ties: false, &random)
    let scores = targets(50, ties: false, &random)
    let (space, plain) = try augmented(design, scores, 80)
    let (wide, same) = try augmented(design.map { [$0[0], $0[1], $0[0] * 1e200, $0[1] + 3 * $0[2], 0, 2 * $0[1] - $0[0]] }, scores, 80)
    for phi in rows(20, numbers: 2, categories: 0, ties: false, &random) {
      let all = [phi[0], phi[1], phi[0] * 1e200, phi[1] + 3 * phi[2], 0, 2 * phi[1] - phi[0]]
      let (a, b) = (plain.threshold(at: space.coordinates(phi)!), same.threshold(at: wide.coordinates(all)!))
      #expect(a == b || abs(a - b) < 1e-9)
      #expect(wide.coordinates([all[0], all[1], all[2], all[3], 1, all[5]]) == nil)
      #expect(wide.coordinates([all[0], all[1], all[2] * 1.5, all[3], 0, all[5]]) == nil)
    }
  }

  /// Extreme and equal numbers, infinities and rows far outside: an answer, never NaN.
  @Test func hostileNumbersGiveAnAnswer() throws {
    var random = RandomStream(seed: 5)
    let values: [Double] = [0, 1, -1, 1e300, -1e300, 1e-300, 5e-324, 3, inf, -inf]
    for n in [1, 2, 5, 40] {
      for _ in 0..<60 {
        let design = (0..<n).map { _ in [1, [0, 1, 1e150, -1e-150, 1e300][random.below(5)], Double(random.below(2))] }
        let kinds = 1 + random.below(values.count)
        let (space, regression) = try augmented(design, (0..<n).map { _ in values[random.below(kinds)] }, 90)
        for phi in [[1, 0, 0], [1, 1e300, 1], [1, -1e150, 0], [1, 1e-300, 1]] {
          if let coordinates = space.coordinates(phi) { #expect(!regression.threshold(at: coordinates).isNaN) }
        }
        for i in 0..<n { #expect(!regression.threshold(withoutRow: i).isNaN) }
      }
    }
  }
}
