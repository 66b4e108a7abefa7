import Groundwork

/// How far a tree grows.
struct TreeLimits: Sendable {
  /// Least number of distinct sampled rows in a leaf.
  var leafRows: Int
  /// Features tried at a split; a feature that is constant in the node does not count.
  var featuresTried: Int
  var depth: Int
}

/// Each feature's rows in the order of their codes: sorted once for all trees.
/// Entries are code · 2³² + row, so they compare as their codes do.
struct SortedColumns: Sendable {
  let rows: Int
  let columns: Int
  /// Column-major.
  let entries: [UInt64]

  /// `codes` are row-major. Cost: a counting sort a column.
  init(codes: [UInt16], rows: Int, columns: Int, threads: Int) {
    self.rows = rows
    self.columns = columns
    entries = [UInt64](unsafeUninitializedCapacity: rows * columns) { buffer, filled in
      let entries = DisjointSlots(buffer)
      parallelFor(columns, threads: threads) { c in
        codes.withUnsafeBufferPointer { codes in
          var starts = [Int](repeating: c * rows, count: FeatureBinning.largestCode + 2)
          var counts = [Int](repeating: 0, count: FeatureBinning.largestCode + 1)
          for i in 0..<rows { counts[Int(codes[i * columns + c])] += 1 }
          for code in 0...FeatureBinning.largestCode { starts[code + 1] = starts[code] + counts[code] }
          for i in 0..<rows {
            let code = Int(codes[i * columns + c])
            entries[starts[code]] = UInt64(code) << 32 | UInt64(i)
            starts[code] += 1
          }
        }
      }
      filled = rows * columns
    }
  }
}

/// Grows a regression tree by least squares (CART; Breiman, Friedman, Olshen, Stone 1984) on a weighted sample of rows.
///
/// - `responses`: one a row, of a magnitude whose squares are finite.
/// - `sampleWeights`: one a row; rows of weight 0 take no part. At least one must be positive.
///
/// A split sends codes up to a cut left; missing values go to the side where they fit better, or, where the node has none,
/// with the greater weight. Between two neighbouring codes of the node the cut is halfway in rank, so that the
/// tree is the same after any increasing transformation of a feature. Of equally good splits the first found stays.
///
/// Every column's rows stay sorted in every node, so that each split is exact and costs one pass:
/// O(sampled rows × columns × depth) in time, 8 bytes × sampled rows × columns in memory.
func growTree(
  _ sorted: SortedColumns, responses: [Double], sampleWeights: [Double], limits: TreeLimits, random: inout RandomStream
) -> Tree {
  TreeGrower(sorted, responses, sampleWeights, limits).grow(&random)
}

/// The working memory of `growTree`, whose references never change. Sampled rows are numbered anew from 0 ("slots"), so that it stays small.
private final class TreeGrower {
  private let limits: TreeLimits
  private let columns: Int
  private let slots: Int
  /// (weight, weight × response) of a slot.
  private let moments: UnsafeMutablePointer<SIMD2<Double>>
  private let responseOf: UnsafeMutablePointer<Double>
  /// Column-major entries: code · 2³² + slot. A node is the same range in every column.
  private let entries: UnsafeMutablePointer<UInt64>
  private let spare: UnsafeMutablePointer<UInt64>
  private let goesLeft: UnsafeMutablePointer<UInt8>

  private struct Split {
    var gain = 0.0
    var feature = -1
    var code: UInt16 = 0
    var missingRight = false
  }

  init(_ sorted: SortedColumns, _ responses: [Double], _ weights: [Double], _ limits: TreeLimits) {
    self.limits = limits
    columns = sorted.columns
    var slotOf = [Int32](repeating: -1, count: sorted.rows)
    var count = 0
    for i in 0..<sorted.rows where weights[i] > 0 {
      slotOf[i] = Int32(count)
      count += 1
    }
    slots = count
    moments = .allocate(capacity: count)
    responseOf = .allocate(capacity: count)
    goesLeft = .allocate(capacity: count)
    // One more, because the filter below writes an entry before it knows whether it counts.
    spare = .allocate(capacity: count + 1)
    entries = .allocate(capacity: count * columns + 1)
    for i in 0..<sorted.rows where slotOf[i] >= 0 {
      let slot = Int(slotOf[i])
      moments[slot] = SIMD2(weights[i], weights[i] * responses[i])
      responseOf[slot] = responses[i]
    }
    sorted.entries.withUnsafeBufferPointer { all in
      slotOf.withUnsafeBufferPointer { slotOf in
        var next = entries
        for entry in all {
          let slot = slotOf[Int(truncatingIfNeeded: entry & 0xFFFF_FFFF)]
          next.pointee = entry & ~0xFFFF_FFFF | UInt64(UInt32(bitPattern: slot))
          next += slot >= 0 ? 1 : 0
        }
      }
    }
  }

  deinit {
    moments.deallocate()
    responseOf.deallocate()
    goesLeft.deallocate()
    spare.deallocate()
    entries.deallocate()
  }

  func grow(_ random: inout RandomStream) -> Tree {
    var features = FeatureDraw(columns: columns)
    return Tree.growInPreorder(slots: slots) { task in
      guard let split = bestSplit(of: task, &features, &random) else { return nil }
      let (middle, missingRight) = partition(task, by: split)
      return (.split(feature: split.feature, code: split.code, missingRight: missingRight), middle)
    }
  }

