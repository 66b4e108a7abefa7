import Glibc

/// How a learner weighs experts by what it keeps of each: numbers that add up its gains, in units of the ensemble's loss.
///
/// The gain of an expert in a step is r = (ℓ̄ − ℓ)/u, with ℓ its loss, ℓ̄ the loss that the learner's own weights make of the experts' losses, and u
/// the loss of the ensemble, so that units of the target do not matter.
public enum WeightRule: Equatable, Sendable {
  /// w ∝ exp(η R), R = Σ r (Littlestone and Warmuth 1994; Freund and Schapire 1997).
  case exponential(rate: Double)
  /// w ∝ Φ(R + 1, C + 1) − Φ(R − 1, C + 1), Φ(R, C) = exp([R]₊²/(3C)), C = Σ |r|: no rate (Luo and Schapire 2015, "Achieving All with No
  /// Parameters: AdaNormalHedge").
  case adaNormalHedge
  /// w ∝ η exp(−η L), L = ½ Σ (−r (1 − η r) + E [η |r| > ½]), V = Σ r², η = min(1/E, √(log N/V)), and E the power of two that is at least
  /// twice every |r| so far (Wintenberger 2017, "Optimal learning with Bernstein online aggregation").
  case bernstein
  /// Equal weights.
  case equal

  /// Numbers kept of each expert; rules of exponential weights share R.
  var size: Int {
    switch self {
    case .exponential: 1
    case .adaNormalHedge: 2
    case .bernstein: 3
    case .equal: 0
    }
  }

  /// The logarithm of an expert's weight, up to a constant; −∞ is none. `count` experts are there.
  @inline(__always)
  func logWeight(_ numbers: UnsafePointer<Double>, count: Int) -> Double {
    switch self {
    case .exponential(let rate): return rate * numbers[0]
    case .adaNormalHedge: return WeightRule.logPotentialDifference(numbers[0], numbers[1])
    case .bernstein:
      guard numbers[2] > 0 else { return 0 }
      let rate = WeightRule.rate(numbers[1], numbers[2], count: count)
      return log(rate) - rate * numbers[0]
    case .equal: return 0
    }
  }

  private static func rate(_ squares: Double, _ range: Double, count: Int) -> Double {
    min(1 / range, squares > 0 ? (log(Double(max(2, count))) / squares).squareRoot() : .infinity)
  }

  /// log(Φ(R + 1, C + 1) − Φ(R − 1, C + 1)).
  static func logPotentialDifference(_ gains: Double, _ sizes: Double) -> Double {
    guard gains > -1 else { return -.infinity }
    let scale = 3 * (sizes + 1)
    let upper = (gains + 1) * ((gains + 1) / scale)
    // (R + 1)² − (R − 1)² = 4R, which keeps its digits where both are large.
    let difference = gains >= 1 ? 4 * gains / scale : upper
    return upper + log(-expm1(-difference))
  }

  /// Adds a gain to an expert's numbers.
  @inline(__always)
  func learn(_ gain: Double, _ numbers: UnsafeMutablePointer<Double>, count: Int) {
    switch self {
    case .exponential: numbers[0] += gain
    case .adaNormalHedge:
      numbers[0] += gain
      numbers[1] += abs(gain)
    case .bernstein:
      let rate = numbers[2] > 0 ? WeightRule.rate(numbers[1], numbers[2], count: count) : 0
      let size = abs(gain)
      if 2 * size > numbers[2] { numbers[2] = size.binade == size ? 2 * size : 4 * size.binade }
      numbers[0] += (-gain * (1 - rate * gain) + (rate * size > 0.5 ? numbers[2] : 0)) / 2
      numbers[1] += gain * gain
    case .equal: break
    }
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
