import Glibc
import Groundwork
import Quantiles

/// Studentised bootstrap of ratios of mean scores and relative skill: units (rows, or blocks of rows that belong together) are drawn with
/// replacement, as many as there are, and the tournament is held anew (Efron and Tibshirani 1993, §12.5; the block form of Field and Welsh 2007,
/// "Bootstrapping clustered data").
///
/// A statistic is studied on the scale of its logarithm θ = Σ α_ab log S_ab, whose standard error is that of its linear part,
///
///     SE² = Σ_u (Σ_ab α_ab s_ab(u) / S_ab)²,  s_ab(u) the part of unit u in S_ab
///
/// and the 95 % interval is exp(θ ± q SE), q the 95 % quantile of |θ* − θ| / SE* over resamples: symmetric, which errs by O(n⁻²) in coverage where
/// percentile intervals err by O(n⁻¹) (Hall 1992, "The Bootstrap and Edgeworth Expansion", §3.6). So ten units cover some 95 % where percentile
/// intervals cover 86 to 90 %; two or three cannot tell and give 0 to infinity.
public struct SkillBootstrap: Sendable {
  /// A logarithm and its standard error.
  fileprivate struct Estimate: Sendable {
    let natural: Double
    let value: Double
    let error: Double
  }

  private let originals: [SkillStatistic: Estimate]
  private let resamples: [SkillStatistic: [Estimate]]

  /// - scores, weights: as for `PairwiseSkill`; units: of each row, from 0 ..< `unitCount`; statistics: those that `interval` may ask for.
  ///
  /// The same seed gives the same resamples, whatever `threads` is. For s statistics O(n k s) a resample, and O(k² + k s) for each set of models that
  /// answered some row together and no other did.
  public init(
    scores: [Double], weights: [Double]? = nil, models k: Int, units: [Int32], unitCount: Int, statistics: [SkillStatistic], resamples: Int,
    seed: UInt64, threads: Int
  ) {
    let rows = UnitRows(scores: scores, weights: weights, models: k, units: units, unitCount: unitCount)
    let original = rows.estimates(statistics, draws: [Double](repeating: 1, count: unitCount))
    let drawn = try! parallelMap(resamples, threads: threads) { resample in
      var random = RandomStream(seed: seed, stream: 0xB007 << 32 + UInt64(resample))
      var draws = [Double](repeating: 0, count: unitCount)
      for _ in 0..<unitCount { draws[random.below(unitCount)] += 1 }
      return rows.estimates(statistics, draws: draws)
    }
    originals = Dictionary(zip(statistics, original), uniquingKeysWith: { first, _ in first })
    self.resamples = Dictionary(
      statistics.enumerated().map { s, statistic in (statistic, drawn.map { $0[s] }) }, uniquingKeysWith: { first, _ in first })
  }

  /// The 95 % interval of a statistic. NaN where it has no value; where it is 0 or infinite, the central 95 % of its values over resamples.
  public func interval(_ statistic: SkillStatistic) -> (lower: Double, upper: Double) {
    guard let original = originals[statistic], !original.value.isNaN else { return (.nan, .nan) }
    let drawn = resamples[statistic]!.filter { !$0.value.isNaN }
    guard !drawn.isEmpty else { return (.nan, .nan) }
    guard original.value.isFinite else {
      let values = drawn.map(\.natural).sorted()
      return (values[values.count / 40], values[values.count - 1 - values.count / 40])
    }
    if original.error == 0 { return (original.natural, original.natural) }
    let distances = drawn.map { estimate -> Double in
      let distance = abs(estimate.value - original.value)
      return distance == 0 ? 0 : distance / estimate.error
    }
    let place = min(distances.count, Int((0.95 * Double(distances.count + 1)).rounded(.up)))
    let reach = distances.map { $0.isNaN ? .infinity : $0 }.sorted()[place - 1] * original.error
    return (exp(original.value - reach), exp(original.value + reach))
  }
}

