import Groundwork
import Quantiles

/// Grows an extremely randomised regression tree (Geurts, Ernst, Wehenkel 2006, table 1) on a weighted sample of rows.
///
/// Arguments are those of `growTree`. At a node each feature tried gets one cut, uniform between the least and the greatest
/// value present; the split is the cut with the largest drop in squared error. Missing values go to the side where they fit
/// better; a feature that is constant but for missing values splits on their absence. Where the node has none, they go with the
/// greater weight. A cut that leaves either side fewer than `limits.leafRows` rows is not taken.
///
/// Also returns the sampled rows of each leaf. Cost: O(sampled rows × columns × depth), without sorting; memory of the size of the sample.
func growRandomTree(
  _ placed: PlacedRows, responses: [Double], sampleWeights: [Double], limits: TreeLimits, random: inout RandomStream
) -> (tree: Tree, sampled: TreeMembers) {
  RandomTreeGrower(placed, responses, sampleWeights, limits).grow(&random)
}

/// The working memory of `growRandomTree`, whose references never change. A node is a range of slots, which rows move between.
private final class RandomTreeGrower {
  private let positions: [[Double]]
  private let limits: TreeLimits
  private let columns: Int
  private let slots: Int
  /// Column-major positions of the codes, missing as NaN: comparing these saves looking up the code of every cut drawn.
  private let values: UnsafeMutablePointer<Double>
  private let mayBeMissing: [Bool]
  private let responses: UnsafeMutablePointer<Double>
  /// Weights, and weights × responses; where all weights are 1, nil and the responses themselves.
  private let weights: UnsafeMutablePointer<Double>?
  private let weighted: UnsafeMutablePointer<Double>
  private let rowOf: UnsafeMutablePointer<Int32>
  private let swaps: UnsafeMutablePointer<(Int32, Int32)>

  private struct Split {
    var gain = 0.0
    var feature = -1
    /// The greatest value that goes left.
    var cut = 0.0
    var missingRight = false
    var left = Side()
  }

  /// Rows of a node on one side of a cut: their number, their weight, and their sum of weight × response.
  private struct Side {
    var count = 0
    var weight = 0.0
    var sum = 0.0

    static func + (a: Side, b: Side) -> Side { Side(count: a.count + b.count, weight: a.weight + b.weight, sum: a.sum + b.sum) }
  }

  init(_ placed: PlacedRows, _ responses: [Double], _ weights: [Double], _ limits: TreeLimits) {
    positions = placed.positions
    self.limits = limits
    columns = placed.columns
    let sampled = (0..<placed.rows).filter { weights[$0] > 0 }
    let slots = sampled.count
    self.slots = slots
    values = .allocate(capacity: slots * columns)
    self.responses = .allocate(capacity: slots)
    rowOf = .allocate(capacity: slots)
    swaps = .allocate(capacity: slots)
    let differ = sampled.contains { weights[$0] != 1 }
    self.weights = differ ? .allocate(capacity: slots) : nil
    weighted = differ ? .allocate(capacity: slots) : self.responses
    for (slot, row) in sampled.enumerated() {
      rowOf[slot] = Int32(row)
      self.responses[slot] = responses[row]
      self.weights?[slot] = weights[row]
      if differ { weighted[slot] = weights[row] * responses[row] }
    }
    let values = values
    mayBeMissing = (0..<placed.columns).map { c in
      var missing = false
      for (slot, row) in sampled.enumerated() {
        let value = placed.values[c * placed.rows + row]
        values[c * slots + slot] = value
        missing = missing || value.isNaN
      }
      return missing
    }
  }

  deinit {
    values.deallocate()
    responses.deallocate()
    if let weights {
      weights.deallocate()
      weighted.deallocate()
    }
    rowOf.deallocate()
    swaps.deallocate()
  }

