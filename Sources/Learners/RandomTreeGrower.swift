import Groundwork
import Methods

/// Coded rows, and where each code stands on its feature's axis.
struct CodedRows: Sendable {
  let rows: Int
  let columns: Int
  /// Row-major.
  let codes: [UInt16]
  /// Of each column, by code, the least value that has it, which increases with the code; for a categorical column the code
  /// itself, since its categories stand in the order of their mean responses. Entry 0, for missing values, is not used.
  let positions: [[Double]]

  /// `codes` are those of all rows of `features`, row-major. Cost: rows × columns.
  init(_ features: FeatureTable, codes: [UInt16]) {
    rows = features.rows
    columns = features.columns.count
    self.codes = codes
    let rows = rows
    let columns = columns
    positions = features.columns.indices.map { c in
      var last = 0
      for i in 0..<rows { last = max(last, Int(codes[i * columns + c])) }
      guard case .numeric(let values) = features.columns[c] else { return (0...last).map(Double.init) }
      var least = [Double](repeating: .infinity, count: last + 1)
      for i in 0..<rows {
        let code = Int(codes[i * columns + c])
        least[code] = min(least[code], values[i])
      }
      // A code that no row has must not break the order.
      for code in stride(from: last - 1, through: 1, by: -1) { least[code] = min(least[code], least[code + 1]) }
      return least
    }
  }
}

/// Grows an extremely randomised regression tree (Geurts, Ernst, Wehenkel 2006, table 1) on a weighted sample of rows.
///
/// Arguments are those of `growTree`. At a node each feature tried gets one cut, uniform between the least and the greatest
/// value present; the split is the cut with the largest drop in squared error. Missing values go to the side where they fit
/// better; a feature that is constant but for missing values splits on their absence. Where the node has none, they go with the
/// greater weight. A cut that leaves either side fewer than `limits.leafRows` rows is not taken.
///
/// Cost: O(sampled rows × columns × depth), without sorting; memory of the size of the sample.
func growRandomTree(
  _ coded: CodedRows, responses: [Double], sampleWeights: [Double], limits: TreeLimits, random: inout RandomStream
) -> Tree {
  RandomTreeGrower(coded, responses, sampleWeights, limits).grow(&random)
}

/// The working memory of `growRandomTree`, whose references never change. A node is a range of slots, which rows move between.
private final class RandomTreeGrower {
  private let positions: [[Double]]
  private let limits: TreeLimits
  private let columns: Int
  private let slots: Int
  /// Column-major positions of the codes, missing as NaN: comparing these saves looking up the code of every cut drawn.
  private let values: UnsafeMutablePointer<Double>
  /// (weight, weight × response) of a slot.
  private let moments: UnsafeMutablePointer<SIMD2<Double>>
  private let responseOf: UnsafeMutablePointer<Double>
  private let swaps: UnsafeMutablePointer<(Int32, Int32)>

  private struct Split {
    var gain = 0.0
    var feature = -1
    /// The greatest value that goes left.
    var cut = 0.0
    var missingRight = false
  }

  /// What one feature shows in a node.
  private struct Extent {
    var lowest = Double.infinity
    var highest = -Double.infinity
    var missing = 0
    var absent = SIMD2<Double>()
  }

  init(_ coded: CodedRows, _ responses: [Double], _ weights: [Double], _ limits: TreeLimits) {
    positions = coded.positions
    self.limits = limits
    columns = coded.columns
    let sampled = (0..<coded.rows).filter { weights[$0] > 0 }
    slots = sampled.count
    values = .allocate(capacity: slots * columns)
    moments = .allocate(capacity: slots)
    responseOf = .allocate(capacity: slots)
    swaps = .allocate(capacity: slots)
    for (slot, row) in sampled.enumerated() {
      moments[slot] = SIMD2(weights[row], weights[row] * responses[row])
      responseOf[slot] = responses[row]
    }
    for c in 0..<columns {
      let positions = coded.positions[c]
      for (slot, row) in sampled.enumerated() {
        let code = coded.codes[row * columns + c]
        values[c * slots + slot] = code == FeatureBinning.missing ? .nan : positions[Int(code)]
      }
    }
  }

  deinit {
    values.deallocate()
    moments.deallocate()
    responseOf.deallocate()
    swaps.deallocate()
  }

  func grow(_ random: inout RandomStream) -> Tree {
    var order = Array(0..<columns)
    return Tree.growInPreorder(slots: slots) { task in
      guard let split = bestSplit(of: task, &order, &random) else { return nil }
      let (middle, missingRight) = partition(task.range, by: split)
      return (.split(feature: split.feature, code: code(of: split), missingRight: missingRight), middle)
    }
  }

