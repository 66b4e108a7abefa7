import Quantiles

/// Two-sided p-value of the Wilcoxon signed-rank test (Wilcoxon 1945): whether differences d_i are symmetric about zero.
///
/// As R's `wilcox.test(a, b, paired = TRUE)`: differences of zero are left out; V is the sum of the ranks of |d_i| (tied ones
/// share their mean rank) over d_i > 0. Fewer than 50 differences without ties or zeros have the exact distribution of V; others
/// the normal one, with mean n(n + 1)/4, variance n(n + 1)(2n + 1)/24 − Σ (t³ − t)/48 over ties of t ranks, and a continuity
/// correction of ½. NaN where no difference is other than zero, or one is NaN. O(n log n).
///
/// `tolerances`, one a difference, say what rounding may have left of the difference of equal scores: no more than that is zero, and
/// differences that lie no further apart are tied, as `digits.rank` has it in R.
public func wilcoxonSignedRankTest(_ differences: [Double], tolerances: [Double]? = nil) -> Double {
  func tolerance(_ i: Int) -> Double { tolerances?[i] ?? 0 }
  let order = differences.indices.filter { abs(differences[$0]) > tolerance($0) }.sorted { abs(differences[$0]) < abs(differences[$1]) }
  let magnitudes = order.map { differences[$0] }
  func areTied(_ i: Int, _ j: Int) -> Bool {
    let (a, b) = (abs(magnitudes[i]), abs(magnitudes[j]))
    return a == b || b - a <= max(tolerance(order[i]), tolerance(order[j]))
  }
  let n = magnitudes.count
  guard n > 0, !differences.contains(where: \.isNaN) else { return .nan }
  var positive = 0.0
  var tieTerm = 0.0
  var first = 0
  while first < n {
    var end = first + 1
    while end < n, areTied(end - 1, end) { end += 1 }
    let rank = Double(first + end + 1) / 2
    let size = Double(end - first)
    tieTerm += size * size * size - size
    for i in first..<end where magnitudes[i] > 0 { positive += rank }
    first = end
  }
  if n < 50, tieTerm == 0, n == differences.count { return exactSignedRank(Int(positive), n) }
  let count = Double(n)
  let deviation = positive - count * (count + 1) / 4
  let variance = count * (count + 1) * (2 * count + 1) / 24 - tieTerm / 48
  let z = (abs(deviation) - (deviation == 0 ? 0 : 0.5)) / variance.squareRoot()
  return min(1, 2 * NormalDistribution.cumulative(-z))
}

/// min(1, 2 P(the tail that `statistic` lies in)) for V with n ranks: of 2ⁿ equally likely sets of ranks, how many have each sum.
private func exactSignedRank(_ statistic: Int, _ n: Int) -> Double {
  let most = n * (n + 1) / 2
  var sets = [Double](repeating: 0, count: most + 1)
  sets[0] = 1
  for rank in 1...n {
    for sum in stride(from: most, through: rank, by: -1) { sets[sum] += sets[sum - rank] }
  }
  // V is symmetric about most / 2, so both tails are counted from below.
  let tail = sets[...min(statistic, most - statistic)].reduce(0, +)
  return min(1, 2 * tail / Double(1 << n))
}
