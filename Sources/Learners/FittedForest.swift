import Groundwork
import Methods
import Quantiles

/// The training rows of each leaf of a tree, by response rank.
struct LeafMembers: Sendable {
  /// Leaf ℓ holds `ranks[starts[ℓ]..<starts[ℓ + 1]]`, increasing; every leaf holds some.
  var starts: [Int32]
  var ranks: [Int32]

  /// Sends all training rows, in the order of their responses, down the tree.
  init(_ tree: Tree, codes: [UInt16], rows: Int, columns: Int) {
    var leaves = [Int32](repeating: 0, count: rows)
    codes.withUnsafeBufferPointer { codes in
      leaves.withUnsafeMutableBufferPointer { leaves in
        if tree.nodes.count > 1 { tree.findLeaves(codes: codes.baseAddress!, rows: rows, columns: columns, into: leaves.baseAddress!, stride: 1) }
      }
    }
    starts = [Int32](repeating: 0, count: tree.leafCount + 1)
    for leaf in leaves { starts[Int(leaf) + 1] += 1 }
    for leaf in 0..<tree.leafCount { starts[leaf + 1] += starts[leaf] }
    var next = starts
    ranks = [Int32](repeating: 0, count: rows)
    for (rank, leaf) in leaves.enumerated() {
      ranks[Int(next[Int(leaf)])] = Int32(rank)
      next[Int(leaf)] += 1
    }
  }

  init(starts: [Int32], ranks: [Int32]) {
    self.starts = starts
    self.ranks = ranks
  }
}

/// A learnt quantile regression forest.
package struct FittedForest: FittedLearner {
  let levels: [Double]
  package let binning: FeatureBinning
  /// Training responses, increasing.
  let responses: [Double]
  /// Row weights in that order, the largest 1; nil where all are equal.
  let weights: [Double]?
  package let trees: [Tree]
  let members: [LeafMembers]
  /// Of each tree, 1 / the weight of each leaf.
  private let shares: [[Double]]

  init(levels: [Double], binning: FeatureBinning, responses: [Double], weights: [Double]?, trees: [Tree], members: [LeafMembers]) {
    self.levels = levels
    self.binning = binning
    self.responses = responses
    self.weights = weights
    self.trees = trees
    self.members = members
    shares = members.map { members in
      (0..<members.starts.count - 1).map { leaf in
        let range = Int(members.starts[leaf])..<Int(members.starts[leaf + 1])
        guard let weights else { return 1 / Double(range.count) }
        return 1 / range.reduce(0) { $0 + weights[Int(members.ranks[$1])] }
      }
    }
  }

  package var summary: [(key: String, value: String)] {
    let leaves = trees.reduce(0) { $0 + $1.leafCount }
    return [
      ("trees", "\(trees.count)"), ("rows", "\(responses.count)"), ("leaves a tree", "\(leaves / max(1, trees.count))"),
    ]
  }

  package func predict(_ features: FeatureTable) -> Matrix { predict(features, threads: 1) }

  /// `predict` on several threads: the same answers.
  func predict(_ features: FeatureTable, threads: Int) -> Matrix {
    var answer = Matrix(rows: features.rows, columns: levels.count)
    let block = 64
    let width = levels.count
    answer.values.withUnsafeMutableBufferPointer { buffer in
      let values = buffer
      let blocks = (features.rows + block - 1) / block
      // A share of the blocks at a time, because each share needs working memory of the size of the training set.
      let parts = max(1, min(threads, blocks))
      parallelFor(parts, threads: threads) { part in
        let memory = ForestWeights(responses: responses.count)
        for b in blocks * part / parts..<blocks * (part + 1) / parts {
          let rows = b * block..<min(features.rows, (b + 1) * block)
          visitWeights(features, rows: rows, memory) { i, count in
            levels.withUnsafeBufferPointer {
              sweepWeightedQuantiles(
                sortedValues: memory.values, weights: memory.weights, count: count, levels: $0, into: values.baseAddress! + i * width)
            }
          }
        }
      }
    }
    return answer
  }

  /// w_i(x) of all training rows in the order of their responses, for one row of `features`.
  package func weights(of row: Int, in features: FeatureTable) -> [Double] {
    let memory = ForestWeights(responses: responses.count)
    var answer = [Double](repeating: 0, count: responses.count)
    visitWeights(features, rows: row..<row + 1, memory) { _, count in
      for k in 0..<count { answer[Int(memory.ranks[k])] = memory.weights[k] / Double(trees.count) }
    }
    return answer
  }

  /// Calls `visit` with each row and the number of training rows that got weight, which `memory` then holds in order.
  private func visitWeights(_ features: FeatureTable, rows: Range<Int>, _ memory: ForestWeights, _ visit: (Int, Int) -> Void) {
    let columns = binning.columns.count
    let codes = UnsafeMutablePointer<UInt16>.allocate(capacity: rows.count * columns + 1)
    let leaves = UnsafeMutablePointer<Int32>.allocate(capacity: rows.count * trees.count)
    defer {
      codes.deallocate()
      leaves.deallocate()
    }
    binning.encode(features, rows: rows, into: codes)
    for (t, tree) in trees.enumerated() {
      tree.findLeaves(codes: codes, rows: rows.count, columns: columns, into: leaves + t, stride: trees.count)
    }
    for i in rows {
      let row = leaves + (i - rows.lowerBound) * trees.count
      for t in 0..<trees.count {
        memory.add(members[t], leaf: Int(row[t]), share: shares[t][Int(row[t])], weights)
      }
      visit(i, memory.gather(responses))
    }
  }
}

