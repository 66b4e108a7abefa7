import Glibc

/// Two-sided p-value of the test of Diebold and Mariano (1995) that a series of differences d_1 … d_n of two models' scores has mean zero, with
/// fixed-smoothing critical values, which keep its size on short series and where nobody knows how long errors depend on one another:
///
///     T = √n · d̄ / √V,  V = (1/B) Σ_{j=1}^{B} L_j²,  L_j = √(2/n) Σ_t d_t cos(π j (t − ½) / n)
///
/// against Student's t with B degrees of freedom, which is the limit for every stationary series of short memory (Müller 2007, "A theory of robust
/// long-run variance estimation"; Sun 2013, "A heteroskedasticity and autocorrelation robust F test using an orthonormal series variance
/// estimator"; the cosine member of the family of Kiefer and Vogelsang 2005 and of Coroneo and Iacone 2020, "Comparing predictive accuracy in small
/// samples using fixed-smoothing asymptotics"). For B = n − 1 it is the t-test. B is `dieboldMarianoFreedom`.
///
/// Where the L_j are all zero, as for B = 1 of a series that reads the same from its end, B is the least with one that is not. NaN for fewer than
/// two differences, for n ≤ h, for differences that are not finite, and for those that never vary by more than `tolerance`, what rounding may have
/// left of equal ones. O(n B).
public func dieboldMarianoTest(_ differences: [Double], tolerance: Double = 0, horizon: Int = 1) -> Double {
  let n = differences.count
  guard n >= 2, horizon >= 1, horizon < n, differences.allSatisfy(\.isFinite) else { return .nan }
  guard differences.max()! - differences.min()! > tolerance else { return .nan }
  let count = Double(n)
  let mean = differences.reduce(0, +) / count
  let rounding = differences.reduce(tolerance) { max($0, abs($1) * 0x1p-40) }
  let least = dieboldMarianoFreedom(n, horizon: horizon)
  var (freedom, sum) = (0, 0.0)
  // The tolerance is there so that a series that reads the same from its end has L_1 = 0 although cosines are rounded.
  while freedom < n - 1, freedom < least || sum <= rounding * rounding * count {
    freedom += 1
    let step = Double.pi * Double(freedom) / count
    var projection = 0.0
    for t in 0..<n { projection += (differences[t] - mean) * cos(step * (Double(t) + 0.5)) }
    sum += 2 / count * projection * projection
  }
  let variance = sum / Double(freedom)
  return variance > 0 ? studentTwoSided(count.squareRoot() * mean / variance.squareRoot(), freedom: Double(freedom)) : .nan
}

/// B of `dieboldMarianoTest` for n differences of forecasts h steps ahead: 0.4 n^⅔ to the nearest, as Lazarus, Lewis, Stock and Watson (2018, "HAR
/// inference: recommendations for practice") advise, but no more than 3n / 5h and at least 1.
///
/// L_j tells of the frequency j / 2n. The errors of forecasts h steps ahead overlap, so the spectrum of their differences falls to its first zero at
/// some 1 / h; only frequencies up to three tenths of that tell of the variance of the mean.
public func dieboldMarianoFreedom(_ n: Int, horizon: Int) -> Int {
  let count = Double(n)
  return max(1, min(Int((0.4 * cbrt(count * count)).rounded()), Int(0.6 * count / Double(horizon)), n - 1))
}
