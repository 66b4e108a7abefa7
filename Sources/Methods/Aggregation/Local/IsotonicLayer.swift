import Quantiles

/// An isotonic operator inside a loss: its values for one row and the pull-back of a derivative (Fakoor et al. 2023, section 4.2).
///
/// Almost everywhere an operator is linear in the row: *sort* and *min-max* put out the value of one place each, *PAVA* the mean of a pool
/// of neighbours. The pull-back is the transpose: a derivative goes to the place its value came from, or is shared by the pool.
package final class IsotonicLayer {
  package let values: UnsafeMutableBufferPointer<Double>
  /// Of each output: the place its value came from, or the first of its pool.
  private let source: UnsafeMutableBufferPointer<Int>
  private let inputs: UnsafeMutableBufferPointer<Double>
  private var isPooled = false

  package init(capacity: Int) {
    values = .allocate(capacity: capacity)
    inputs = .allocate(capacity: capacity)
    source = .allocate(capacity: capacity)
  }

  deinit {
    values.deallocate()
    inputs.deallocate()
    source.deallocate()
  }

  package func apply(_ operation: IsotonicOperator, _ row: UnsafePointer<Float>, count m: Int, anchor: Int) {
    for t in 0..<m {
      inputs[t] = Double(row[t])
      values[t] = inputs[t]
      source[t] = t
    }
    let changed = operation.apply(to: UnsafeMutableBufferPointer(rebasing: values[..<m]), anchor: anchor)
    isPooled = operation == .pava
    guard changed else { return }
    switch operation {
    case .sort:
      Isotonic.sortingPermutation(of: UnsafeBufferPointer(rebasing: inputs[..<m]), into: UnsafeMutableBufferPointer(rebasing: source[..<m]))
    case .minmax:
      for t in stride(from: anchor + 1, to: m, by: 1) where inputs[t] < values[t - 1] { source[t] = source[t - 1] }
      for t in stride(from: anchor - 1, through: 0, by: -1) where inputs[t] > values[t + 1] { source[t] = source[t + 1] }
    case .pava:
      // Pools are runs of one value; a run that was equal before belongs together all the same.
      for t in 1..<m where values[t] == values[t - 1] && (inputs[t] != values[t] || inputs[t - 1] != values[t - 1]) { source[t] = source[t - 1] }
    }
  }

  /// The derivative in the row from the derivative in the values, in place.
  package func pullBack(_ derivative: UnsafeMutablePointer<Float>, count m: Int) {
    if isPooled {
      var t = 0
      while t < m {
        var end = t + 1
        while end < m && source[end] == source[t] { end += 1 }
        if end - t > 1 {
          var sum: Float = 0
          for k in t..<end { sum += derivative[k] }
          for k in t..<end { derivative[k] = sum / Float(end - t) }
        }
        t = end
      }
      return
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: m) { moved in
      for t in 0..<m { moved[t] = 0 }
      for t in 0..<m { moved[source[t]] += derivative[t] }
      for t in 0..<m { derivative[t] = moved[t] }
    }
  }
}