  @inline(__always) private func slot(_ entry: UInt64) -> Int { Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) }

  private func mayGrow(_ count: Int, depth: Int) -> Bool { count >= 2 * limits.leafRows && count > 1 && depth < limits.depth }

  private func bestSplit(of task: GrowthTask, _ features: inout FeatureDraw, _ random: inout RandomStream) -> Split? {
    let count = task.range.count
    guard columns > 0, mayGrow(count, depth: task.depth) else { return nil }
    var total = SIMD2<Double>()
    let rows = entries + task.range.lowerBound
    let response = responseOf[slot(rows[0])]
    var differs = false
    for k in 0..<count {
      let s = slot(rows[k])
      total += moments[s]
      differs = differs || responseOf[s] != response
    }
    guard differs else { return nil }

    var best = Split()
    features.draw(limits.featuresTried, &random) { feature, _ in
      let start = entries + feature * slots + task.range.lowerBound
      guard start[0] >> 32 != start[count - 1] >> 32 else { return false }
      scan(start, count, total, feature, &best)
      return true
    }
    return best.feature >= 0 ? best : nil
  }

  /// Takes the best cut of one feature where it beats `best`. With W, S the weight and the weighted sum of responses of the
  /// node and W_L, S_L of the left side, the drop in squared error is (S_L − W_L S/W)² W / (W_L (W − W_L)).
  private func scan(_ start: UnsafeMutablePointer<UInt64>, _ count: Int, _ total: SIMD2<Double>, _ feature: Int, _ best: inout Split) {
    var missing = 0
    var absent = SIMD2<Double>()
    while start[missing] >> 32 == 0 {
      absent += moments[slot(start[missing])]
      missing += 1
    }
    let mean = total.y / total.x
    let leafRows = limits.leafRows
    // Sums that differ in the last bits only must not decide between features, so a better split has to be visibly better.
    let visibly = 1 + 1e-9

    func take(_ left: SIMD2<Double>, _ lower: UInt64, _ upper: UInt64, missingRight: Bool) {
      let deviation = left.y - mean * left.x
      let gain = deviation * deviation / (left.x * (total.x - left.x)) * total.x
      guard gain > best.gain * visibly, gain < .infinity else { return }
      best = Split(gain: gain, feature: feature, code: UInt16(truncatingIfNeeded: (lower + upper) / 2), missingRight: missingRight)
    }

    // Missing rows stand first, so they go left of every cut of this sweep, the first of which leaves them there alone.
    var left = SIMD2<Double>()
    let firstCut = max(leafRows, 1)
    let lastCut = count - firstCut
    for k in 0..<lastCut {
      left += moments[slot(start[k])]
      let lower = start[k] >> 32
      let upper = start[k + 1] >> 32
      if lower != upper && k + 1 >= firstCut && lower != 0 { take(left, lower, upper, missingRight: false) }
    }
    guard missing > 0 else { return }
    if missing >= firstCut && missing <= lastCut {
      // Present values left, missing ones right: the cut lies above every code.
      take(total - absent, UInt64(FeatureBinning.largestCode), UInt64(FeatureBinning.largestCode), missingRight: true)
    }
    left = SIMD2<Double>()
    for k in missing..<max(missing, count - 1) {
      left += moments[slot(start[k])]
      let lower = start[k] >> 32
      let upper = start[k + 1] >> 32
      if lower != upper && k + 1 - missing >= firstCut && count - (k + 1 - missing) >= firstCut {
        take(left, lower, upper, missingRight: true)
      }
    }
  }

  /// Puts the left rows before the right ones in every column, keeping their order. Returns where the right ones start, and
  /// where missing values go.
  private func partition(_ task: GrowthTask, by split: Split) -> (middle: Int, missingRight: Bool) {
    let count = task.range.count
    let start = entries + split.feature * slots + task.range.lowerBound
    let code = UInt64(split.code)
    let present = UInt64(split.missingRight ? 1 : 0)
    var leftCount = 0
    var leftWeight = 0.0
    var rightWeight = 0.0
    for k in 0..<count {
      let value = start[k] >> 32
      let s = slot(start[k])
      let left = value <= code && value >= present
      goesLeft[s] = left ? 1 : 0
      leftCount += left ? 1 : 0
      if left { leftWeight += moments[s].x } else { rightWeight += moments[s].x }
    }
    let missingRight = start[0] >> 32 == 0 ? split.missingRight : rightWeight > leftWeight
    let middle = task.range.lowerBound + leftCount
    // Leaves need no order: where neither side will be split again, nothing moves.
    guard mayGrow(leftCount, depth: task.depth + 1) || mayGrow(count - leftCount, depth: task.depth + 1) else { return (middle, missingRight) }
    for c in 0..<columns {
      var lower = entries + c * slots + task.range.lowerBound
      var upper = spare
      let rows = lower
      for k in 0..<count {
        let entry = rows[k]
        let left = Int(goesLeft[slot(entry)])
        lower.pointee = entry
        upper.pointee = entry
        lower += left
        upper += 1 - left
      }
      lower.update(from: spare, count: count - leftCount)
    }
    return (middle, missingRight)
  }
}