  func grow(_ random: inout RandomStream) -> (tree: Tree, sampled: TreeMembers) {
    var features = FeatureDraw(columns: columns)
    var cuts: [Double] = []
    var starts: [Int32] = []
    var tree = Tree.growInPreorder(slots: slots) { task in
      guard let (split, missingRight) = bestSplit(of: task, &features, &random) else {
        cuts.append(.infinity)
        starts.append(Int32(task.range.lowerBound))
        return nil
      }
      partition(task.range, by: split)
      cuts.append(split.cut)
      let above = UInt16(FeatureBinning.largestCode)
      return (.split(feature: split.feature, code: above, missingRight: missingRight), task.range.lowerBound + split.left.count)
    }
    starts.append(Int32(slots))
    setCodes(&tree, cuts)
    for (start, end) in zip(starts, starts.dropFirst()) where end - start > 1 {
      var leaf = UnsafeMutableBufferPointer(start: rowOf + Int(start), count: Int(end - start))
      leaf.sort()
    }
    return (tree, TreeMembers(starts: starts, ranks: Array(UnsafeBufferPointer(start: rowOf, count: slots))))
  }

  /// Gives each split the last code at or below its cut, feature after feature, because the positions of one fit the
  /// processor's cache and those of all do not.
  private func setCodes(_ tree: inout Tree, _ cuts: [Double]) {
    var splits = [[Int32]](repeating: [], count: columns)
    for (i, node) in tree.nodes.enumerated() where cuts[i] < .infinity { splits[node.feature].append(Int32(i)) }
    for (feature, splits) in splits.enumerated() {
      positions[feature].withUnsafeBufferPointer { positions in
        for i in splits {
          let node = tree.nodes[Int(i)]
          let cut = cuts[Int(i)]
          var code = 1
          var length = positions.count - 1
          while length > 1 {
            let half = length >> 1
            code &+= half & (0 &- oneIf(positions[code &+ half] <= cut))
            length -= half
          }
          tree.nodes[Int(i)] = .split(feature: feature, code: UInt16(code), missingRight: node.missingRight, right: node.right)
        }
      }
    }
  }

  private func bestSplit(of task: GrowthTask, _ features: inout FeatureDraw, _ random: inout RandomStream) -> (Split, missingRight: Bool)? {
    let range = task.range
    guard columns > 0, range.count > 1, range.count >= 2 * limits.leafRows, task.depth < limits.depth else { return nil }
    var total = Side(count: range.count)
    let response = responses[range.lowerBound]
    var differs = false
    for k in range {
      total.weight += weights?[k] ?? 1
      total.sum += weighted[k]
      differs = differs || responses[k] != response
    }
    guard differs else { return nil }

    let mean = total.sum / total.weight
    var best = Split()
    var missing = false
    // Every cut that parts two rows parts them perfectly.
    let enough = range.count == 2 ? 1 : limits.featuresTried
    features.draw(enough, &random) { feature, random in
      let (lowest, highest) = extent(of: feature, in: range)
      let absent = mayBeMissing[feature] ? missingRows(of: feature, in: range) : Side()
      let varies = highest > lowest
      guard varies || (absent.count > 0 && absent.count < range.count) else { return false }
      // Present values left, missing ones right: the cut lies above every code.
      let cut = varies ? drawCut(lowest, highest, &random) : .infinity
      let left = rows(of: feature, in: range, upTo: cut)
      let before = best.feature
      take(Split(feature: feature, cut: cut, missingRight: absent.count > 0, left: left), total, mean, &best)
      if absent.count > 0 && varies { take(Split(feature: feature, cut: cut, left: left + absent), total, mean, &best) }
      if best.feature != before { missing = absent.count > 0 }
      return true
    }
    guard best.feature >= 0 else { return nil }
    return (best, missing ? best.missingRight : best.left.weight < total.weight - best.left.weight)
  }

  /// The least and the greatest value present; infinite, the wrong way round, where none is.
  private func extent(of feature: Int, in range: Range<Int>) -> (lowest: Double, highest: Double) {
    let values = UnsafeRawPointer(values + feature * slots + range.lowerBound)
    let width = MemoryLayout<Double>.stride
    var lows = SIMD4<Double>(repeating: .infinity)
    var highs = -lows
    var k = 0
    while k + 4 <= range.count {
      let value = values.loadUnaligned(fromByteOffset: k * width, as: SIMD4<Double>.self)
      // NaN is neither below nor above.
      lows.replace(with: value, where: value .< lows)
      highs.replace(with: value, where: value .> highs)
      k += 4
    }
    var lowest = min(min(lows[0], lows[1]), min(lows[2], lows[3]))
    var highest = max(max(highs[0], highs[1]), max(highs[2], highs[3]))
    while k < range.count {
      let value = values.load(fromByteOffset: k * width, as: Double.self)
      lowest = value < lowest ? value : lowest
      highest = value > highest ? value : highest
      k += 1
    }
    return (lowest, highest)
  }

