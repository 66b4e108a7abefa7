extension Isotonic {
  /// Pool adjacent violators: the non-decreasing row nearest in Euclidean distance, with unit weights
  /// (Ayer, Brunk, Ewing, Reid, Silverman 1955). O(m).
  ///
  /// A pool is the mean of its members, so a pool with an infinite member is infinite. Where some +∞ stands before some −∞ no
  /// pool has a mean and no row is at finite distance: such a row is sorted, the wide answer.
  @discardableResult
  public static func pava(_ row: UnsafeMutableBufferPointer<Double>) -> Bool {
    let start = firstViolation(UnsafeBufferPointer(row))
    if start >= row.count { return false }
    if hasInfinitiesInWrongOrder(row) { return sort(row) }

    withUnsafeTemporaryAllocation(of: Pool.self, capacity: row.count) { pools in
      // row[b] is the mean of pool b; a pool never stands before its index, so means fit in the row they come from.
      for i in 0..<start { pools[i] = Pool(sum: row[i], count: 1) }
      var last = start - 1
      for i in start..<row.count {
        var pool = Pool(sum: row[i], count: 1)
        var mean = row[i]
        while last >= 0, row[last] > mean {
          (pool, mean) = pooled(pools[last], row[last], pool, mean)
          last -= 1
        }
        last += 1
        pools[last] = pool
        row[last] = mean
      }
      var end = row.count
      for b in stride(from: last, through: 0, by: -1) {
        let mean = row[b]
        for i in end - pools[b].count..<end { row[i] = mean }
        end -= pools[b].count
      }
    }
    return true
  }

  private struct Pool {
    var sum: Double
    var count: Int
  }

  /// Pools two neighbours of which the first is greater.
  private static func pooled(_ a: Pool, _ aMean: Double, _ b: Pool, _ bMean: Double) -> (Pool, Double) {
    let pool = Pool(sum: a.sum + b.sum, count: a.count + b.count)
    let count = Double(pool.count)
    let mean =
      pool.sum.isFinite
      ? pool.sum / count
      : aMean * (Double(a.count) / count) + bMean * (Double(b.count) / count)  // the sum may overflow where the mean does not
    return (pool, min(max(mean, bMean), aMean))
  }

  private static func hasInfinitiesInWrongOrder(_ row: UnsafeMutableBufferPointer<Double>) -> Bool {
    guard let first = row.firstIndex(of: .infinity) else { return false }
    return row[first...].contains(-.infinity)
  }
}
