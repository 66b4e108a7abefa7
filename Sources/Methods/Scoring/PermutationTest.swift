import Groundwork

/// Two-sided p-value of a paired permutation test: whether differences d_i = a_i − b_i of two models' scores have mean zero, if
/// under the null hypothesis each could as well have the other sign (Good 2005, "Permutation, Parametric, and Bootstrap Tests of
/// Hypotheses", §3.7; as R's `scoringutils` and `surveillance` have it).
///
/// With up to 12 differences all 2ⁿ signs are tried, and p is the share with |Σ ± d_i| ≥ |Σ d_i|. With more, `permutations` N are
/// drawn, and p = (1 + #{|Σ ± d_i| ≥ |Σ d_i|}) / (N + 1). Sums that differ by less than `tolerance`, what rounding may have left of
/// the differences of equal scores, are equal. NaN without differences, or where one is not finite.
///
/// The same seed gives the same signs, whatever `threads` is. O(n · min(N, 2ⁿ)).
public func permutationTest(_ differences: [Double], tolerance: Double = 0, permutations: Int = 999, seed: UInt64 = 1, threads: Int = 1) -> Double {
  guard !differences.isEmpty, differences.allSatisfy(\.isFinite) else { return .nan }
  let tolerance = max(tolerance, 1e-12 * differences.reduce(0) { $0 + abs($1) })
  let observed = abs(differences.reduce(0, +)) - tolerance
  if differences.count <= 12 {
    let signs = 1 << differences.count
    let extreme = (0..<signs).reduce(0) { $0 + (abs(signedSum(differences, UInt64($1))) >= observed ? 1 : 0) }
    return Double(extreme) / Double(signs)
  }
  let isExtreme = try! parallelMap(permutations, threads: threads) { permutation in
    var random = RandomStream(seed: seed, stream: UInt64(permutation))
    var sum = 0.0
    var start = 0
    while start < differences.count {
      let end = min(start + 64, differences.count)
      sum += signedSum(differences[start..<end], random.next())
      start = end
    }
    return abs(sum) >= observed
  }
  return Double(1 + isExtreme.reduce(0) { $0 + ($1 ? 1 : 0) }) / Double(permutations + 1)
}

/// Σ ± d_i, where bit i of `signs` tells of a minus.
private func signedSum(_ differences: ArraySlice<Double>, _ signs: UInt64) -> Double {
  var sum = 0.0
  var signs = signs
  for difference in differences {
    sum += Double(bitPattern: difference.bitPattern ^ (signs << 63))
    signs >>= 1
  }
  return sum
}

private func signedSum(_ differences: [Double], _ signs: UInt64) -> Double { signedSum(differences[...], signs) }
