import Glibc
import Quantiles

/// Relative skill of k models by a pairwise tournament, as R's scoringutils has it (Cramer et al. 2022, "Evaluation of individual
/// and ensemble probabilistic forecasts of COVID-19 mortality in the United States", §Methods): for models i and j, the ratio of
/// their mean scores over the rows that both answered, and
///
///     θ_i = (∏_j ratio_ij)^{1/k}
///
/// the geometric mean over all models j, i itself with ratio 1 among them, save those with which i has no row in common. Below 1
/// is better than the others. Means are weighted where rows have weights. Where every pair has rows in common, ∏_i θ_i = 1.
///
/// It is fairer than mean scores where models answered different rows, not fair: two models that are equal wherever both answered get 0.63 and
/// 1.26 if a third was four times worse than one and half as bad as the other on the rows in common with each.
public struct PairwiseSkill: Sendable {
  public let models: Int
  /// Rows that both answered, of models i and j at i · k + j.
  public let commonRows: [Int]
  /// Mean score of model i over the rows it has in common with j, at i · k + j; NaN without such a row.
  public let means: [Double]

  /// `scores` holds a row of k scores after the other, NaN where a model did not answer; `weights` one a row, positive, nil for
  /// equal ones. Sums are exact. O(n k²).
  public init(scores: [Double], weights: [Double]? = nil, models k: Int) {
    models = k
    var rows = [Int](repeating: 0, count: k * k)
    var sums = [ExactSum](repeating: ExactSum(), count: k * k)
    var totals = sums
    for row in 0..<scores.count / k {
      let (start, weight) = (row * k, weights?[row] ?? 1)
      for i in 0..<k where !scores[start + i].isNaN {
        for j in 0..<k where !scores[start + j].isNaN {
          rows[i * k + j] += 1
          sums[i * k + j].add(product: weight, scores[start + i])
          if weights != nil { totals[i * k + j].add(weight) }
        }
      }
    }
    commonRows = rows
    means = sums.indices.map { sums[$0].divided(by: weights == nil ? ExactSum(Double(rows[$0])) : totals[$0]) }
  }

  /// Of given sums over common rows, laid out as `means`, by which any common factor of a pair cancels.
  init(models: Int, sums: [Double]) {
    self.models = models
    commonRows = []
    means = sums
  }

  private func answered(_ i: Int) -> Bool { !means[i * models + i].isNaN }

  /// Mean score of i over that of j, on common rows; 1 for i = j; NaN without common rows, and where both means are 0 or infinite.
  public func ratio(_ i: Int, _ j: Int) -> Double {
    i == j && answered(i) ? 1 : means[i * models + j] / means[j * models + i]
  }

  /// θ_i; NaN for a model that answered no row, and where a perfect and an infinite score make it undefined.
  public func relativeSkill(_ i: Int) -> Double {
    guard answered(i) else { return .nan }
    let logarithms = (0..<models).map { ratio(i, $0) }.filter { !$0.isNaN }.map { log($0) }
    return exp(logarithms.reduce(0, +) / Double(logarithms.count))
  }
}
