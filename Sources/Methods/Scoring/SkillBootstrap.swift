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
  /// The same seed gives the same resamples, whatever `threads` is. A resample costs O(u k) for u units, as much again for
  /// each relative skill and O(u) for each ratio, and O(k² + k s) for each set of models that answered some row together and no other did.
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

/// Sums of scores by unit, and by which models answered.
private struct UnitRows: Sendable {
  let k: Int
  /// The entries of unit u, one for each set of models that answered some of its rows, are `starts[u] ..< starts[u + 1]`.
  let starts: [Int]
  /// Of each entry, which of `answered` it is.
  let patterns: [Int32]
  /// Of each entry, the weighted sums of its models' scores, k an entry; 0 for those that did not answer.
  let sums: [Double]
  /// The models that answered a row, each combination once.
  let answered: [[Int]]
  /// The same, a row of k a combination.
  let isAnswered: [Bool]

  /// O(n k).
  init(scores: [Double], weights: [Double]?, models k: Int, units: [Int32], unitCount: Int) {
    self.k = k
    var patternOfAnswers: [[Int]: Int32] = [:]
    var answered: [[Int]] = []
    let patternOfRow = units.indices.map { row -> Int32 in
      let models = (0..<k).filter { !scores[row * k + $0].isNaN }
      if let pattern = patternOfAnswers[models] { return pattern }
      patternOfAnswers[models] = Int32(answered.count)
      answered.append(models)
      return Int32(answered.count - 1)
    }
    self.answered = answered
    isAnswered = answered.flatMap { models in (0..<k).map(models.contains) }
    let order = units.indices.sorted { (units[$0], patternOfRow[$0], $0) < (units[$1], patternOfRow[$1], $1) }
    var starts = [Int](repeating: 0, count: unitCount + 1)
    var patterns: [Int32] = []
    var sums: [Double] = []
    var last: (unit: Int32, pattern: Int32) = (-1, -1)
    for row in order {
      if (units[row], patternOfRow[row]) != last {
        last = (units[row], patternOfRow[row])
        patterns.append(last.pattern)
        sums.append(contentsOf: repeatElement(0, count: k))
        starts[Int(last.unit) + 1] = patterns.count
      }
      let weight = weights?[row] ?? 1
      for i in answered[Int(last.pattern)] { sums[(patterns.count - 1) * k + i] += weight * scores[row * k + i] }
    }
    for unit in 0..<unitCount { starts[unit + 1] = max(starts[unit + 1], starts[unit]) }
    (self.starts, self.patterns, self.sums) = (starts, patterns, sums)
  }

  /// The logarithm of each statistic and its standard error, where unit u counts `draws[u]` times.
  func estimates(_ statistics: [SkillStatistic], draws: [Double]) -> [SkillBootstrap.Estimate] {
    let sums = pairSums(draws)
    let skill = PairwiseSkill(models: k, sums: sums)
    let drawn = draws.indices.filter { draws[$0] > 0 }
    return statistics.map { statistic in
      let natural = statistic.value(skill)
      let value = log(natural)
      return .init(natural: natural, value: value, error: value.isFinite ? standardError(statistic, skill, sums, draws, drawn) : .nan)
    }
  }

  /// S_ab at a · k + b; NaN where a and b have no row in common.
  private func pairSums(_ draws: [Double]) -> [Double] {
    var totals = [Double](repeating: 0, count: answered.count * k)
    var isDrawn = [Bool](repeating: false, count: answered.count)
    for unit in draws.indices where draws[unit] > 0 {
      for entry in starts[unit]..<starts[unit + 1] {
        let pattern = Int(patterns[entry])
        isDrawn[pattern] = true
        for i in 0..<k { totals[pattern * k + i] += draws[unit] * sums[entry * k + i] }
      }
    }
    var pairs = [Double](repeating: .nan, count: k * k)
    for (pattern, models) in answered.enumerated() where isDrawn[pattern] {
      for i in models {
        for j in models { pairs[i * k + j] = (pairs[i * k + j].isNaN ? 0 : pairs[i * k + j]) + totals[pattern * k + i] }
      }
    }
    return pairs
  }

  /// A unit's part is linear in its sums, with factors that depend on which models answered, and that are 0 but for the models of the statistic.
  private func standardError(
    _ statistic: SkillStatistic, _ skill: PairwiseSkill, _ pairs: [Double], _ draws: [Double], _ drawn: [Int]
  ) -> Double {
    let terms = statistic.terms(skill)
    let models = Set(terms.map(\.a)).sorted()
    let width = models.count
    let place = Dictionary(uniqueKeysWithValues: zip(models, 0...))
    var factors = [Double](repeating: 0, count: answered.count * width)
    for pattern in answered.indices {
      for (a, b, factor) in terms where isAnswered[pattern * k + a] && isAnswered[pattern * k + b] {
        factors[pattern * width + place[a]!] += factor / pairs[a * k + b]
      }
    }
    var squares = 0.0
    factors.withUnsafeBufferPointer { factors in
      sums.withUnsafeBufferPointer { sums in
        models.withUnsafeBufferPointer { models in
          for unit in drawn {
            var part = 0.0
            for entry in starts[unit]..<starts[unit + 1] {
              let first = Int(patterns[entry]) * width
              // An infinite score of rows that have no part in the statistic must not meet their factor.
              for m in 0..<width where factors[first + m] != 0 { part += factors[first + m] * sums[entry * k + models[m]] }
            }
            squares += draws[unit] * part * part
          }
        }
      }
    }
    return squares.squareRoot()
  }
}
