/// Grows regression trees by least squares on histograms of coded rows (Ke et al. 2017, "LightGBM", §2), best split first.
///
/// The codes stay; signal, sample and columns change from tree to tree. A node's sums by code are counted for the smaller of
/// two siblings and taken from the parent's for the other. Cost of a tree: O(sampled rows × columns × depth), and
/// leaves × codes for the search.
package final class HistogramTreeGrower {
  package struct Limits: Sendable {
    var leaves: Int
    var depth: Int
    /// Least total weight in a leaf.
    var leafWeight: Double

    package init(leaves: Int, depth: Int, leafWeight: Double) {
      self.leaves = leaves
      self.depth = depth
      self.leafWeight = leafWeight
    }
  }

  /// A grown tree, and the sampled rows of each leaf: `rows[starts[ℓ]..<starts[ℓ + 1]]`.
  package struct Grown: Sendable {
    package var tree: Tree
    package var rows: [Int32]
    package var starts: [Int]
  }

  private typealias Sums = [SIMD2<Double>]

  private struct Split {
    var gain = 0.0
    var feature = -1
    var code: UInt16 = 0
    var missingRight = false
  }

  private struct Node {
    var range: Range<Int>
    var depth: Int
    var sums: Sums = []
    var split: Split?
    var missingRight = false
    var left = -1
    var right = -1
  }

  private let codes: [UInt16]
  private let columns: Int
  private let weights: [Float]?
  private let limits: Limits
  /// Where each column's sums start; the last entry is their number.
  private let offsets: [Int]

  package init(codes: [UInt16], rows: Int, columns: Int, weights: [Float]?, limits: Limits) {
    self.codes = codes
    self.columns = columns
    self.weights = weights
    self.limits = limits
    var largest = [UInt16](repeating: 0, count: columns)
    for i in 0..<rows { for c in 0..<columns { largest[c] = max(largest[c], codes[i * columns + c]) } }
    var offsets = [0]
    for c in 0..<columns { offsets.append(offsets[c] + Int(largest[c]) + 1) }
    self.offsets = offsets
  }

  /// - `signal`: what to fit, one a row, finite. `sample`: the rows that take part. `active`: the columns that may be split on.
  package func grow(signal: [Float], sample: [Int32], active: [Int]) -> Grown {
    var rows = sample
    var nodes = [Node(range: 0..<rows.count, depth: 0)]
    var leaves = 1
    if mayGrow(nodes[0]) {
      nodes[0].sums = count(rows, nodes[0].range, signal, active)
      nodes[0].split = search(nodes[0].sums, active)
    }
    while leaves < limits.leaves {
      var next = -1
      for (i, node) in nodes.enumerated() where node.left < 0 && (node.split?.gain ?? 0) > (next < 0 ? 0 : nodes[next].split!.gain) { next = i }
      guard next >= 0, let split = nodes[next].split else { break }
      let (middle, missingRight) = partition(&rows, nodes[next].range, split)
      nodes[next].missingRight = missingRight
      let parentSums = nodes[next].sums
      nodes[next].sums = []
      var left = Node(range: nodes[next].range.lowerBound..<middle, depth: nodes[next].depth + 1)
      var right = Node(range: middle..<nodes[next].range.upperBound, depth: nodes[next].depth + 1)
      leaves += 1
      if leaves < limits.leaves, mayGrow(left) || mayGrow(right) {
        let leftSmaller = left.range.count <= right.range.count
        let small = count(rows, leftSmaller ? left.range : right.range, signal, active)
        var large = parentSums
        for c in active { for k in offsets[c]..<offsets[c + 1] { large[k] -= small[k] } }
        left.sums = leftSmaller ? small : large
        right.sums = leftSmaller ? large : small
        if mayGrow(left) { left.split = search(left.sums, active) }
        if mayGrow(right) { right.split = search(right.sums, active) }
        if left.split == nil { left.sums = [] }
        if right.split == nil { right.sums = [] }
      }
      nodes[next].left = nodes.count
      nodes[next].right = nodes.count + 1
      nodes.append(left)
      nodes.append(right)
    }
    return inPreorder(nodes, rows)
  }

  private func mayGrow(_ node: Node) -> Bool { node.range.count > 1 && node.depth < limits.depth && columns > 0 }

  private func inPreorder(_ nodes: [Node], _ rows: [Int32]) -> Grown {
    var out: [Tree.Node] = []
    var ordered: [Int32] = []
    ordered.reserveCapacity(rows.count)
    var starts = [0]
    var waiting: [(node: Int, parent: Int)] = [(0, -1)]
    while let (i, parent) = waiting.popLast() {
      if parent >= 0 { out[parent].right = Int32(out.count) }
      let node = nodes[i]
      if node.left < 0 {
        out.append(.leaf(starts.count - 1))
        ordered += rows[node.range]
        starts.append(ordered.count)
      } else {
        waiting.append((node.right, out.count))
        waiting.append((node.left, -1))
        out.append(.split(feature: node.split!.feature, code: node.split!.code, missingRight: node.missingRight))
      }
    }
    return Grown(tree: Tree(nodes: out, leafCount: starts.count - 1), rows: ordered, starts: starts)
  }

  private func count(_ rows: [Int32], _ range: Range<Int>, _ signal: [Float], _ active: [Int]) -> Sums {
    var sums = Sums(repeating: SIMD2(), count: offsets[columns])
    let columns = columns
    sums.withUnsafeMutableBufferPointer { sums in
      rows.withUnsafeBufferPointer { rows in
        codes.withUnsafeBufferPointer { codes in
          signal.withUnsafeBufferPointer { signal in
            active.withUnsafeBufferPointer { active in
              offsets.withUnsafeBufferPointer { offsets in
                for k in range {
                  let row = Int(rows[k])
                  let w = weights.map { Double($0[row]) } ?? 1
                  let moment = SIMD2(w, w * Double(signal[row]))
                  let code = codes.baseAddress! + row &* columns
                  for c in active { sums[offsets[c] &+ Int(code[c])] += moment }
                }
              }
            }
          }
        }
      }
    }
    return sums
  }

  private func search(_ sums: Sums, _ active: [Int]) -> Split? {
    var best = Split()
    let leafWeight = limits.leafWeight * (1 - 1e-9)
    sums.withUnsafeBufferPointer { sums in
      for c in active {
        let first = offsets[c]
        let codes = offsets[c + 1] - first
        var total = SIMD2<Double>()
        for k in 0..<codes { total += sums[first + k] }
        let absent = sums[first]
        let mean = total.y / total.x
        func take(_ left: SIMD2<Double>, _ code: Int, missingRight: Bool) {
          guard left.x >= leafWeight, total.x - left.x >= leafWeight else { return }
          let deviation = left.y - mean * left.x
          let gain = deviation * deviation / (left.x * (total.x - left.x)) * total.x
          guard gain > best.gain * (1 + 1e-9) + 1e-12, gain < .infinity else { return }
          best = Split(gain: gain, feature: c, code: UInt16(code), missingRight: missingRight)
        }
        var left = SIMD2<Double>()
        for k in 1..<max(1, codes - 1) {
          if sums[first + k].x == 0 { continue }
          left += sums[first + k]
          take(left + absent, k, missingRight: false)
          if absent.x > 0 { take(left, k, missingRight: true) }
        }
        if absent.x > 0 { take(total - absent, FeatureBinning.largestCode, missingRight: true) }
      }
    }
    return best.feature >= 0 ? best : nil
  }

  private func partition(_ rows: inout [Int32], _ range: Range<Int>, _ split: Split) -> (middle: Int, missingRight: Bool) {
    let offset: UInt16 = split.missingRight ? 1 : 0
    let cut = split.code - offset
    var spare: [Int32] = []
    spare.reserveCapacity(range.count)
    var lower = range.lowerBound
    var missing = false
    for k in range {
      let row = rows[k]
      let code = codes[Int(row) * columns + split.feature]
      missing = missing || code == FeatureBinning.missing
      if code &- offset <= cut {
        rows[lower] = row
        lower += 1
      } else {
        spare.append(row)
      }
    }
    for (k, row) in spare.enumerated() { rows[lower + k] = row }
    return (lower, missing ? split.missingRight : spare.count > lower - range.lowerBound)
  }
}
