/// The sets that adaptive conformal inference chooses from: those of split conformal prediction on the last scores, at any level.
///
/// At a level a of miscoverage, which may leave (0, 1), n scores E₍₁₎ ≤ … ≤ E₍ₙ₎ give the set of targets whose score is at most
///
///     Q(a) = E₍ᵣ₎,   r = ⌈(1 − a)(n + 1)⌉,
///
/// the whole line where r > n, nothing where r < 1. (1 − a)(n + 1) is a whole number where it is one within 10⁻⁹.
extension ScoreWindow {
  private func rank(_ level: Double) -> Int { Int(((1 - level) * Double(count + 1) - 1e-9).rounded(.up)) }

  /// Q(a). An interval cannot be empty: where the set is, the smallest score answers.
  func threshold(_ level: Double) -> Double {
    let rank = rank(level)
    return rank > count ? .infinity : score(ofRank: max(1, rank))
  }

  /// Q(a): the largest score in the set, NaN where the set is empty.
  func edge(_ level: Double) -> Double {
    let rank = rank(level)
    return rank > count ? .infinity : rank < 1 ? .nan : score(ofRank: rank)
  }

  /// The largest level at which the set still holds such a target: β = 1 − `below`/(n + 1).
  func largestLevel(below: Int) -> Double { 1 - Double(below) / Double(count + 1) }

  var largest: Double { count == 0 ? .infinity : score(ofRank: count) }
  var smallest: Double { count == 0 ? .infinity : score(ofRank: 1) }
}
