/// A node of a growing tree: a range of the grower's row slots.
struct GrowthTask {
  let range: Range<Int>
  let depth: Int
  /// The node whose right child this is, or −1.
  fileprivate let parent: Int
}

extension Tree {
  /// Grows a tree over `slots` rows in preorder. `divide` splits a node and brings its rows to the sides, left ones before
  /// `middle`; nil makes the node a leaf. Both sides must have rows.
  static func growInPreorder(slots: Int, _ divide: (GrowthTask) -> (node: Node, middle: Int)?) -> Tree {
    var nodes: [Node] = []
    var leafCount = 0
    var tasks = [GrowthTask(range: 0..<slots, depth: 0, parent: -1)]
    while let task = tasks.popLast() {
      if task.parent >= 0 { nodes[task.parent].right = Int32(nodes.count) }
      guard let (node, middle) = divide(task) else {
        nodes.append(.leaf(leafCount))
        leafCount += 1
        continue
      }
      let position = nodes.count
      nodes.append(node)
      tasks.append(GrowthTask(range: middle..<task.range.upperBound, depth: task.depth + 1, parent: position))
      tasks.append(GrowthTask(range: task.range.lowerBound..<middle, depth: task.depth + 1, parent: -1))
    }
    return Tree(nodes: nodes, leafCount: leafCount)
  }
}
