import Groundwork

/// Draws the features that a node tries, in random order and without repetition.
struct FeatureDraw {
  private var order: [Int]

  init(columns: Int) { order = Array(0..<columns) }

  /// Calls `attempt` with one feature after another, until `wanted` of them could be tried, which it tells, or all were drawn.
  @inline(__always)
  mutating func draw(_ wanted: Int, _ random: inout RandomStream, _ attempt: (Int, inout RandomStream) -> Bool) {
    var tried = 0
    var drawn = 0
    while drawn < order.count && tried < wanted {
      let left = order.count - drawn
      order.swapAt(drawn, drawn + (left > 1 ? random.below(left) : 0))
      if attempt(order[drawn], &random) { tried += 1 }
      drawn += 1
    }
  }
}
