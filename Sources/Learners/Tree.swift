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

    /// Where a row goes from here, this being node `position`: a leaf sends it nowhere.
    @inline(__always)
    func next(_ position: Int, _ codes: UnsafePointer<UInt16>) -> Int {
      // By masks of all bits or none, because a compiler is free to make branches of conditions.
      let left = ~((Int(cut) &- Int(codes[Int(test >> 1)] &- UInt16(truncatingIfNeeded: test & 1))) >> (Int.bitWidth - 1))
      let right = Int(self.right)
      let child = right ^ ((right ^ (position &+ 1)) & left)
      return child ^ ((child ^ position) & (right >> (Int.bitWidth - 1)))
    }
  }

  package var nodes: [Node]
  var leafCount: Int

  /// The leaf of each of `rows` rows of `columns` row-major codes. Cost: rows × depth.
  func findLeaves(codes: UnsafePointer<UInt16>, rows: Int, columns: Int, into leaves: UnsafeMutablePointer<Int32>) {
    nodes.withUnsafeBufferPointer { buffer in
      let nodes = buffer.baseAddress!
      // Four rows go down abreast, because each step waits for the one before, and without branches, because none could be
      // foreseen. A row that has arrived stays where it is.
      var i = 0
      while i + 4 <= rows {
        let row0 = codes + i * columns
        let row1 = row0 + columns
        let row2 = row1 + columns
        let row3 = row2 + columns
        var at0 = 0
        var at1 = 0
        var at2 = 0
        var at3 = 0
        while true {
          let node0 = nodes[at0]
          let node1 = nodes[at1]
          let node2 = nodes[at2]
          let node3 = nodes[at3]
          if node0.right & node1.right & node2.right & node3.right < 0 {
            leaves[i] = -1 - node0.right
            leaves[i + 1] = -1 - node1.right
            leaves[i + 2] = -1 - node2.right
            leaves[i + 3] = -1 - node3.right
            break
          }
          at0 = node0.next(at0, row0)
          at1 = node1.next(at1, row1)
          at2 = node2.next(at2, row2)
          at3 = node3.next(at3, row3)
        }
        i += 4
      }
      while i < rows {
        var at = 0
        while nodes[at].right >= 0 { at = nodes[at].next(at, codes + i * columns) }
        leaves[i] = -1 - nodes[at].right
        i += 1
      }
    }
  }
}
