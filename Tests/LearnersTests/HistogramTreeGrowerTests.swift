import Groundwork
import Testing

import Learners

/// A small table with ties and missing values (code 0), and what a tree may use of it.
private struct SmallTable {
  let rows = 40
  let columns = 3
  let codes: [UInt16]
  let signal: [Float]
  let weights: [Float]?
  let sample: [Int32]
  let active: [Int]

  init(_ random: inout RandomStream, weighted: Bool) {
    codes = (0..<120).map { _ in UInt16(random.below(9)) }
    signal = (0..<40).map { _ in Float(random.uniform() - 0.5) }
    weights = weighted ? (0..<40).map { _ in [0.5, 1, 2][random.below(3)] } : nil
    var sample = (0..<40).filter { _ in random.below(4) > 0 }.map(Int32.init)
    if sample.isEmpty { sample = [0] }
    self.sample = sample
    active = [[0, 1, 2], [0, 2], [1]][random.below(3)]
  }

  func weight(_ rows: [Int32]) -> Double { rows.reduce(0) { $0 + Double(weights?[Int($1)] ?? 1) } }

  /// Σ v (r − mean r)².
  func squaredError(_ rows: [Int32]) -> Double {
    let mean = rows.reduce(0) { $0 + Double(weights?[Int($1)] ?? 1) * Double(signal[Int($1)]) } / weight(rows)
    return rows.reduce(0) { sum, row in
      let deviation = Double(signal[Int(row)]) - mean
      return sum + Double(weights?[Int(row)] ?? 1) * deviation * deviation
    }
  }

  /// The two sides with the least squared error, over all columns, cuts and sides for missing values.
  func bestSides(_ rows: [Int32], leafWeight: Double) -> (gain: Double, left: [Int32], right: [Int32])? {
    var best: (gain: Double, left: [Int32], right: [Int32])?
    for c in active {
      for cut in UInt16(0)...8 {
        for missingLeft in [true, false] {
          func goesLeft(_ row: Int32) -> Bool {
            let code = codes[Int(row) * columns + c]
            return code == 0 ? missingLeft : code <= cut
          }
          let left = rows.filter(goesLeft)
          let right = rows.filter { !goesLeft($0) }
          guard !left.isEmpty, !right.isEmpty, weight(left) >= leafWeight, weight(right) >= leafWeight else { continue }
          let gain = squaredError(rows) - squaredError(left) - squaredError(right)
          if gain > (best?.gain ?? 1e-9) { best = (gain, left, right) }
        }
      }
    }
    return best
  }

  /// The leaves of the plain algorithm: split the leaf that gains most until there are enough.
  func plainLeaves(most: Int, depth: Int, leafWeight: Double) -> Set<[Int32]> {
    var leaves = [(rows: sample, depth: 0)]
    while leaves.count < most {
      let splits = leaves.map { $0.depth < depth ? bestSides($0.rows, leafWeight: leafWeight) : nil }
      guard let next = leaves.indices.max(by: { (splits[$0]?.gain ?? 0) < (splits[$1]?.gain ?? 0) }), let split = splits[next] else { break }
      let below = leaves[next].depth + 1
      leaves[next] = (split.left, below)
      leaves.append((split.right, below))
    }
    return Set(leaves.map { $0.rows.sorted() })
  }
}

@Suite struct HistogramTreeGrowerTests {
  @Test(arguments: [false, true])
  func leavesAreThoseOfThePlainAlgorithm(_ weighted: Bool) {
    var random = RandomStream(seed: weighted ? 8 : 7)
    for _ in 0..<150 {
      let table = SmallTable(&random, weighted: weighted)
      let (most, depth, leafWeight) = (2 + random.below(9), 1 + random.below(5), [1.0, 2, 4][random.below(3)])
      let grower = HistogramTreeGrower(
        codes: table.codes, rows: table.rows, columns: table.columns, weights: table.weights,
        limits: .init(leaves: most, depth: depth, leafWeight: leafWeight))
      let grown = grower.grow(signal: table.signal, sample: table.sample, active: table.active)
      let leaves = zip(grown.starts, grown.starts.dropFirst()).map { grown.rows[$0..<$1].sorted() }
      #expect(Set(leaves) == table.plainLeaves(most: most, depth: depth, leafWeight: leafWeight))
      #expect(leaves.count <= most)
    }
  }

  @Test func sampledRowsFallIntoTheirLeaves() {
    var random = RandomStream(seed: 9)
    for _ in 0..<50 {
      let table = SmallTable(&random, weighted: false)
      let grower = HistogramTreeGrower(
        codes: table.codes, rows: table.rows, columns: table.columns, weights: nil, limits: .init(leaves: 12, depth: 100, leafWeight: 1))
      let grown = grower.grow(signal: table.signal, sample: table.sample, active: table.active)
      for leaf in 0..<grown.starts.count - 1 {
        for row in grown.rows[grown.starts[leaf]..<grown.starts[leaf + 1]] {
          var at = 0
          while !grown.tree.nodes[at].isLeaf {
            let node = grown.tree.nodes[at]
            let code = table.codes[Int(row) * table.columns + node.feature]
            at = (code == 0 ? !node.missingRight : code <= node.code) ? at + 1 : Int(node.right)
          }
          #expect(grown.tree.nodes[at].leaf == leaf)
        }
      }
    }
  }
}
