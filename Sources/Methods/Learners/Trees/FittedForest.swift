import Groundwork
import MethodKit
import Quantiles

/// A learnt quantile regression forest.
package struct FittedForest: FittedLearner {
  let levels: [Double]
  package let binning: FeatureBinning
  /// Training responses, increasing.
  let responses: [Double]
  /// Row weights in that order, the largest 1; nil where all are equal.
  let weights: [Double]?
  private let finders: [LeafFinder]
  let members: LeafMembers

  init(levels: [Double], binning: FeatureBinning, responses: [Double], weights: [Double]?, finders: [LeafFinder], members: LeafMembers) {
    self.levels = levels
    self.binning = binning
    self.responses = responses
    self.weights = weights
    self.finders = finders
    self.members = members
  }

  package var trees: some Sequence<Tree> { finders.lazy.map(\.tree) }

  package var memory: Int { finders.reduce(4 * members.ranks.count + 8 * responses.count) { $0 + $1.memory } }

  package var summary: [(key: String, value: String)] {
    let leaves = finders.reduce(0) { $0 + $1.leafCount }
    return [
      ("trees", "\(finders.count)"), ("rows", "\(responses.count)"), ("leaves a tree", "\(leaves / max(1, finders.count))"),
    ]
  }

  package func predict(_ features: FeatureTable) -> Matrix { predict(features, threads: 1) }

  /// `predict` on several threads: the same answers.
  package func predict(_ features: FeatureTable, threads: Int) -> Matrix {
    var answer = Matrix(rows: features.rows, columns: levels.count)
    let width = levels.count
    answer.values.withDisjointSlots { values in
      // A part for each thread, because each needs working memory of the size of the training set.
      let parts = max(1, min(threads, features.rows / 16))
      parallelFor(parts, threads: threads) { part in
        levels.withUnsafeBufferPointer { levels in
          visitWeights(features, rows: features.rows * part / parts..<features.rows * (part + 1) / parts) { i, memory, count in
            sweepWeightedQuantiles(
              sortedValues: memory.values, weights: memory.weights, count: count, levels: levels,
              into: values[i * width..<(i + 1) * width].baseAddress!)
          }
        }
      }
    }
    return answer
  }

  /// w_i(x) of all training rows in the order of their responses, for one row of `features`.
  package func weights(of row: Int, in features: FeatureTable) -> [Double] {
    var answer = [Double](repeating: 0, count: responses.count)
    visitWeights(features, rows: row..<row + 1) { _, memory, count in
      for k in 0..<count { answer[Int(memory.ranks[k])] = memory.weights[k] / Double(finders.count) }
    }
    return answer
  }

  /// Calls `visit` with each row, the memory that holds its weights (which sum to the number of trees) and their number.
  private func visitWeights(_ features: FeatureTable, rows: Range<Int>, _ visit: (Int, ForestWeights, Int) -> Void) {
    let columns = binning.columns.count
    let count = finders.count
    // Many rows go down one tree before the next, because a tree fits the processor's cache and a forest does not.
    let block = max(1, min(1024, rows.count))
    let codes = UnsafeMutablePointer<UInt16>.allocate(capacity: block * columns + 1)
    let leaves = UnsafeMutablePointer<Int32>.allocate(capacity: block)
    // What each row reached in each tree: written a tree at a time and read a row at a time, so neighbouring trees' must not share cache sets.
    let stride = block + 8
    let reached = UnsafeMutablePointer<(start: Int32, end: Int32)>.allocate(capacity: stride * count)
    let memory = ForestWeights(responses: responses.count)
    defer {
      codes.deallocate()
      leaves.deallocate()
      reached.deallocate()
    }
    func answer(_ responses: UnsafePointer<Double>, _ ranks: UnsafePointer<Int32>, _ rowWeights: UnsafePointer<Double>?) {
      for first in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: block) {
        let last = min(first + block, rows.upperBound)
        binning.encode(features, rows: first..<last, into: codes)
        for t in 0..<count {
          finders[t].findLeaves(codes: codes, rows: last - first, columns: columns, into: leaves)
          members.starts[t].withUnsafeBufferPointer { starts in
            for i in 0..<last - first { reached[t * stride + i] = (starts[Int(leaves[i])], starts[Int(leaves[i]) + 1]) }
          }
        }
        for i in first..<last {
          for t in 0..<count {
            let leaf = reached[t * stride + i - first]
            memory.add(UnsafeBufferPointer(start: ranks + members.offsets[t] + Int(leaf.start), count: Int(leaf.end - leaf.start)), rowWeights)
          }
          visit(i, memory, memory.gather(responses))
        }
      }
    }
    responses.withUnsafeBufferPointer { responses in
      members.ranks.withUnsafeBufferPointer { ranks in
        if let weights {
          weights.withUnsafeBufferPointer { answer(responses.baseAddress!, ranks.baseAddress!, $0.baseAddress!) }
        } else {
          answer(responses.baseAddress!, ranks.baseAddress!, nil)
        }
      }
    }
  }
}
