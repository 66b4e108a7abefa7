/// `NeighbourSearch` through a k-d tree (Friedman, Bentley and Finkel 1977) whose nodes know the box of their points. Box distances are rounded as
/// point distances are, and rounding is monotone: no point is lost to it.
///
/// Cost: O(n · log n) to build; a query looks at all points at worst and at few of them in few dimensions.
package struct NeighbourTree: NeighbourSearch {
  private struct Node {
    var first: Int
    var count: Int
    /// The child nodes; −1 in a leaf.
    var left: Int
    var right: Int
  }

  static let leafSize = 48

  let count: Int
  let columns: Int
  let numbers: Int
  let mismatch: [Double]
  /// Points in tree order, the columns of a leaf one after the other.
  private var points: [Double]
  /// Index of each point in tree order.
  private var indices: [Int32]
  private var nodes: [Node] = []
  /// Per node the least, then the greatest of each number.
  private var boxes: [Double] = []

  /// `coordinates` is n × (numbers + mismatch.count), row-major and finite, n at least one; squares must not overflow.
  package init(coordinates: [Double], count: Int, numbers: Int, mismatch: [Double]) {
    let columns = numbers + mismatch.count
    precondition(coordinates.count == count * columns && count > 0)
    self.count = count
    self.columns = columns
    self.numbers = numbers
    self.mismatch = mismatch
    indices = (0..<count).map { Int32($0) }
    points = [Double](repeating: 0, count: coordinates.count)
    var keys = [Neighbour](repeating: Neighbour(distance: 0, index: 0), count: count)

    // Nodes wait in a list of their own; a parent stands before its children.
    nodes.append(Node(first: 0, count: count, left: -1, right: -1))
    var next = 0
    while next < nodes.count {
      let node = nodes[next]
      var widest = -1
      var width = 0.0
      let box = boxes.count
      boxes.append(contentsOf: repeatElement(0, count: 2 * numbers))
      boxes.withUnsafeMutableBufferPointer { boxes in
        coordinates.withUnsafeBufferPointer { coordinates in
          for c in 0..<numbers {
            boxes[box + 2 * c] = .infinity
            boxes[box + 2 * c + 1] = -.infinity
          }
          // A point after the other: its numbers lie side by side.
          for i in node.first..<node.first + node.count {
            let point = Int(indices[i]) * columns
            for c in 0..<numbers {
              let x = coordinates[point + c]
              if x < boxes[box + 2 * c] { boxes[box + 2 * c] = x }
              if x > boxes[box + 2 * c + 1] { boxes[box + 2 * c + 1] = x }
            }
          }
          for c in 0..<numbers where boxes[box + 2 * c + 1] - boxes[box + 2 * c] > width {
            width = boxes[box + 2 * c + 1] - boxes[box + 2 * c]
            widest = c
          }
        }
      }
      if node.count > NeighbourTree.leafSize && widest >= 0 {
        for i in node.first..<node.first + node.count {
          keys[i] = Neighbour(distance: coordinates[Int(indices[i]) * columns + widest], index: indices[i])
        }
        let half = node.count / 2
        keys.withUnsafeMutableBufferPointer { partition(UnsafeMutableBufferPointer(rebasing: $0[node.first..<node.first + node.count]), at: half) }
        for i in node.first..<node.first + node.count { indices[i] = keys[i].index }
        nodes[next].left = nodes.count
        nodes[next].right = nodes.count + 1
        nodes.append(Node(first: node.first, count: half, left: -1, right: -1))
        nodes.append(Node(first: node.first + half, count: node.count - half, left: -1, right: -1))
      } else {
        for i in 0..<node.count {
          for c in 0..<columns {
            points[node.first * columns + c * node.count + i] = coordinates[Int(indices[node.first + i]) * columns + c]
          }
        }
      }
      next += 1
    }
  }

  package func findNearest(_ k: Int, to queries: UnsafePointer<Double>, count queryCount: Int, excluding: Int?, _ body: (Int, [Neighbour]) -> Void) {
    var scratch = Scratch()
    for q in 0..<queryCount {
      findNearest(k, to: queries + q * columns, excluding: excluding.map { $0 + q } ?? -1, scratch: &scratch)
      body(q, scratch.found)
    }
  }

  /// How many distances it takes to find the k nearest points of these queries.
  func pointsSeen(findingNearest k: Int, to queries: UnsafePointer<Double>, count queryCount: Int) -> Int {
    var scratch = Scratch()
    for q in 0..<queryCount { findNearest(k, to: queries + q * columns, excluding: -1, scratch: &scratch) }
    return scratch.seen
  }

  /// Memory that queries share.
  private struct Scratch {
    /// What was found, nearest first.
    var found: [Neighbour] = []
    /// Distances that all queries took.
    var seen = 0
    var distances: [Double] = []
    var waiting: [(node: Int, distance: Double)] = []
  }

  private func findNearest(_ k: Int, to query: UnsafePointer<Double>, excluding excluded: Int, scratch: inout Scratch) {
    let wanted = min(k, excluded >= 0 ? count - 1 : count)
    scratch.found.removeAll(keepingCapacity: true)
    scratch.waiting.removeAll(keepingCapacity: true)
    guard wanted > 0 else { return }
    let largest = nodes.reduce(0) { $1.left < 0 ? max($0, $1.count) : $0 }
    if scratch.distances.count < largest { scratch.distances = [Double](repeating: 0, count: largest) }
    scratch.found.append(contentsOf: repeatElement(Neighbour(distance: .infinity, index: .max), count: wanted))
    scratch.waiting.append((0, 0))
    while let (place, bound) = scratch.waiting.popLast() {
      if bound > scratch.found[0].distance { continue }
      let node = nodes[place]
      if node.left >= 0 {
        let left = boxDistance(node.left, query)
        let right = boxDistance(node.right, query)
        let leftFirst = left <= right
        let (near, nearDistance) = leftFirst ? (node.left, left) : (node.right, right)
        let (far, farDistance) = leftFirst ? (node.right, right) : (node.left, left)
        if farDistance <= scratch.found[0].distance { scratch.waiting.append((far, farDistance)) }
        if nearDistance <= scratch.found[0].distance { scratch.waiting.append((near, nearDistance)) }
      } else {
        scratch.seen += node.count
        scratch.distances.withUnsafeMutableBufferPointer { distances in
          measure(node, query, into: distances.baseAddress!)
          scratch.found.withUnsafeMutableBufferPointer { heap in
            for i in 0..<node.count where distances[i] <= heap[0].distance {
              let candidate = Neighbour(distance: distances[i], index: indices[node.first + i])
              if Int(candidate.index) != excluded && Neighbour.precedes(candidate, heap[0]) { replaceRoot(heap, by: candidate) }
            }
          }
        }
      }
    }
    scratch.found.sort(by: Neighbour.precedes)
  }

  /// No point of the node's box is nearer.
  @inline(__always) private func boxDistance(_ node: Int, _ query: UnsafePointer<Double>) -> Double {
    boxes.withUnsafeBufferPointer { boxes in
      var sum = 0.0
      guard let box = boxes.baseAddress.map({ $0 + node * 2 * numbers }) else { return sum }
      for c in 0..<numbers {
        let below = box[2 * c] - query[c]
        let above = query[c] - box[2 * c + 1]
        let outside = below > above ? (below > 0 ? below : 0) : (above > 0 ? above : 0)
        sum += outside * outside
      }
      return sum
    }
  }

  /// The distances of a leaf's points, a column after the other.
  @inline(__always) private func measure(_ leaf: Node, _ query: UnsafePointer<Double>, into d: UnsafeMutablePointer<Double>) {
    let size = leaf.count
    for i in 0..<size { d[i] = 0 }
    points.withUnsafeBufferPointer { points in
      guard var x = points.baseAddress.map({ $0 + leaf.first * columns }) else { return }
      for c in 0..<numbers {
        let z = query[c]
        for i in 0..<size {
          let difference = x[i] - z
          d[i] += difference * difference
        }
        x += size
      }
      for c in numbers..<columns {
        let z = query[c]
        let penalty = mismatch[c - numbers]
        for i in 0..<size { d[i] += x[i] == z ? 0 : penalty }
        x += size
      }
    }
  }
}

/// Reorders so that no item before `middle` comes after one from `middle` on. Items are distinct, so the sets are unique.
private func partition(_ items: UnsafeMutableBufferPointer<Neighbour>, at middle: Int) {
  typealias Item = Neighbour
  var low = 0
  var high = items.count - 1
  var rounds = 4 * (Int.bitWidth - items.count.leadingZeroBitCount)
  while low < high {
    if rounds == 0 {
      var rest = UnsafeMutableBufferPointer(rebasing: items[low...high])
      rest.sort(by: Item.precedes)
      return
    }
    rounds -= 1
    var trio = (items[low], items[(low + high) / 2], items[high])
    if Item.precedes(trio.1, trio.0) { swap(&trio.0, &trio.1) }
    if Item.precedes(trio.2, trio.1) { trio.1 = Item.precedes(trio.2, trio.0) ? trio.0 : trio.2 }
    let pivot = trio.1
    var i = low
    var j = high
    while i <= j {
      while Item.precedes(items[i], pivot) { i += 1 }
      while Item.precedes(pivot, items[j]) { j -= 1 }
      if i <= j {
        items.swapAt(i, j)
        i += 1
        j -= 1
      }
    }
    if middle <= j { high = j } else if middle >= i { low = i } else { return }
  }
}