/// Working memory that sums weights by response rank and hands over those touched, in order, at a cost that follows their
/// number rather than the size of the training set.
private final class ForestWeights {
  private let sums: UnsafeMutablePointer<Double>
  /// A bit a rank, and a bit a word of these.
  private let touched: UnsafeMutablePointer<UInt64>
  private let touchedWords: UnsafeMutablePointer<UInt64>
  private let words: Int
  let ranks: UnsafeMutablePointer<Int32>
  let values: UnsafeMutablePointer<Double>
  let weights: UnsafeMutablePointer<Double>

  init(responses count: Int) {
    words = (count + 63) / 64
    sums = .allocate(capacity: count)
    sums.initialize(repeating: 0, count: count)
    touched = .allocate(capacity: words)
    touched.initialize(repeating: 0, count: words)
    touchedWords = .allocate(capacity: (words + 63) / 64)
    touchedWords.initialize(repeating: 0, count: (words + 63) / 64)
    ranks = .allocate(capacity: count)
    values = .allocate(capacity: count)
    weights = .allocate(capacity: count)
  }

  deinit {
    sums.deallocate()
    touched.deallocate()
    touchedWords.deallocate()
    ranks.deallocate()
    values.deallocate()
    weights.deallocate()
  }

  @inline(__always)
  func add(_ members: LeafMembers, leaf: Int, share: Double, _ rowWeights: [Double]?) {
    members.ranks.withUnsafeBufferPointer { ranks in
      for k in Int(members.starts[leaf])..<Int(members.starts[leaf + 1]) {
        let rank = Int(ranks[k])
        sums[rank] += rowWeights == nil ? share : share * rowWeights![rank]
        touched[rank >> 6] |= 1 << UInt64(rank & 63)
        touchedWords[rank >> 12] |= 1 << UInt64(rank >> 6 & 63)
      }
    }
  }

  /// Moves the sums into `ranks`, `values` and `weights`, and forgets them. Returns how many there are.
  func gather(_ responses: [Double]) -> Int {
    responses.withUnsafeBufferPointer { responses in
      var count = 0
      for upper in 0..<(words + 63) / 64 {
        var wordBits = touchedWords[upper]
        touchedWords[upper] = 0
        while wordBits != 0 {
          let word = upper << 6 + wordBits.trailingZeroBitCount
          wordBits &= wordBits - 1
          var bits = touched[word]
          touched[word] = 0
          while bits != 0 {
            let rank = word << 6 + bits.trailingZeroBitCount
            bits &= bits - 1
            ranks[count] = Int32(truncatingIfNeeded: rank)
            values[count] = responses[rank]
            weights[count] = sums[rank]
            sums[rank] = 0
            count += 1
          }
        }
      }
      return count
    }
  }
}
