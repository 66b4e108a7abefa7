/// A tree laid out for finding leaves fast: eight bytes a node, siblings side by side.
///
/// A step is to the left sibling plus one where the row goes right, so it takes a dozen instructions and many rows' steps, which mostly wait
/// for memory, are under way at once. A leaf steps to itself.
struct LeafFinder: Sendable {
  /// From the lowest bit: 16 bits of the cut, one where missing values go right, 20 of the feature, 27 of the left child's position.
  private typealias Node = UInt64

  /// Trees with more leaves, or over more columns, do not fit the bits.
  static let mostLeaves = 1 << 26
  static let mostColumns = 1 << 20

  private var nodes: [Node]
  /// The leaf at each node's position, −1 for splits.
  private var leafOf: [Int32]
  let leafCount: Int

  var memory: Int { nodes.count * (MemoryLayout<Node>.stride + MemoryLayout<Int32>.stride) }

  init(_ tree: Tree) {
    precondition(tree.leafCount <= LeafFinder.mostLeaves)
    leafCount = tree.leafCount
    nodes = [Node](repeating: 0, count: tree.nodes.count)
    leafOf = [Int32](repeating: -1, count: tree.nodes.count)
    // Where the node goes; the root is alone, all others come in pairs.
    var position = [Int32](repeating: 0, count: tree.nodes.count)
    var free = 1
    for (i, node) in tree.nodes.enumerated() {
      let at = Int(position[i])
      if node.isLeaf {
        // No code lies above the largest cut.
        nodes[at] = Node(UInt16.max) | Node(at) << 37
        leafOf[at] = Int32(node.leaf)
      } else {
        nodes[at] = Node(node.cut) | Node(node.test) << 16 | Node(free) << 37
        position[i + 1] = Int32(free)
        position[Int(node.right)] = Int32(free + 1)
        free += 2
      }
    }
  }

  /// The tree as it was before.
  var tree: Tree {
    var result: [Tree.Node] = []
    result.reserveCapacity(nodes.count)
    // Right children that wait, with their parents' places in the result.
    var waiting: [(position: Int, parent: Int)] = []
    var at = 0
    while true {
      if leafOf[at] < 0 {
        let node = nodes[at]
        waiting.append((Int(node >> 37) + 1, result.count))
        result.append(Tree.Node(test: UInt32(node >> 16 & 0x1F_FFFF), cut: UInt16(truncatingIfNeeded: node), right: 0))
        at = Int(node >> 37)
        continue
      }
      result.append(.leaf(Int(leafOf[at])))
      guard let next = waiting.popLast() else { return Tree(nodes: result, leafCount: leafCount) }
      result[next.parent].right = Int32(result.count)
      at = next.position
    }
  }

  /// The leaf of each of `rows` rows of `columns` row-major codes, fewer than 2³¹ in all. Cost: rows × depth.
  func findLeaves(codes: UnsafePointer<UInt16>, rows: Int, columns: Int, into leaves: UnsafeMutablePointer<Int32>) {
    precondition(rows * columns <= Int32.max)
    guard nodes.count > 1 else { return leaves.update(repeating: 0, count: rows) }
    // Rows go down abreast, a level a pass, because each step of one waits for the step before. Those that have arrived drop out.
    withUnsafeTemporaryAllocation(of: (row: Int32, first: Int32, node: Int32).self, capacity: rows) { places in
      nodes.withUnsafeBufferPointer { nodes in
        leafOf.withUnsafeBufferPointer { leafOf in
          // Where many rows will come by nearly all nodes in a random order, one look at them in theirs fetches them for less.
          if rows >= nodes.count / 64 { fetch(nodes, leafOf) }
          let (nodes, leafOf, places) = (nodes.baseAddress!, leafOf.baseAddress!, places.baseAddress!)
          for i in 0..<rows { places[i] = (Int32(truncatingIfNeeded: i), Int32(truncatingIfNeeded: i &* columns), 0) }
          var under = rows
          while under > 0 {
            for _ in 0..<4 {
              for k in 0..<under {
                let node = nodes[Int(places[k].node)]
                let code = codes[Int(places[k].first) &+ Int(node >> 17 & 0xF_FFFF)] &- UInt16(truncatingIfNeeded: node >> 16 & 1)
                // By a carry, because a compiler is free to make branches of conditions.
                let right = (Int(node & 0xFFFF) &- Int(code)) >> (Int.bitWidth - 1)
                places[k].node = Int32(truncatingIfNeeded: Int(node >> 37) &- right)
              }
            }
            var kept = 0
            for k in 0..<under {
              let place = places[k]
              let leaf = leafOf[Int(place.node)]
              leaves[Int(place.row)] = leaf
              places[kept] = place
              kept &-= Int(leaf >> 31)
            }
            under = kept
          }
        }
      }
    }
  }
}

/// Brings two arrays into the processor's cache.
@inline(never)
private func fetch(_ nodes: UnsafeBufferPointer<UInt64>, _ leafOf: UnsafeBufferPointer<Int32>) {
  var sum: UInt64 = 0
  for i in stride(from: 0, to: nodes.count, by: 8) { sum |= nodes[i] }
  var least: Int32 = 0
  for i in stride(from: 0, to: leafOf.count, by: 16) { least = min(least, leafOf[i]) }
  precondition(sum > 0 && least >= -1)
}
