import Groundwork
import Quantiles

/// Bootstrap distribution of ratios of mean scores and relative skill: units (rows, or blocks of rows that belong together) are
/// drawn with replacement, as many as there are, and the tournament is held anew (Efron and Tibshirani 1993, §8 and §13.3; the
/// block form of Field and Welsh 2007, "Bootstrapping clustered data").
public struct SkillBootstrap: Sendable {
  /// One a resample.
  public let resamples: [PairwiseSkill]

  /// - scores, weights: as for `PairwiseSkill`; units: of each row, from 0 ..< `unitCount`.
  ///
  /// The same seed gives the same resamples, whatever `threads` is. O(n k) a resample, and O(k²) for each set of models that
  /// answered some row together and no other did.
  public init(
    scores: [Double], weights: [Double]? = nil, models k: Int, units: [Int32], unitCount: Int, resamples: Int, seed: UInt64, threads: Int
  ) {
    var patternOfAnswers: [[Bool]: Int32] = [:]
    var answers: [[Bool]] = []
    let patterns = units.indices.map { row -> Int32 in
      let answered = (0..<k).map { !scores[row * k + $0].isNaN }
      if let pattern = patternOfAnswers[answered] { return pattern }
      patternOfAnswers[answered] = Int32(answers.count)
      answers.append(answered)
      return Int32(answers.count - 1)
    }
    let answeringModels = answers
    self.resamples = try! parallelMap(resamples, threads: threads) { resample in
      var random = RandomStream(seed: seed, stream: 0xB007 << 32 + UInt64(resample))
      var draws = [Double](repeating: 0, count: unitCount)
      for _ in 0..<unitCount { draws[random.below(unitCount)] += 1 }
      var sums = [Double](repeating: 0, count: answeringModels.count * k)
      var isDrawn = [Bool](repeating: false, count: answeringModels.count)
      for row in units.indices where draws[Int(units[row])] > 0 {
        let pattern = Int(patterns[row])
        let weight = draws[Int(units[row])] * (weights?[row] ?? 1)
        isDrawn[pattern] = true
        for i in 0..<k where answeringModels[pattern][i] { sums[pattern * k + i] += weight * scores[row * k + i] }
      }
      var pairs = [Double](repeating: .nan, count: k * k)
      for (pattern, answered) in answeringModels.enumerated() where isDrawn[pattern] {
        for i in 0..<k where answered[i] {
          for j in 0..<k where answered[j] {
            let pair = i * k + j
            pairs[pair] = (pairs[pair].isNaN ? 0 : pairs[pair]) + sums[pattern * k + i]
          }
        }
      }
      return PairwiseSkill(models: k, sums: pairs)
    }
  }

  /// The central 95 % of a statistic's values over the resamples that have one: percentile interval, quantiles of Hyndman and
  /// Fan's type 7. NaN where none has.
  public func interval(_ statistic: (PairwiseSkill) -> Double) -> (lower: Double, upper: Double) {
    let values = resamples.map(statistic).filter { !$0.isNaN }.sorted()
    guard let first = values.first, let last = values.last else { return (.nan, .nan) }
    guard first.isFinite, last.isFinite else { return (values[values.count / 40], values[values.count - 1 - values.count / 40]) }
    let ends = weightedQuantiles(sortedValues: values, levels: [0.025, 0.975])
    return (ends[0], ends[1])
  }
}