/// Rows of scores by unit, and by which models answered.
private struct UnitRows: Sendable {
  let scores: [Double]
  let weights: [Double]?
  let k: Int
  /// Rows unit by unit: those of unit u are `rows[starts[u] ..< starts[u + 1]]`.
  let rows: [Int32]
  let starts: [Int]
  /// Of each row, which of `answered` it is.
  let patterns: [Int32]
  /// The models that answered a row, each combination once.
  let answered: [[Int]]
  /// The same, a row of k a combination.
  let isAnswered: [Bool]

  init(scores: [Double], weights: [Double]?, models k: Int, units: [Int32], unitCount: Int) {
    (self.scores, self.weights, self.k) = (scores, weights, k)
    var patternOfAnswers: [[Int]: Int32] = [:]
    var answered: [[Int]] = []
    patterns = units.indices.map { row -> Int32 in
      let models = (0..<k).filter { !scores[row * k + $0].isNaN }
      if let pattern = patternOfAnswers[models] { return pattern }
      patternOfAnswers[models] = Int32(answered.count)
      answered.append(models)
      return Int32(answered.count - 1)
    }
    self.answered = answered
    isAnswered = answered.flatMap { models in (0..<k).map(models.contains) }
    var starts = [Int](repeating: 0, count: unitCount + 1)
    for unit in units { starts[Int(unit) + 1] += 1 }
    for unit in 0..<unitCount { starts[unit + 1] += starts[unit] }
    self.starts = starts
    var next = starts
    var rows = [Int32](repeating: 0, count: units.count)
    for (row, unit) in units.enumerated() {
      rows[next[Int(unit)]] = Int32(row)
      next[Int(unit)] += 1
    }
    self.rows = rows
  }

  /// The logarithm of each statistic and its standard error, where unit u counts `draws[u]` times.
  func estimates(_ statistics: [SkillStatistic], draws: [Double]) -> [SkillBootstrap.Estimate] {
    let sums = pairSums(draws)
    let skill = PairwiseSkill(models: k, sums: sums)
    return statistics.map { statistic in
      let natural = statistic.value(skill)
      let value = log(natural)
      return .init(natural: natural, value: value, error: value.isFinite ? standardError(statistic, skill, sums, draws) : .nan)
    }
  }

  /// S_ab at a · k + b; NaN where a and b have no row in common.
  private func pairSums(_ draws: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: answered.count * k)
    var isDrawn = [Bool](repeating: false, count: answered.count)
    for unit in draws.indices where draws[unit] > 0 {
      for row in rows[starts[unit]..<starts[unit + 1]] {
        let pattern = Int(patterns[Int(row)])
        let weight = draws[unit] * (weights?[Int(row)] ?? 1)
        isDrawn[pattern] = true
        for i in answered[pattern] { sums[pattern * k + i] += weight * scores[Int(row) * k + i] }
      }
    }
    var pairs = [Double](repeating: .nan, count: k * k)
    for (pattern, models) in answered.enumerated() where isDrawn[pattern] {
      for i in models {
        for j in models { pairs[i * k + j] = (pairs[i * k + j].isNaN ? 0 : pairs[i * k + j]) + sums[pattern * k + i] }
      }
    }
    return pairs
  }

  private func standardError(_ statistic: SkillStatistic, _ skill: PairwiseSkill, _ sums: [Double], _ draws: [Double]) -> Double {
    // A row's part is linear in its scores, with factors that depend on which models answered it.
    var factors = [Double](repeating: 0, count: answered.count * k)
    let terms = statistic.terms(skill)
    for start in stride(from: 0, to: factors.count, by: k) {
      for (a, b, factor) in terms where isAnswered[start + a] && isAnswered[start + b] { factors[start + a] += factor / sums[a * k + b] }
    }
    var squares = 0.0
    for unit in draws.indices where draws[unit] > 0 {
      var part = 0.0
      for row in rows[starts[unit]..<starts[unit + 1]] {
        let pattern = Int(patterns[Int(row)])
        var share = 0.0
        for i in answered[pattern] where factors[pattern * k + i] != 0 { share += factors[pattern * k + i] * scores[Int(row) * k + i] }
        part += share * (weights?[Int(row)] ?? 1)
      }
      squares += draws[unit] * part * part
    }
    return squares.squareRoot()
  }
}
