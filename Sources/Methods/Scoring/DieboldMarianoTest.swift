/// Two-sided p-value of the Diebold–Mariano test that a series of differences d_1 … d_n of two models' scores has mean zero, for
/// forecasts h steps ahead (Diebold and Mariano 1995), with the small-sample correction of Harvey, Leybourne and Newbold (1997):
///
///     DM = √((n + 1 − 2h + h(h − 1)/n) / n) · d̄ / √V,  V = (γ_0 + 2 Σ_{k=1}^{h−1} γ_k) / n,  γ_k = (1/n) Σ_t (d_t − d̄)(d_{t+k} − d̄)
///
/// against Student's t with n − 1 degrees of freedom. As `dm.test` of R's forecast: where V is not positive, h = 1 is taken in its
/// place. NaN for fewer than two differences, for n ≤ h, for differences that are not finite, and for those that never vary, by more than
/// `tolerance`, what rounding may have left of equal ones. O(nh).
public func dieboldMarianoTest(_ differences: [Double], tolerance: Double = 0, horizon: Int = 1) -> Double {
  let n = differences.count
  guard n >= 2, horizon >= 1, horizon < n, differences.allSatisfy(\.isFinite) else { return .nan }
  guard differences.max()! - differences.min()! > tolerance else { return .nan }
  let count = Double(n)
  let mean = differences.reduce(0, +) / count
  func autocovariance(_ lag: Int) -> Double {
    (0..<n - lag).reduce(0) { $0 + (differences[$1] - mean) * (differences[$1 + lag] - mean) } / count
  }
  let variance = (autocovariance(0) + 2 * (1..<horizon).reduce(0) { $0 + autocovariance($1) }) / count
  guard variance > 0 else { return horizon > 1 ? dieboldMarianoTest(differences, tolerance: tolerance, horizon: 1) : .nan }
  let h = Double(horizon)
  let correction = ((count + 1 - 2 * h + h * (h - 1) / count) / count).squareRoot()
  return studentTwoSided(correction * mean / variance.squareRoot(), freedom: count - 1)
}
