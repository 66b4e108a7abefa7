/// Holm's (1979) step-down adjustment of p-values, as R's `p.adjust(p, "holm")`: the i-th smallest of m becomes the greatest of
/// min(1, (m + 1 − k) p_(k)) over k ≤ i. Rejecting what is at most α then errs in any of the m with probability at most α. NaN
/// stays NaN and does not count. O(m log m).
public func holmAdjusted(_ values: [Double]) -> [Double] {
  let order = values.indices.filter { !values[$0].isNaN }.sorted { values[$0] < values[$1] }
  var adjusted = values
  var largest = 0.0
  for (k, i) in order.enumerated() {
    largest = max(largest, min(1, Double(order.count - k) * values[i]))
    adjusted[i] = largest
  }
  return adjusted
}
