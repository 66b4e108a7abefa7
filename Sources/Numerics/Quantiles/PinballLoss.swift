/// Pinball loss ψ_τ(u) = τ·u for u ≥ 0 and (τ − 1)·u for u < 0, with u = y − q
/// (Koenker and Bassett 1978). Zero at u = 0, in units of y.
@inlinable public func pinballLoss(level: Double, target: Double, quantile: Double) -> Double {
  let u = target - quantile
  return u >= 0 ? level * u : (level - 1) * u
}

/// Weighted interval score of one row: (2/m) Σ_τ ψ_τ(y − q_τ) over its m levels
/// (Bracher, Ray, Gneiting, Reich 2021, in the form that needs neither median nor symmetric levels). NaN where m = 0.
@inlinable public func weightedIntervalScore(levels: [Double], quantiles: ArraySlice<Double>, target: Double) -> Double {
  var sum = 0.0
  var j = quantiles.startIndex
  for level in levels {
    sum += pinballLoss(level: level, target: target, quantile: quantiles[j])
    j += 1
  }
  return 2 * sum / Double(levels.count)
}
