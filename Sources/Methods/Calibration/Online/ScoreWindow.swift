import Groundwork

/// The last w scores, in the order of time and by size at once.
///
/// A treap (Seidel and Aragon 1996, "Randomized search trees") with the sizes of its subtrees, whose nodes are the places of a ring:
/// the oldest score's place is the newest one's. Priorities are a fixed hash of the place. Adding a score, the score of a rank and the rank of
/// a score are O(log w) expected, and no result depends on the tree's shape. 24 bytes a score.
public struct ScoreWindow: BinaryCodable, Sendable {
  private struct Node {
    var score: Double
    var left: Int32 = -1
    var right: Int32 = -1
    var count: Int32 = 1
    let priority: UInt32

    init(_ score: Double, place: Int) {
      self.score = score
      var z = UInt64(place) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      priority = UInt32(truncatingIfNeeded: z ^ (z >> 31))
    }
  }

  private typealias Nodes = UnsafeMutablePointer<Node>

  private var nodes: [Node] = []
  private var root: Int32 = -1
  /// Where the oldest score of a full window is.
  private var oldest = 0

  public init() {}

  public var count: Int { nodes.count }

  /// Adds the newest score, not NaN, in place of the oldest where there are `capacity` already.
  public mutating func append(_ score: Double, capacity: Int) {
    // No negative zero: which of two equal scores is found must not show.
    let score = score + 0
    var place = nodes.count
    let isFull = place >= capacity
    if isFull {
      place = oldest
      oldest = oldest + 1 == nodes.count ? 0 : oldest + 1
    } else {
      nodes.append(Node(score, place: place))
    }
    nodes.withUnsafeMutableBufferPointer {
      let nodes = $0.baseAddress!
      if isFull {
        ScoreWindow.remove(Int32(place), from: &root, nodes)
        nodes[place] = Node(score, place: place)
      }
      ScoreWindow.insert(Int32(place), into: &root, nodes)
    }
  }

  /// The `rank`-th smallest score, counted from 1. `rank` must be in 1 ... count.
  public func score(ofRank rank: Int) -> Double {
    precondition(rank >= 1 && rank <= nodes.count)
    return nodes.withUnsafeBufferPointer { nodes in
      var rest = Int32(rank)
      var place = root
      while true {
        let node = nodes[Int(place)]
        let below = node.left < 0 ? 0 : nodes[Int(node.left)].count
        if rest == below + 1 { return node.score }
        if rest <= below {
          place = node.left
        } else {
          rest -= below + 1
          place = node.right
        }
      }
    }
  }

  /// The number of scores below `score`.
  public func count(below score: Double) -> Int {
    nodes.withUnsafeBufferPointer { nodes in
      var found: Int32 = 0
      var place = root
      while place >= 0 {
        let node = nodes[Int(place)]
        if node.score < score {
          found += 1 + (node.left < 0 ? 0 : nodes[Int(node.left)].count)
          place = node.right
        } else {
          place = node.left
        }
      }
      return Int(found)
    }
  }

  // MARK: The tree, ordered by score and, among equals, by place

  @inline(__always)
  private static func isBefore(_ a: Int32, _ b: Int32, _ nodes: Nodes) -> Bool {
    let (x, y) = (nodes[Int(a)].score, nodes[Int(b)].score)
    return x < y || x == y && a < b
  }

  @inline(__always)
  private static func recount(_ place: Int32, _ nodes: Nodes) {
    let node = nodes[Int(place)]
    nodes[Int(place)].count = 1 + (node.left < 0 ? 0 : nodes[Int(node.left)].count) + (node.right < 0 ? 0 : nodes[Int(node.right)].count)
  }

  private static func insert(_ new: Int32, into root: inout Int32, _ nodes: Nodes) {
    let priority = nodes[Int(new)].priority
    func descend(_ place: inout Int32) {
      guard place >= 0, nodes[Int(place)].priority >= priority else {
        (nodes[Int(new)].left, nodes[Int(new)].right) = split(place, at: new, nodes)
        recount(new, nodes)
        place = new
        return
      }
      nodes[Int(place)].count += 1
      if isBefore(new, place, nodes) { descend(&nodes[Int(place)].left) } else { descend(&nodes[Int(place)].right) }
    }
    descend(&root)
  }

  /// The subtree in two: what is before `pivot`, and the rest.
  private static func split(_ place: Int32, at pivot: Int32, _ nodes: Nodes) -> (Int32, Int32) {
    if place < 0 { return (-1, -1) }
    if isBefore(place, pivot, nodes) {
      let (low, high) = split(nodes[Int(place)].right, at: pivot, nodes)
      nodes[Int(place)].right = low
      recount(place, nodes)
      return (place, high)
    }
    let (low, high) = split(nodes[Int(place)].left, at: pivot, nodes)
    nodes[Int(place)].left = high
    recount(place, nodes)
    return (low, place)
  }

  private static func remove(_ old: Int32, from root: inout Int32, _ nodes: Nodes) {
    func descend(_ place: inout Int32) {
      if place == old {
        place = merged(nodes[Int(old)].left, nodes[Int(old)].right, nodes)
        return
      }
      nodes[Int(place)].count -= 1
      if isBefore(old, place, nodes) { descend(&nodes[Int(place)].left) } else { descend(&nodes[Int(place)].right) }
    }
    descend(&root)
  }

  /// One tree of two, all of `a` being before all of `b`.
  private static func merged(_ a: Int32, _ b: Int32, _ nodes: Nodes) -> Int32 {
    if a < 0 { return b }
    if b < 0 { return a }
    if nodes[Int(a)].priority >= nodes[Int(b)].priority {
      nodes[Int(a)].right = merged(nodes[Int(a)].right, b, nodes)
      recount(a, nodes)
      return a
    }
    nodes[Int(b)].left = merged(a, nodes[Int(b)].left, nodes)
    recount(b, nodes)
    return b
  }

  // MARK: Files

  /// Writes the scores from the oldest to the newest.
  public func encode(into writer: inout ByteWriter) { writer.write((0..<count).map { nodes[(oldest + $0) % count].score }) }

  public init(decoding reader: inout ByteReader) throws {
    let scores = try reader.readArray(of: Double.self)
    guard scores.count <= Int32.max, scores.allSatisfy({ !$0.isNaN }) else { throw ByteReader.damaged }
    nodes.reserveCapacity(scores.count)
    for score in scores { append(score, capacity: scores.count) }
  }
}
