/// Quantiles of a weighted sample at many levels, in one sweep over its sorted values.
///
/// The definition is Akinshin's weighted Hyndman–Fan type 7 ("Weighted quantile estimators", 2023, arXiv 2304.07265, §4).
/// With weights normalised to Σ w_i = 1, cumulative weights C_i, the quantile function F⁻¹(u) = x_i for
/// C_{i−1} < u ≤ C_i, and Kish's effective sample size n* = 1 / Σ w_i²,
///
///     Q(τ) = n* ∫ F⁻¹(u) du over [τ(n*−1)/n*, (τ(n*−1)+1)/n*].
///
/// For equal weights n* = n and Q(τ) = x_(k) + (h − k)(x_(k+1) − x_(k)) with h = τ(n−1) + 1, k = ⌊h⌋: Hyndman and Fan's
/// type 7 (1996), which is R's default `quantile`. So weights of 2 throughout answer as weights of 1 do: weights say how
/// far to trust a value, they are not counts of repeated values. A value of weight zero has no influence.
/// Q never decreases in τ, lies between the least and the greatest value, and is continuous in the weights.
///
/// - `sortedValues`: non-decreasing and finite, at least one.
/// - `weights`: as many, finite and non-negative with a positive sum; nil is equal weights.
/// - `levels`: increasing, in (0, 1). The answer has one quantile a level.
///
/// Cost: O(n) + the values inside the m windows, each of which holds 1/n* of the weight.
public func weightedQuantiles(sortedValues: [Double], weights: [Double]? = nil, levels: [Double]) -> [Double] {
  precondition(!sortedValues.isEmpty && (weights == nil || weights!.count == sortedValues.count))
  var weights = weights ?? [Double](repeating: 1, count: sortedValues.count)
  // Squares of weights as large as 1e300 or as small as 1e-300 stay numbers.
  let largest = weights.max()!
  for i in weights.indices { weights[i] /= largest }
  var answer = [Double](repeating: 0, count: levels.count)
  sortedValues.withUnsafeBufferPointer { values in
    weights.withUnsafeBufferPointer { weights in
      levels.withUnsafeBufferPointer { levels in
        answer.withUnsafeMutableBufferPointer { answer in
          sweepWeightedQuantiles(
            sortedValues: values.baseAddress!, weights: weights.baseAddress!, count: values.count, levels: levels, into: answer.baseAddress!)
        }
      }
    }
  }
  return answer
}

/// `weightedQuantiles` on `count` values in memory of the caller's, without allocating: for learners that answer each row
/// from a weighted sample of its own. Squares of the weights must neither overflow nor all vanish.
public func sweepWeightedQuantiles(
  sortedValues x: UnsafePointer<Double>, weights w: UnsafePointer<Double>, count: Int,
  levels: UnsafeBufferPointer<Double>, into answer: UnsafeMutablePointer<Double>
) {
  var total = 0.0
  var squares = 0.0
  for i in 0..<count {
    total += w[i]
    squares += w[i] * w[i]
  }
  let effectiveSize = max(1, total * total / squares)
  let width = total / effectiveSize

  // The first value whose weight reaches into the window, and the weight before it.
  var first = 0
  var before = 0.0
  var floor = -Double.infinity
  for (j, level) in levels.enumerated() {
    let lower = level * (total - width)
    let upper = lower + width
    while first < count - 1 && before + w[first] <= lower {
      before += w[first]
      first += 1
    }
    var i = first
    var start = before
    var mass = 0.0
    var sum = 0.0
    // Weighted by shares of the window, so values near the largest double do not overflow.
    while true {
      let end = i == count - 1 ? upper : start + w[i]
      let overlap = min(end, upper) - max(start, lower)
      if overlap > 0 {
        mass += overlap
        sum += overlap / width * x[i]
      }
      if end >= upper { break }
      start = end
      i += 1
    }
    // Rounding must not leave the window's own values, nor let a higher level answer less.
    let quantile = mass > 0 ? sum / (mass / width) : x[first]
    floor = max(floor, min(max(quantile, x[first]), x[i]))
    answer[j] = floor
  }
}
