import Groundwork
import MethodKit

/// Forests in model files: whole numbers of seven bits a byte, since most of them are small.
///
/// A tree is its nodes in preorder. A split is 1 + 2 · feature + (0 or 1: missing values go right), then its code. A leaf is
/// 0, the number of its ranks, the first rank, and the steps between the ranks. No child index is stored, so none can be wrong.
extension FittedForest {
  package func encode(into writer: inout ByteWriter) {
    writer.write(levels)
    binning.encode(into: &writer)
    writer.write(responses)
    writer.write(weights ?? [])
    writer.write(members.starts.count)
    for (t, tree) in trees.enumerated() {
      var bytes: [UInt8] = []
      for node in tree.nodes {
        if node.isLeaf {
          let ranks = members[t, node.leaf]
          bytes.appendSevenBits(0)
          bytes.appendSevenBits(UInt64(ranks.count))
          var previous: Int32 = 0
          for rank in ranks {
            bytes.appendSevenBits(UInt64(rank - previous))
            previous = rank
          }
        } else {
          bytes.appendSevenBits(1 + UInt64(node.test))
          bytes.appendSevenBits(UInt64(node.code))
        }
      }
      writer.write(bytes)
    }
  }

  package func fits(_ features: FeatureTable, levels: [Double]) -> Bool { self.levels == levels && binning.fits(features) }

  package init(decoding reader: inout ByteReader) throws {
    let levels = try reader.readArray(of: Double.self)
    guard levels.allSatisfy({ $0 > 0 && $0 < 1 }), zip(levels, levels.dropFirst()).allSatisfy({ $0 < $1 }) else { throw ByteReader.damaged }
    let binning = try FeatureBinning(decoding: &reader)
    let responses = try reader.readArray(of: Double.self)
    guard !responses.isEmpty, responses.count <= LeafFinder.mostLeaves, binning.columns.count <= LeafFinder.mostColumns,
      responses.allSatisfy(\.isFinite),
      zip(responses, responses.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw ByteReader.damaged }
    let weights = try reader.readArray(of: Double.self)
    guard weights.isEmpty || weights.count == responses.count, weights.allSatisfy({ $0 >= ForestPlan.leastWeight && $0 <= 1 }) else {
      throw ByteReader.damaged
    }
    let count = try reader.readInt()
    guard count >= 1 else { throw ByteReader.damaged }
    var finders: [LeafFinder] = []
    // Each rank takes a byte at least.
    let (all, isOver) = count.multipliedReportingOverflow(by: responses.count)
    var members = LeafMembers(reserving: isOver ? reader.remaining : min(all, reader.remaining))
    for _ in 0..<count {
      var bytes = SevenBitReader(try reader.readArray(of: UInt8.self))
      let (tree, leaves) = try FittedForest.decodeTree(&bytes, columns: binning.columns.count, responses: responses.count)
      finders.append(LeafFinder(tree))
      members.append(leaves)
    }
    self.init(
      levels: levels, binning: binning, responses: responses, weights: weights.isEmpty ? nil : weights, finders: finders, members: members)
  }

  private static func decodeTree(_ bytes: inout SevenBitReader, columns: Int, responses: Int) throws -> (Tree, TreeMembers) {
    var nodes: [Tree.Node] = []
    var starts: [Int32] = [0]
    var ranks: [Int32] = []
    ranks.reserveCapacity(min(responses, bytes.remaining))
    // Splits that still wait for their right child.
    var waiting: [Int] = []
    while true {
      guard nodes.count < Int32.max - 1 else { throw ByteReader.damaged }
      let test = try bytes.next()
      if test > 0 {
        let code = try bytes.next()
        let missingRight = (test - 1) & 1 == 1
        guard (test - 1) >> 1 < UInt64(columns), code <= UInt64(FeatureBinning.largestCode), code > 0 || !missingRight else {
          throw ByteReader.damaged
        }
        waiting.append(nodes.count)
        nodes.append(.split(feature: Int((test - 1) >> 1), code: UInt16(code), missingRight: missingRight))
        continue
      }
      nodes.append(.leaf(starts.count - 1))
      let size = try bytes.next()
      // Each row is in one leaf, so that no damage makes a tree larger than its training set.
      guard size >= 1, size <= UInt64(responses - ranks.count) else { throw ByteReader.damaged }
      var rank: UInt64 = 0
      for k in 0..<size {
        let step = try bytes.next()
        guard k == 0 || step > 0, step < UInt64(responses), rank + step < UInt64(responses) else { throw ByteReader.damaged }
        rank += step
        ranks.append(Int32(rank))
      }
      starts.append(Int32(ranks.count))
      guard let parent = waiting.popLast() else { break }
      nodes[parent].right = Int32(nodes.count)
    }
    guard bytes.isAtEnd else { throw ByteReader.damaged }
    return (Tree(nodes: nodes, leafCount: starts.count - 1), TreeMembers(starts: starts, ranks: ranks))
  }
}

extension [UInt8] {
  /// Seven bits a byte, the lowest first; the top bit says that more follow.
  fileprivate mutating func appendSevenBits(_ value: UInt64) {
    var rest = value
    while rest >= 128 {
      append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

private struct SevenBitReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }
  var remaining: Int { bytes.count - position }

  /// A number under 2³⁵, which holds all that is written here.
  mutating func next() throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 35, by: 7) {
      guard position < bytes.count else { throw ByteReader.damaged }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return value }
    }
    throw ByteReader.damaged
  }
}
