/// The training rows of each leaf of a tree, by response rank.
struct TreeMembers: Sendable {
  /// Leaf ℓ holds `ranks[starts[ℓ]..<starts[ℓ + 1]]`, increasing; every leaf holds some.
  var starts: [Int32]
  var ranks: [Int32]

  /// Sends all training rows, in the order of their responses, down the tree.
  init(_ tree: Tree, codes: [UInt16], rows: Int, columns: Int) {
    var leaves = [Int32](repeating: 0, count: rows)
    codes.withUnsafeBufferPointer { codes in
      leaves.withUnsafeMutableBufferPointer { leaves in
        if tree.nodes.count > 1 { tree.findLeaves(codes: codes.baseAddress!, rows: rows, columns: columns, into: leaves.baseAddress!) }
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

/// The training rows of each leaf of all trees, in one piece, so that reaching one costs one step.
struct LeafMembers: Sendable {
  private(set) var ranks: [Int32] = []
  /// Of each tree, where its first rank stands.
  private(set) var offsets: [Int] = []
  private(set) var starts: [[Int32]] = []

  init(_ trees: [TreeMembers]) {
    self.init(reserving: trees.reduce(0) { $0 + $1.ranks.count })
    for tree in trees { append(tree) }
  }

  /// No tree yet, and room for `ranks` ranks: what is added tree by tree is held once.
  init(reserving ranks: Int) { self.ranks.reserveCapacity(ranks) }

  mutating func append(_ tree: TreeMembers) {
    offsets.append(ranks.count)
    starts.append(tree.starts)
    ranks += tree.ranks
  }

  subscript(tree: Int, leaf: Int) -> ArraySlice<Int32> {
    ranks[offsets[tree] + Int(starts[tree][leaf])..<offsets[tree] + Int(starts[tree][leaf + 1])]
  }
}
