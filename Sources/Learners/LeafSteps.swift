/// The step that lowers the pinball loss of a leaf at one level, and its caution where the leaf says little.
///
/// With r the residuals, v their weights (sum V) and δ = caution · √(τ(1−τ) Σv²), a standard error of the weight below the true
/// quantile: 0 where the weight below zero is within δ of τV, otherwise the residual nearest zero at which it is. So the step
/// goes to the near end of the order-statistic confidence interval of the quantile (caution 0: to the quantile itself).
/// Any share of it lowers the loss, which is convex.
/// `residuals` are put in another order. Cost: O(n) on average; with weights a sort.
package func cautiousQuantile(_ residuals: UnsafeMutableBufferPointer<Float>, level: Double, caution: Double) -> Float {
  let count = residuals.count
  guard count > 0 else { return 0 }
  var below = 0
  var atMost = 0
  for r in residuals {
    below += r < 0 ? 1 : 0
    atMost += r <= 0 ? 1 : 0
  }
  let rank = level * Double(count)
  let error = caution * (rank * (1 - level)).squareRoot()
  if Double(below) > rank + error { return select(residuals, Int((rank + error).rounded(.up)) - 1) }
  if Double(atMost) < rank - error { return select(residuals, Int((rank - error).rounded(.up)) - 1) }
  return 0
}

/// The same for weighted residuals.
package func cautiousQuantile(_ residuals: [(residual: Float, weight: Float)], level: Double, caution: Double) -> Float {
  var total = 0.0
  var squares = 0.0
  var below = 0.0
  var atMost = 0.0
  for (r, w) in residuals {
    let w = Double(w)
    total += w
    squares += w * w
    below += r < 0 ? w : 0
    atMost += r <= 0 ? w : 0
  }
  let error = caution * (level * (1 - level) * squares).squareRoot()
  let goal: Double
  if below > level * total + error { goal = level * total + error } else if atMost < level * total - error { goal = level * total - error } else { return 0 }
  let sorted = residuals.sorted { $0.residual < $1.residual }
  var sum = 0.0
  for (r, w) in sorted {
    sum += Double(w)
    if sum >= goal { return r }
  }
  return sorted.last?.residual ?? 0
}

/// The k-th smallest, from 0 (Hoare 1961). `values` are put in another order.
package func select(_ values: UnsafeMutableBufferPointer<Float>, _ k: Int) -> Float {
  let k = max(0, min(values.count - 1, k))
  var low = 0
  var high = values.count - 1
  while high > low {
    let middle = (low + high) / 2
    // The median of three as pivot, so that sorted values do not take quadratic time.
    if values[middle] < values[low] { values.swapAt(middle, low) }
    if values[high] < values[low] { values.swapAt(high, low) }
    if values[high] < values[middle] { values.swapAt(high, middle) }
    let pivot = values[middle]
    var i = low
    var j = high
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        values.swapAt(i, j)
        i += 1
        j -= 1
      }
    }
    if k <= j { high = j } else if k >= i { low = i } else { return values[k] }
  }
  return values[k]
}
