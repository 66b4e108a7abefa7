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
    static func split(feature: Int, code: UInt16, missingRight: Bool) -> Node {
      // Where missing (0) goes right, codes are compared less one, which wraps it round to the largest code.
      Node(test: UInt32(feature) << 1 | (missingRight ? 1 : 0), cut: code &- (missingRight ? 1 : 0), right: 0)
    }

    static func leaf(_ leaf: Int) -> Node { Node(test: 0, cut: 0, right: Int32(-1 - leaf)) }

    package var isLeaf: Bool { right < 0 }
    package var leaf: Int { Int(-1 - right) }
    package var feature: Int { Int(test >> 1) }
    package var missingRight: Bool { test & 1 == 1 }
    package var code: UInt16 { cut &+ UInt16(truncatingIfNeeded: test & 1) }

    @inline(__always)
    func sendsLeft(_ codes: UnsafePointer<UInt16>) -> Bool {
      codes[Int(test >> 1)] &- UInt16(truncatingIfNeeded: test & 1) <= cut
    }
  }

  package var nodes: [Node]
  var leafCount: Int

  /// The leaf of each of `rows` rows of `columns` codes: `leaves[i · stride]`.
  /// Cost: rows × depth. Rows go down four abreast, because each step waits for the one before.
  func findLeaves(
    codes: UnsafePointer<UInt16>, rows: Int, columns: Int, into leaves: UnsafeMutablePointer<Int32>, stride: Int
  ) {
    nodes.withUnsafeBufferPointer { buffer in
      let nodes = buffer.baseAddress!
      func step(_ at: inout Int, _ row: UnsafePointer<UInt16>) -> Bool {
        let node = nodes[at]
        if node.right < 0 { return false }
        at = node.sendsLeft(row) ? at + 1 : Int(node.right)
        return true
      }
      var i = 0
      while i + 4 <= rows {
        let r0 = codes + i * columns, r1 = r0 + columns, r2 = r1 + columns, r3 = r2 + columns
        var a = 0, b = 0, c = 0, d = 0
        while true {
          let moved0 = step(&a, r0), moved1 = step(&b, r1), moved2 = step(&c, r2), moved3 = step(&d, r3)
          if !(moved0 || moved1 || moved2 || moved3) { break }
        }
        leaves[i * stride] = -1 - nodes[a].right
        leaves[(i + 1) * stride] = -1 - nodes[b].right
        leaves[(i + 2) * stride] = -1 - nodes[c].right
        leaves[(i + 3) * stride] = -1 - nodes[d].right
        i += 4
      }
      while i < rows {
        var at = 0
        while step(&at, codes + i * columns) {}
        leaves[i * stride] = -1 - nodes[at].right
        i += 1
      }
    }
  }
}
