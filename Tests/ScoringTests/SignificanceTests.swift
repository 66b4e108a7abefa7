import Glibc
import Groundwork
import Scoring
import Testing

private func close(_ a: Double, _ b: Double, _ tolerance: Double = 1e-12) -> Bool { abs(a - b) <= tolerance * max(abs(a), abs(b)) }

private func sine(_ count: Int) -> [Double] { (1...count).map { sin(Double($0)) * 3 + 0.4 } }
private let distinct: [Double] = [1, 2, 4, 8, -3, 5, 7, -6, 9, 10, -11.5]

/// Expected values are those of R 4.2.2, by the expression beside each.
@Suite struct WilcoxonSignedRankTests {
  /// wilcox.test(d)
  @Test func smallSamplesWithoutTiesAreExact() {
    #expect(close(wilcoxonSignedRankTest(distinct), 0.27832031249999994))
    #expect(close(wilcoxonSignedRankTest(sine(49)), 0.1313990958599334))
  }

  /// wilcox.test(d, exact = FALSE)
  @Test func tiesAndZerosTakeTheNormalDistribution() {
    #expect(close(wilcoxonSignedRankTest([1, -1, 2, 2, 3, 0, -2, 4, 5, 5, 6, -1, 3]), 0.020172560158944142))
    #expect(close(wilcoxonSignedRankTest(sine(60)), 0.063054817823467141))
  }

  @Test func signDoesNotMatterAndNothingIsNoTest() {
    #expect(wilcoxonSignedRankTest(distinct.map { -$0 }) == wilcoxonSignedRankTest(distinct))
    #expect(wilcoxonSignedRankTest([]).isNaN && wilcoxonSignedRankTest([0, 0]).isNaN && wilcoxonSignedRankTest([1, .nan]).isNaN)
    #expect(wilcoxonSignedRankTest([1, -1]) == 1)
  }
}

@Suite struct DieboldMarianoTests {
  /// Python: L = scipy.fft.dct(d, type=2, norm="ortho")[1:B + 1]
  /// and 2 * scipy.stats.t.sf(abs(sqrt(len(d)) * mean(d) / sqrt(mean(L ** 2))), B)
  @Test(arguments: [
    (distinct, 1, 2, 0.15318066355712245), (distinct, 8, 1, 0.20668040300868415), (sine(49), 2, 5, 0.01772127887084369),
    (sine(60), 1, 6, 0.0014414290822077139), (sine(60), 3, 6, 0.0014414290822077139), (sine(60), 12, 3, 0.005885112239471356),
  ])
  func agreesWithTheCosineTransformOfScipy(_ differences: [Double], _ horizon: Int, _ freedom: Int, _ expected: Double) {
    #expect(dieboldMarianoFreedom(differences.count, horizon: horizon) == freedom)
    #expect(close(dieboldMarianoTest(differences, horizon: horizon), expected, 1e-10))
  }

  @Test func aSeriesThatReadsTheSameFromItsEndTakesMoreCosines() {
    #expect(dieboldMarianoFreedom(3, horizon: 1) == 1)
    // L_1 = 0, so L_2² = Σ (d − 4/3)² = 2/3, and T = √3 · 4/3 / √(L_2² / 2).
    #expect(close(dieboldMarianoTest([1, 2, 1]), studentTwoSided(3.0.squareRoot() * 4 / 3 / (2.0 / 3 / 2).squareRoot(), freedom: 2)))
    #expect(dieboldMarianoTest([1, -1, 1, -1]) == 1)
  }

  @Test func scaleAndSignDoNotMatter() {
    let p = dieboldMarianoTest(sine(30), horizon: 2)
    #expect(dieboldMarianoTest(sine(30).map { -8 * $0 }, horizon: 2) == p && dieboldMarianoTest(sine(30).map { $0 * 0x1p-300 }, horizon: 2) == p)
    #expect(close(dieboldMarianoTest(sine(30).reversed(), horizon: 2), p, 1e-9))
  }

  @Test func whatHasNoTestIsNaN() {
    #expect(
      dieboldMarianoTest([1], horizon: 1).isNaN && dieboldMarianoTest([2, 2, 2], horizon: 1).isNaN && dieboldMarianoTest([1, 2], horizon: 2).isNaN)
    #expect(dieboldMarianoTest([1, .infinity, 2], horizon: 1).isNaN)
  }
}