  private func missingRows(of feature: Int, in range: Range<Int>) -> Side {
    let values = values + feature * slots
    var missing = Side()
    for k in range where values[k].isNaN { missing = missing + Side(count: 1, weight: weights?[k] ?? 1, sum: weighted[k]) }
    return missing
  }

  /// A point drawn uniformly between the lowest and the highest value.
  @inline(__always)
  private func drawCut(_ lowest: Double, _ highest: Double, _ random: inout RandomStream) -> Double {
    let share = random.uniform()
    // Not by the difference, which could overflow.
    let point = max(lowest, lowest * (1 - share) + highest * share)
    return point < highest ? point : lowest
  }

  /// The rows whose value is present and at most `cut`.
  private func rows(of feature: Int, in range: Range<Int>, upTo cut: Double) -> Side {
    let values = UnsafeRawPointer(values + feature * slots + range.lowerBound)
    let weighted = UnsafeRawPointer(weighted + range.lowerBound)
    let width = MemoryLayout<Double>.stride
    let whole = range.count & ~3
    var counts = SIMD4<Int64>()
    var sums = SIMD4<Double>()
    var k = 0
    while k < whole {
      let left = values.loadUnaligned(fromByteOffset: k * width, as: SIMD4<Double>.self) .<= cut
      counts &+= SIMD4<Int64>(repeating: 1).replacing(with: 0, where: .!left)
      sums += weighted.loadUnaligned(fromByteOffset: k * width, as: SIMD4<Double>.self).replacing(with: 0, where: .!left)
      k += 4
    }
    var side = Side(count: Int(counts.wrappedSum()), sum: sums.sum())
    while k < range.count {
      let left = values.load(fromByteOffset: k * width, as: Double.self) <= cut
      side.count += left ? 1 : 0
      side.sum += left ? weighted.load(fromByteOffset: k * width, as: Double.self) : 0
      k += 1
    }
    side.weight = Double(side.count)
    if let weights {
      side.weight = 0
      for k in range where self.values[feature * slots + k] <= cut { side.weight += weights[k] }
    }
    return side
  }

  /// Keeps the better of two splits by the drop in squared error (`TreeGrower.scan` has the formula).
  @inline(__always)
  private func take(_ split: Split, _ total: Side, _ mean: Double, _ best: inout Split) {
    let left = split.left
    guard min(left.count, total.count - left.count) >= max(1, limits.leafRows) else { return }
    let deviation = left.sum - mean * left.weight
    let gain = deviation * deviation / (left.weight * (total.weight - left.weight)) * total.weight
    // Sums that differ in the last bits only must not decide between features.
    guard gain > best.gain * (1 + 1e-9), gain < .infinity else { return }
    best = split
    best.gain = gain
  }

  /// Puts the left rows before the right ones.
  private func partition(_ range: Range<Int>, by split: Split) {
    let tested = values + split.feature * slots
    let missingLeft = !split.missingRight
    let middle = range.lowerBound + split.left.count
    // The k-th right row before the middle changes places with the k-th left row after it.
    var count = 0
    for k in range.lowerBound..<middle {
      swaps[count].0 = Int32(truncatingIfNeeded: k)
      count += tested[k] <= split.cut || (tested[k].isNaN && missingLeft) ? 0 : 1
    }
    let strays = count
    count = 0
    var k = middle
    while count < strays {
      swaps[count].1 = Int32(truncatingIfNeeded: k)
      count += tested[k] <= split.cut || (tested[k].isNaN && missingLeft) ? 1 : 0
      k += 1
    }
    func exchange<T>(_ values: UnsafeMutablePointer<T>) {
      for k in 0..<strays {
        let (i, j) = (Int(swaps[k].0), Int(swaps[k].1))
        (values[i], values[j]) = (values[j], values[i])
      }
    }
    for c in 0..<columns { exchange(values + c * slots) }
    exchange(responses)
    exchange(rowOf)
    if let weights {
      exchange(weights)
      exchange(weighted)
    }
  }
}