  private func bestSplit(of task: GrowthTask, _ order: inout [Int], _ random: inout RandomStream) -> Split? {
    let range = task.range
    guard columns > 0, range.count > 1, range.count >= 2 * limits.leafRows, task.depth < limits.depth else { return nil }
    var total = SIMD2<Double>()
    let response = responseOf[range.lowerBound]
    var differs = false
    for k in range {
      total += moments[k]
      differs = differs || responseOf[k] != response
    }
    guard differs else { return nil }

    var best = Split()
    var tried = 0
    var drawn = 0
    while drawn < columns && tried < limits.featuresTried {
      let other = drawn + (columns - drawn > 1 ? random.below(columns - drawn) : 0)
      order.swapAt(drawn, other)
      let feature = order[drawn]
      drawn += 1
      let extent = extent(of: feature, in: range)
      let varies = extent.highest > extent.lowest
      guard varies || (extent.missing > 0 && extent.missing < range.count) else { continue }
      tried += 1
      // Present values left, missing ones right: the cut lies above every code.
      weigh(feature, varies ? drawCut(extent, &random) : .infinity, extent, range, total, &best)
    }
    return best.feature >= 0 ? best : nil
  }

  private func extent(of feature: Int, in range: Range<Int>) -> Extent {
    var extent = Extent()
    let values = values + feature * slots
    for k in range {
      let value = values[k]
      extent.lowest = value < extent.lowest ? value : extent.lowest
      extent.highest = value > extent.highest ? value : extent.highest
      extent.missing += value.isNaN ? 1 : 0
    }
    if extent.missing > 0 {
      for k in range where values[k].isNaN { extent.absent += moments[k] }
    }
    return extent
  }

  /// A point drawn uniformly between the lowest and the highest value.
  private func drawCut(_ extent: Extent, _ random: inout RandomStream) -> Double {
    let share = random.uniform()
    // Not by the difference, which could overflow.
    let point = max(extent.lowest, extent.lowest * (1 - share) + extent.highest * share)
    return point < extent.highest ? point : extent.lowest
  }

  /// The last code at or below the cut.
  private func code(of split: Split) -> UInt16 {
    guard split.cut < .infinity else { return UInt16(FeatureBinning.largestCode) }
    let positions = positions[split.feature]
    var low = 1
    var high = positions.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if positions[middle] <= split.cut { low = middle } else { high = middle - 1 }
    }
    return UInt16(low)
  }

  /// The drop in squared error of one cut (`TreeGrower.scan` has the formula), with missing values on either side.
  private func weigh(
    _ feature: Int, _ cut: Double, _ extent: Extent, _ range: Range<Int>, _ total: SIMD2<Double>, _ best: inout Split
  ) {
    var left = SIMD2<Double>()
    var count = 0
    let values = values + feature * slots
    for k in range {
      let goesLeft = values[k] <= cut
      left += moments[k] * (goesLeft ? 1 : 0)
      count += goesLeft ? 1 : 0
    }
    let mean = total.y / total.x
    func take(_ left: SIMD2<Double>, _ count: Int, missingRight: Bool) {
      guard min(count, range.count - count) >= max(1, limits.leafRows) else { return }
      let deviation = left.y - mean * left.x
      let gain = deviation * deviation / (left.x * (total.x - left.x)) * total.x
      // Sums that differ in the last bits only must not decide between features.
      guard gain > best.gain * (1 + 1e-9), gain < .infinity else { return }
      best = Split(gain: gain, feature: feature, cut: cut, missingRight: missingRight)
    }
    if extent.missing > 0 {
      take(left, count, missingRight: true)
      if cut < .infinity { take(left + extent.absent, count + extent.missing, missingRight: false) }
    } else {
      take(left, count, missingRight: false)
    }
  }

  /// Puts the left rows before the right ones. Returns where the right ones start, and where missing values go.
  private func partition(_ range: Range<Int>, by split: Split) -> (middle: Int, missingRight: Bool) {
    let tested = values + split.feature * slots
    let missingLeft = !split.missingRight
    func goesLeft(_ value: Double) -> Bool { value <= split.cut || (value.isNaN && missingLeft) }
    var lower = range.lowerBound
    var upper = range.upperBound - 1
    var count = 0
    while true {
      while lower <= upper && goesLeft(tested[lower]) { lower += 1 }
      while lower <= upper && !goesLeft(tested[upper]) { upper -= 1 }
      if lower > upper { break }
      swaps[count] = (Int32(truncatingIfNeeded: lower), Int32(truncatingIfNeeded: upper))
      count += 1
      lower += 1
      upper -= 1
    }
    func exchange<T>(_ values: UnsafeMutablePointer<T>) {
      for k in 0..<count {
        let (i, j) = (Int(swaps[k].0), Int(swaps[k].1))
        (values[i], values[j]) = (values[j], values[i])
      }
    }
    for c in 0..<columns { exchange(values + c * slots) }
    exchange(moments)
    exchange(responseOf)
    var missing = false
    var weight = 0.0
    for k in range {
      missing = missing || tested[k].isNaN
      weight += k < lower ? -moments[k].x : moments[k].x
    }
    return (lower, missing ? split.missingRight : weight > 0)
  }
}