@Suite struct PermutationTests {
  @Test func fewDifferencesAreEnumerated() {
    var random = RandomStream(seed: 41)
    for n in 1...12 {
      let differences = (0..<n).map { _ in (random.uniform() * 8).rounded() - 3 }
      let observed = abs(differences.reduce(0, +))
      var extreme = 0
      for signs in 0..<1 << n {
        let sum = differences.indices.reduce(0.0) { $0 + (signs >> $1 & 1 == 1 ? -differences[$1] : differences[$1]) }
        if abs(sum) >= observed { extreme += 1 }
      }
      #expect(permutationTest(differences) == Double(extreme) / Double(1 << n))
    }
  }

  /// A hundred differences around zero, many times: each p-value from 1 / 100 on is as likely as any other.
  @Test func pValuesAreUniformUnderTheNullHypothesis() {
    var random = RandomStream(seed: 42)
    let repetitions = 2000
    var tenths = [Int](repeating: 0, count: 10)
    for repetition in 0..<repetitions {
      let differences = (0..<100).map { _ in (random.uniform() - 0.5) * (1 + 3 * random.uniform()) }
      let p = permutationTest(differences, permutations: 99, seed: UInt64(repetition))
      tenths[Int((p * 100).rounded() - 1) / 10] += 1
    }
    // Pearson's statistic of 10 equally likely tenths: its 99.9 % quantile with 9 degrees of freedom is 27.9.
    let statistic = tenths.reduce(0.0) { $0 + (Double($1) - 200) * (Double($1) - 200) / 200 }
    #expect(statistic < 27.9, "\(tenths)")
  }

  @Test func theSameSeedGivesTheSameValueForAnyThreads() {
    let differences = sine(77)
    let one = permutationTest(differences, permutations: 499, seed: 3, threads: 1)
    #expect(one == permutationTest(differences, permutations: 499, seed: 3, threads: 4))
    #expect((1...20).contains { permutationTest(differences, permutations: 499, seed: UInt64($0)) != one })
  }

  @Test func equalModelsDifferByChance() {
    #expect(permutationTest([Double](repeating: 0, count: 30)) == 1)
    #expect(permutationTest([]).isNaN && permutationTest([1, .nan]).isNaN)
    #expect(permutationTest([Double](repeating: 0.1, count: 30)) == 0.001)
  }
}

@Suite struct HolmTests {
  /// R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), "holm")
  @Test func agreesWithR() {
    for (ours, expected) in zip(holmAdjusted([0.01, 0.04, 0.03, 0.005, 0.5]), [0.04, 0.09, 0.09, 0.025, 0.5]) { #expect(close(ours, expected)) }
  }

  @Test func missingValuesDoNotCount() {
    let adjusted = holmAdjusted([0.02, .nan, 0.9])
    #expect(adjusted[0] == 0.04 && adjusted[1].isNaN && adjusted[2] == 0.9)
    #expect(holmAdjusted([]) == [] && holmAdjusted([0.7, 0.8]) == [1, 1])
  }
}

/// Expected values are those of R 4.2.2.
@Suite struct IncompleteBetaTests {
  /// pbeta(x, a, b)
  @Test(arguments: [
    (0.3, 2.0, 5.0, 0.57982500000000015), (0.9, 200, 30, 0.92311090184092992), (1e-3, 0.5, 0.5, 0.020135041633377489),
    (0.5, 5000, 5100, 0.84015287081213774),
  ])
  func agreesWithR(_ x: Double, _ a: Double, _ b: Double, _ expected: Double) {
    #expect(close(regularisedIncompleteBeta(x, a, b), expected, 1e-11))
  }

  /// 2 * pt(-t, n)
  @Test(arguments: [(2.5, 4.0, 0.066766544811988127), (0.1, 99, 0.92054655073758229), (30, 10, 3.9617923420313195e-11)])
  func studentAgreesWithR(_ t: Double, _ freedom: Double, _ expected: Double) {
    #expect(
      close(studentTwoSided(t, freedom: freedom), expected, 1e-11) && studentTwoSided(-t, freedom: freedom) == studentTwoSided(t, freedom: freedom))
  }

  /// qbinom(c(.025, .975), n, p)
  @Test(arguments: [(100, 0.05, 1, 10), (1, 0.5, 0, 1), (562, 0.25, 121, 161), (1_000_000, 0.01, 9805, 10195), (20, 0.99, 19, 20)])
  func binomialQuantilesAgreeWithR(_ count: Int, _ probability: Double, _ lower: Int, _ upper: Int) {
    #expect(binomialQuantile(0.025, count: count, probability: probability) == lower)
    #expect(binomialQuantile(0.975, count: count, probability: probability) == upper)
  }
}
