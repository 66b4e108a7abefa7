/// The kinks of a convex piecewise linear function of a step t ≥ 0, for exact line searches.
package struct WeightedBreakpoints {
  package struct Breakpoint {
    package var step: Double
    /// By how much the slope grows at the kink.
    package var rise: Double
    package var row: Int32
  }

  package private(set) var items: [Breakpoint] = []

  package init() {}

  package mutating func removeAll() { items.removeAll(keepingCapacity: true) }

  @inline(__always) package mutating func append(step: Double, rise: Double, row: Int) {
    items.append(Breakpoint(step: step, rise: rise, row: Int32(truncatingIfNeeded: row)))
  }

  /// The position in `items` of the kink at which a slope that starts at `slope` < 0 first is ≥ 0, or nil where it stays negative.
  /// Afterwards all kinks passed on the way stand before that position. Expected cost O(count); ties go to the lower row,
  /// so the answer does not depend on the order in which kinks were added.
  package mutating func minimiser(slope: Double) -> Int? {
    items.withUnsafeMutableBufferPointer { items -> Int? in
      func precedes(_ a: Breakpoint, _ b: Breakpoint) -> Bool { a.step < b.step || (a.step == b.step && a.row < b.row) }
      var low = 0
      var high = items.count
      var slope = slope
      while high - low > 12 {
        // Median of three, moved to the end.
        let middle = low + (high - low) / 2
        if precedes(items[middle], items[low]) { items.swapAt(middle, low) }
        if precedes(items[high - 1], items[low]) { items.swapAt(high - 1, low) }
        if precedes(items[middle], items[high - 1]) { items.swapAt(middle, high - 1) }
        let pivot = items[high - 1]
        var split = low
        var sum = 0.0
        for i in low..<high - 1 where precedes(items[i], pivot) {
          sum += items[i].rise
          items.swapAt(i, split)
          split += 1
        }
        items.swapAt(split, high - 1)
        if slope + sum >= 0 && split > low {
          high = split
        } else if slope + sum + pivot.rise >= 0 {
          return split
        } else {
          slope += sum + pivot.rise
          low = split + 1
        }
      }
      for i in low..<high {
        var least = i
        for k in i + 1..<max(high, i + 1) where precedes(items[k], items[least]) { least = k }
        items.swapAt(i, least)
        slope += items[i].rise
        if slope >= 0 { return i }
      }
      // Partial sums in another order may miss zero by rounding: the next kink is then the minimiser.
      guard high < items.count else { return nil }
      var least = high
      for k in high..<items.count where precedes(items[k], items[least]) { least = k }
      items.swapAt(high, least)
      return high
    }
  }
}
