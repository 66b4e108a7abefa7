import Quantiles

/// Isotonic quantile regression: the non-decreasing function of a forecast that has the least pinball loss at level τ.
///
/// Rows in the order of their forecasts, equal ones by falling target so that they pool, go through the pool-adjacent-violators
/// algorithm whose pools hold their lower τ-quantile, the ⌈τn⌉-th smallest target (Jordan, Mühlemann, Ziegel 2022,
/// "Characterizing the optimal solutions to the isotonic regression problem for identifiable functionals"). A pool keeps its ⌈τn⌉
/// smallest targets in a leftist heap (Crane 1972): pools with rising quantiles are only ever merged with a later pool that has
/// a smaller quantile, so a target that left a heap never comes back, and a merge drops at most one.
public struct IsotonicQuantileRegression {
  /// The recalibrated forecast of each row.
  public private(set) var fitted: [Double]

  private struct Pool {
    var first: Int
    var count: Int
    /// The heap's top, whose target is the pool's quantile.
    var root: Int32
    var kept: Int
  }

  /// - forecasts: one a row, finite or infinite, at least one row; targets: as many, finite.
  /// - level: τ in (0, 1).
  /// O(n log n).
  public init(level: Double, forecasts: [Double], targets: [Double]) {
    precondition(!forecasts.isEmpty && forecasts.count == targets.count)
    let n = forecasts.count
    let order = forecasts.indices.sorted { a, b in
      if forecasts[a] != forecasts[b] { return forecasts[a] < forecasts[b] }
      return targets[a] != targets[b] ? targets[a] > targets[b] : a < b
    }
    var heap = LeftistHeap(keys: order.map { targets[$0] })
    var pools: [Pool] = []
    for i in 0..<n {
      var pool = Pool(first: i, count: 1, root: Int32(i), kept: 1)
      while let last = pools.last, heap.keys[Int(last.root)] >= heap.keys[Int(pool.root)] {
        pools.removeLast()
        pool = Pool(first: last.first, count: last.count + pool.count, root: heap.meld(last.root, pool.root), kept: last.kept + pool.kept)
        if pool.kept > lowerQuantileRank(level: level, count: pool.count) {
          pool.root = heap.meld(heap.left[Int(pool.root)], heap.right[Int(pool.root)])
          pool.kept -= 1
        }
      }
      pools.append(pool)
    }
    fitted = [Double](repeating: 0, count: n)
    for pool in pools {
      for i in pool.first..<pool.first + pool.count { fitted[order[i]] = heap.keys[Int(pool.root)] }
    }
  }
}

/// ⌈τn⌉, exact for levels of nine decimals: the rank of the lower τ-quantile of n values.
public func lowerQuantileRank(level: Double, count: Int) -> Int { max(1, (Levels.key(level) * count + 999_999_999) / 1_000_000_000) }

/// Heaps over shared keys, the greatest on top; −1 is the empty one.
private struct LeftistHeap {
  let keys: [Double]
  private(set) var left: [Int32]
  private(set) var right: [Int32]
  /// Length of the way down to the right, which is at most log₂ n.
  private var rank: [Int8]

  init(keys: [Double]) {
    self.keys = keys
    left = [Int32](repeating: -1, count: keys.count)
    right = left
    rank = [Int8](repeating: 1, count: keys.count)
  }

  mutating func meld(_ a: Int32, _ b: Int32) -> Int32 {
    if a < 0 { return b }
    if b < 0 { return a }
    let (top, other) = keys[Int(a)] >= keys[Int(b)] ? (a, b) : (b, a)
    let t = Int(top)
    right[t] = meld(right[t], other)
    if rank(of: left[t]) < rank(of: right[t]) { (left[t], right[t]) = (right[t], left[t]) }
    rank[t] = rank(of: right[t]) + 1
    return top
  }

  private func rank(of node: Int32) -> Int8 { node < 0 ? 0 : rank[Int(node)] }
}
