import Glibc

/// How a learner weighs experts by what it keeps of each: numbers that add up its gains.
///
/// The gain of an expert in a step is r = Σ (p·ℓ − ℓ)/s, with ℓ its losses in the rows where it took part, p·ℓ those that the learner's own weights
/// make of all experts' losses, and s the sum over the group's rows of the median loss of experts: units of the target do not matter, and a perfect
/// expert does not make the unit vanish.
public enum WeightRule: Equatable, Sendable {
  /// w ∝ exp(η R), R = Σ r (Littlestone and Warmuth 1994; Freund and Schapire 1997). Rules of several rates share the R of the rate 1.
  case exponential(rate: Double)
  /// w ∝ Φ(R + 1, C + 1) − Φ(R − 1, C + 1), Φ(R, C) = exp([R]₊²/(3C)), C = Σ |r|, both over the largest |r| if that is above 1: no rate (Luo and
  /// Schapire 2015, "Achieving All with No Parameters: AdaNormalHedge").
  case adaNormalHedge
  /// w ∝ exp(W), and after W ← W + η r in step n a share 1/(n + 1) of all weights is dealt out equally, so that what was bad once may come back
  /// (Herbster and Warmuth 1998, "Tracking the best expert", with shares that fall).
  case fixedShare(rate: Double)
  /// w ∝ η exp(η R − η² V), V = Σ r², η = min(1/(2E), √(log N/(1 + V))), E the largest of |r| and ½ (Wintenberger 2017, "Optimal learning with
  /// Bernstein online aggregation").
  case bernstein

  /// Numbers kept of each expert; rules of exponential weights share R.
  var size: Int {
    switch self {
    case .exponential, .fixedShare: 1
    case .adaNormalHedge: 2
    case .bernstein: 3
    }
  }

  /// The logarithm of an expert's weight, up to a constant; −∞ is none. `count` experts are there, and `scale` is the largest |r|, at least 1.
  @inline(__always)
  func logWeight(_ numbers: UnsafePointer<Double>, count: Int, scale: Double) -> Double {
    switch self {
    case .exponential(let rate): return rate * numbers[0]
    case .adaNormalHedge: return WeightRule.logPotentialDifference(numbers[0] / scale, numbers[1] / scale)
    case .fixedShare: return numbers[0]
    case .bernstein:
      let rate = min(1 / (2 * max(numbers[2], 0.5)), (log(Double(max(2, count))) / (1 + numbers[1])).squareRoot())
      return log(rate) + rate * (numbers[0] - rate * numbers[1])
    }
  }

  /// log(Φ(R + 1, C + 1) − Φ(R − 1, C + 1)).
  package static func logPotentialDifference(_ gains: Double, _ sizes: Double) -> Double {
    guard gains > -1 else { return -.infinity }
    let scale = 3 * (sizes + 1)
    let upper = (gains + 1) * ((gains + 1) / scale)
    // (R + 1)² − (R − 1)² = 4R, which keeps its digits where both are large.
    let difference = gains >= 1 ? 4 * gains / scale : upper
    return upper + log(-expm1(-difference))
  }

  /// Adds a gain to an expert's numbers.
  @inline(__always)
  func learn(_ gain: Double, _ numbers: UnsafeMutablePointer<Double>) {
    switch self {
    case .exponential: numbers[0] += gain
    case .adaNormalHedge:
      numbers[0] += gain
      numbers[1] += abs(gain)
    case .fixedShare(let rate): numbers[0] += rate * gain
    case .bernstein:
      numbers[0] += gain
      numbers[1] += gain * gain
      numbers[2] = max(numbers[2], abs(gain))
    }
  }

  /// Deals out a share of some experts' weights, whose logarithms are `stride` apart, equally.
  static func share(_ portion: Double, _ logarithms: UnsafeMutablePointer<Double>, among experts: [Int], stride: Int) {
    var highest = -Double.infinity
    for j in experts { highest = max(highest, logarithms[j * stride]) }
    // From the least on, so that the order of experts does not matter.
    let weights = experts.map { exp(logarithms[$0 * stride] - highest) }
    let equal = portion * weights.sorted().reduce(0, +) / Double(experts.count)
    for (k, j) in experts.enumerated() { logarithms[j * stride] = highest + log((1 - portion) * weights[k] + equal) }
  }
}

/// Makes weights of their logarithms: in place, summing to one. Where none is above −∞ all are equal.
func normaliseLogarithms(_ weights: UnsafeMutableBufferPointer<Double>) {
  var highest = -Double.infinity
  for value in weights { highest = max(highest, value) }
  guard highest > -.infinity else {
    for k in weights.indices { weights[k] = 1 / Double(weights.count) }
    return
  }
  var total = 0.0
  for k in weights.indices {
    weights[k] = weights[k] == highest ? 1 : exp(weights[k] - highest)
    total += weights[k]
  }
  for k in weights.indices { weights[k] /= total }
}
