import Glibc
import Groundwork
import MethodKit
import Quantiles

/// The scale on which boosting works: v = (y · 2^−exponent − centre) / spread, whatever the unit of the target.
struct ResponseScale: Sendable {
  let exponent: Int
  let centre: Double
  let spread: Double
  /// The least and the greatest response: no answer leaves them.
  let least: Double
  let greatest: Double

  init(exponent: Int, centre: Double, spread: Double, least: Double, greatest: Double) {
    self.exponent = exponent
    self.centre = centre
    self.spread = spread
    self.least = least
    self.greatest = greatest
  }

  /// Centre: the weighted mean; spread: the mean absolute deviation from it, 0 for a constant.
  init(_ responses: [Double], weights: [Double]?) {
    let largest = responses.reduce(0) { max($0, abs($1)) }
    exponent = largest > 0 ? Int(largest.exponent) + 1 : 0
    var total = 0.0
    var sum = 0.0
    for (i, y) in responses.enumerated() {
      let w = weights?[i] ?? 1
      total += w
      sum += w * scalbn(y, Int32(-exponent))
    }
    centre = sum / total
    var deviation = 0.0
    for (i, y) in responses.enumerated() { deviation += (weights?[i] ?? 1) * abs(scalbn(y, Int32(-exponent)) - centre) }
    least = responses.min()!
    greatest = responses.max()!
    spread = least < greatest ? max(deviation / total, 1e-30) : 0
  }

  func reduced(_ y: Double) -> Float {
    guard spread > 0 else { return 0 }
    // Far below the largest float, so that sums and squares of them are finite.
    return Float(max(-1e15, min(1e15, (scalbn(y, Int32(-exponent)) - centre) / spread)))
  }

  func restored(_ v: Double) -> Double { max(least, min(greatest, scalbn(v * spread + centre, Int32(exponent)))) }
}

/// Trees whose leaves hold a step for each knot level.
struct BoostedTree: Sendable {
  let tree: Tree
  /// Leaf-major.
  let steps: [Float]
}

