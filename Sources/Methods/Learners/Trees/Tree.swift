/// A binary tree over coded features. It knows which leaf a row falls into, not what the leaf answers.
package struct Tree: Sendable {
  /// Nodes stand in preorder, so a node's left child is the next one.
  package struct Node: Sendable {
    /// 2 · feature, plus 1 where missing values go right.
    var test: UInt32
    var cut: UInt16
    /// The right child, or −1 − leaf.
    package var right: Int32

    /// Rows with codes from 1 to `code` go left.
    static func split(feature: Int, code: UInt16, missingRight: Bool, right: Int32 = 0) -> Node {
      // Where missing (0) goes right, codes are compared less one, which wraps it round to the largest code.
      Node(test: UInt32(feature) << 1 | (missingRight ? 1 : 0), cut: code &- (missingRight ? 1 : 0), right: right)
    }

    static func leaf(_ leaf: Int) -> Node { Node(test: 0, cut: 0, right: Int32(-1 - leaf)) }

    package var isLeaf: Bool { right < 0 }
    package var leaf: Int { Int(-1 - right) }
    package var feature: Int { Int(test >> 1) }
    package var missingRight: Bool { test & 1 == 1 }
    package var code: UInt16 { cut &+ UInt16(truncatingIfNeeded: test & 1) }

    /// Where a row goes from here, this being node `position`. Of no use for a leaf.
    @inline(__always)
    func next(_ position: Int, _ codes: UnsafePointer<UInt16>) -> Int {
      // By a mask of all bits or none, because a compiler is free to make branches of conditions.
      let left = ~((Int(cut) &- Int(codes[Int(test >> 1)] &- UInt16(truncatingIfNeeded: test & 1))) >> (Int.bitWidth - 1))
      let right = Int(self.right)
      return right ^ ((right ^ (position &+ 1)) & left)
    }
  }

  package var nodes: [Node]
  var leafCount: Int

  /// The leaf of each of `rows` rows of `columns` row-major codes. Cost: rows × depth.
  func findLeaves(codes: UnsafePointer<UInt16>, rows: Int, columns: Int, into leaves: UnsafeMutablePointer<Int32>) {
    // Rows go down abreast, a level a pass, because each step of one waits for the step before, and without branches, because none
    // could be foreseen. Those that have arrived drop out. A block of rows stays in cache with its codes.
    let block = 1024
    withUnsafeTemporaryAllocation(of: (row: Int32, node: Int32).self, capacity: min(rows, block)) { places in
      nodes.withUnsafeBufferPointer { buffer in
        let (nodes, places) = (buffer.baseAddress!, places.baseAddress!)
        for first in stride(from: 0, to: rows, by: block) {
          var under = min(block, rows - first)
          for i in 0..<under { places[i] = (Int32(truncatingIfNeeded: first + i), 0) }
          while under > 0 {
            var kept = 0
            for k in 0..<under {
              let (row, at) = (Int(places[k].row), Int(places[k].node))
              let node = nodes[at]
              // Its last visit is to its leaf.
              leaves[row] = ~node.right
              places[kept] = (Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: node.next(at, codes + row &* columns)))
              kept &+= 1 &+ Int(node.right >> 31)
            }
            under = kept
          }
        }
      }
    }
  }
}
