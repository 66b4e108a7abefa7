/// The kinks of a convex piecewise linear function of a step t ≥ 0, for exact line searches.
package struct WeightedBreakpoints {
  package struct Breakpoint {
    package var step: Double
    /// By how much the slope grows at the kink.
    package var rise: Double
    package var row: Int32
  }

  /// The kinks are the first `count`.
  package private(set) var items: [Breakpoint] = []
  package private(set) var count = 0

  package init() {}

  package mutating func removeAll() { count = 0 }

  package mutating func append(step: Double, rise: Double, row: Int) {
    makeRoom(for: count + 1)
    items[count] = Breakpoint(step: step, rise: rise, row: Int32(row))
    count += 1
  }

  private mutating func makeRoom(for needed: Int) {
    if items.count < needed {
      let missing = max(needed, 2 * items.count) - items.count
      items.append(contentsOf: repeatElement(Breakpoint(step: 0, rise: 0, row: 0), count: missing))
    }
  }

  /// The kinks of Σ w_i ψ(r_i − t z_i): row i has one where its residual comes to zero, at t = |r_i| / |z_i|, if z_i leads there from its side
  /// (1 above, −1 below, 0 for rows without a kink) and exceeds `negligible` times the row's norm.
  package mutating func collect(
    residuals: [Double], motion: [Double], sides: [Int8], weights: [Double], norms: [Double], negligible: Double
  ) {
    let rows = residuals.count
    precondition(motion.count >= rows && sides.count >= rows && weights.count >= rows && norms.count >= rows && rows <= Int(Int32.max))
    makeRoom(for: rows + 1)
    var filled = 0
    items.withUnsafeMutableBufferPointer { items in
      residuals.withUnsafeBufferPointer { residuals in
        motion.withUnsafeBufferPointer { motion in
          sides.withUnsafeBufferPointer { sides in
            weights.withUnsafeBufferPointer { weights in
              norms.withUnsafeBufferPointer { norms in
                // Every row is written and only kinks are counted: half of the rows are kinks, so a branch would be guessed wrong half the time.
                for i in 0..<rows {
                  let side = Double(sides[i])
                  let toward = motion[i] * side
                  let distance = residuals[i] * side
                  items[filled] = Breakpoint(
                    step: (distance > 0 ? distance : 0) / toward, rise: weights[i] * toward, row: Int32(truncatingIfNeeded: i))
                  filled &+= toward > negligible * norms[i] ? 1 : 0
                }
              }
            }
          }
        }
      }
    }
    count = filled
  }

  /// The position in `items` of the kink at which a slope that starts at `slope` < 0 first is ≥ 0, or nil where it stays negative.
  /// Afterwards all kinks passed on the way stand before that position. Expected cost O(count); ties go to the lower row,
  /// so the answer does not depend on the order in which kinks were added.
  package mutating func minimiser(slope: Double) -> Int? {
    let count = count
    return items.withUnsafeMutableBufferPointer { items -> Int? in
      func precedes(_ a: Breakpoint, _ b: Breakpoint) -> Bool { a.step < b.step || (a.step == b.step && a.row < b.row) }
      var low = 0
      var high = count
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
      guard high < count else { return nil }
      var least = high
      for k in high..<count where precedes(items[k], items[least]) { least = k }
      items.swapAt(high, least)
      return high
    }
  }
}