/// Learnt boosted trees.
package struct FittedBoost: FittedLearner {
  let levels: [Double]
  let knots: LevelKnots
  let binning: FeatureBinning
  let scale: ResponseScale
  /// Where boosting started, a knot each.
  let start: [Float]
  let trees: [BoostedTree]
  let rows: Int
  /// Mean pinball loss of the training rows over the boosted levels, in units of `scale.spread`, before putting in order.
  package let trainingLoss: Double
  package var columns: Int { binning.columns.count }

  package var summary: [(key: String, value: String)] {
    [("trees", "\(trees.count)"), ("rows", "\(rows)"), ("levels boosted", "\(knots.knots.count)")]
  }

  package func predict(_ features: FeatureTable) -> Matrix {
    let width = knots.knots.count
    let columns = binning.columns.count
    var answer = Matrix(rows: features.rows, columns: levels.count)
    let block = max(1, min(1024, features.rows))
    var codes = [UInt16](repeating: 0, count: block * columns + 1)
    var leaves = [Int32](repeating: 0, count: block)
    var sums = [Float](repeating: 0, count: block * width)
    for first in stride(from: 0, to: features.rows, by: block) {
      let count = min(block, features.rows - first)
      codes.withUnsafeMutableBufferPointer { codes in
        binning.encode(features, rows: first..<first + count, into: codes.baseAddress!)
        leaves.withUnsafeMutableBufferPointer { leaves in
          sums.withUnsafeMutableBufferPointer { sums in
            for i in 0..<count { for k in 0..<width { sums[i * width + k] = start[k] } }
            for boosted in trees {
              boosted.tree.findLeaves(codes: codes.baseAddress!, rows: count, columns: columns, into: leaves.baseAddress!)
              boosted.steps.withUnsafeBufferPointer { steps in
                for i in 0..<count {
                  let from = steps.baseAddress! + Int(leaves[i]) * width
                  let to = sums.baseAddress! + i * width
                  for k in 0..<width { to[k] += from[k] }
                }
              }
            }
          }
        }
      }
      for i in 0..<count {
        // Put in order, which never raises the pinball loss summed over levels (Chernozhukov, Fernández-Val, Galichon 2010).
        let values = sums[i * width..<(i + 1) * width].sorted()
        for (j, place) in knots.places.enumerated() {
          let low = Double(values[place.lower])
          let high = Double(values[min(place.lower + 1, width - 1)])
          answer[first + i, j] = scale.restored(low * (1 - place.share) + high * place.share)
        }
      }
    }
    return answer
  }

  package func fits(_ features: FeatureTable, levels: [Double]) -> Bool { self.levels == levels && binning.fits(features) }

  package func encode(into writer: inout ByteWriter) {
    writer.write(levels)
    writer.write(knots.knots.count)
    binning.encode(into: &writer)
    writer.write(scale.exponent)
    writer.write([scale.centre, scale.spread, scale.least, scale.greatest])
    writer.write(start)
    writer.write(rows)
    writer.write(trainingLoss)
    writer.write(trees.count)
    for boosted in trees {
      // Nodes in preorder, 0 for a leaf; child indices follow from the order, so none can be wrong.
      writer.write(boosted.tree.nodes.map { $0.isLeaf ? 0 : 1 + $0.test })
      writer.write(boosted.tree.nodes.map { $0.isLeaf ? 0 : $0.code })
      writer.write(boosted.steps)
    }
  }

  init(
    levels: [Double], knots: LevelKnots, binning: FeatureBinning, scale: ResponseScale, start: [Float], trees: [BoostedTree], rows: Int,
    trainingLoss: Double
  ) {
    self.levels = levels
    self.knots = knots
    self.binning = binning
    self.scale = scale
    self.start = start
    self.trees = trees
    self.rows = rows
    self.trainingLoss = trainingLoss
  }

  package init(decoding reader: inout ByteReader) throws {
    levels = try reader.readArray(of: Double.self)
    guard !levels.isEmpty, levels.allSatisfy({ $0 > 0 && $0 < 1 }), zip(levels, levels.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw ByteReader.damaged
    }
    knots = LevelKnots(levels, most: Boost.mostKnots)
    let width = try reader.readInt()
    guard width == knots.knots.count else { throw ByteReader.damaged }
    binning = try FeatureBinning(decoding: &reader)
    let exponent = try reader.readInt()
    let numbers = try reader.readArray(of: Double.self)
    guard numbers.count == 4, numbers.allSatisfy(\.isFinite), numbers[1] >= 0, numbers[2] <= numbers[3], abs(numbers[0]) <= 2,
      numbers[1] <= 4, (-1999...1999).contains(exponent)
    else { throw ByteReader.damaged }
    scale = ResponseScale(exponent: exponent, centre: numbers[0], spread: numbers[1], least: numbers[2], greatest: numbers[3])
    start = try reader.readArray(of: Float.self)
    rows = try reader.readCounter()
    trainingLoss = try reader.readDouble()
    let count = try reader.readInt()
    guard start.count == width, trainingLoss.isFinite, start.allSatisfy({ abs($0) <= 1e16 }), rows >= 1, count >= 0, count <= 1_000_000 else {
      throw ByteReader.damaged
    }
    var trees: [BoostedTree] = []
    for _ in 0..<count {
      let tests = try reader.readArray(of: UInt32.self)
      let codes = try reader.readArray(of: UInt16.self)
      let steps = try reader.readArray(of: Float.self)
      let tree = try FittedBoost.tree(tests, codes, columns: binning.columns.count)
      guard steps.count == tree.leafCount * width, steps.allSatisfy({ abs($0) <= 1e16 }) else { throw ByteReader.damaged }
      trees.append(BoostedTree(tree: tree, steps: steps))
    }
    self.trees = trees
  }

  private static func tree(_ tests: [UInt32], _ codes: [UInt16], columns: Int) throws -> Tree {
    guard tests.count == codes.count, tests.count < Int32.max else { throw ByteReader.damaged }
    var nodes: [Tree.Node] = []
    var leaves = 0
    // Splits that still wait for their right child.
    var waiting: [Int] = []
    for (test, code) in zip(tests, codes) {
      if test > 0 {
        let missingRight = (test - 1) & 1 == 1
        guard Int((test - 1) >> 1) < columns, code > 0 || !missingRight else { throw ByteReader.damaged }
        waiting.append(nodes.count)
        nodes.append(.split(feature: Int((test - 1) >> 1), code: code, missingRight: missingRight))
      } else {
        nodes.append(.leaf(leaves))
        leaves += 1
        guard let parent = waiting.popLast() else {
          guard nodes.count == tests.count else { throw ByteReader.damaged }
          return Tree(nodes: nodes, leafCount: leaves)
        }
        nodes[parent].right = Int32(nodes.count)
      }
    }
    throw ByteReader.damaged
  }
}
