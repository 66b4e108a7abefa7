import Glibc
import Groundwork

/// The regularised incomplete beta function I_x(a, b) = ∫₀ˣ t^{a−1}(1 − t)^{b−1} dt / B(a, b), for a, b > 0 and x in [0, 1].
///
/// Lentz's evaluation of its continued fraction (DLMF 8.17.22), on the side where that converges in O(√max(a, b)) steps. Relative
/// error some 1e-13 for parameters below 1e4, growing with them as that of log Γ does.
public func regularisedIncompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 { return 0 }
  if x >= 1 { return 1 }
  if x > (a + 1) / (a + b + 2) { return 1 - regularisedIncompleteBeta(1 - x, b, a) }
  let logFront = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
  let tiny = 1e-300
  var c = 1.0
  var d = 1 - (a + b) * x / (a + 1)
  d = 1 / (abs(d) < tiny ? tiny : d)
  var fraction = d
  let steps = 500 + Int(20 * max(a, b).squareRoot())
  for step in 1...steps {
    let m = Double(step)
    for numerator in [m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))] {
      d = 1 + numerator * d
      d = 1 / (abs(d) < tiny ? tiny : d)
      c = 1 + numerator / c
      if abs(c) < tiny { c = tiny }
      fraction *= d * c
    }
    if abs(d * c - 1) < 1e-16 { break }
  }
  return min(1, exp(logFront) * fraction / a)
}

/// P(|T| ≥ |t|) for Student's t with `freedom` > 0 degrees of freedom: I_{ν/(ν + t²)}(ν/2, ½).
public func studentTwoSided(_ t: Double, freedom: Double) -> Double {
  regularisedIncompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/// The least k with P(X ≤ k) ≥ `level` for X binomial with `count` trials of probability `probability` in (0, 1), as R's `qbinom`.
/// `level` in (0, 1). P(X ≤ k) = I_{1−p}(n − k, k + 1). O(log n) evaluations of it.
public func binomialQuantile(_ level: Double, count: Int, probability: Double) -> Int {
  partitionPoint(0..<count) { k in
    // R's fuzz, so that a level that a sum of probabilities should reach is reached.
    regularisedIncompleteBeta(1 - probability, Double(count - k), Double(k + 1)) >= level * (1 - 64 * Double.ulpOfOne)
  }
}
