import Quantiles

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
  let goal: Double
  if Double(below) > rank + error { goal = rank + error } else if Double(atMost) < rank - error { goal = rank - error } else { return 0 }
  return orderStatistic(residuals, rank: max(1, min(count, Int(goal.rounded(.up)))))
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
  if below > level * total + error {
    goal = level * total + error
  } else if atMost < level * total - error {
    goal = level * total - error
  } else {
    return 0
  }
  let sorted = residuals.sorted { $0.residual < $1.residual }
  var sum = 0.0
  for (r, w) in sorted {
    sum += Double(w)
    if sum >= goal { return r }
  }
  return sorted.last?.residual ?? 0
}
