/// A point and its squared distance from a query.
package struct Neighbour {
  package var distance: Double
  package var index: Int32

  /// Nearer, or as near with a smaller index.
  @inline(__always) static func precedes(_ a: Neighbour, _ b: Neighbour) -> Bool {
    a.distance < b.distance || (a.distance == b.distance && a.index < b.index)
  }
}

/// Finds the nearest of n points, exactly.
///
/// A point has `numbers` coordinates and then codes of categories. The squared distance is Σ_c (x_c − z_c)² over the numbers plus
/// `mismatch[c]` for each code that differs, summed in the order of the columns. Points at the same distance are taken in the order of their
/// indices. So all ways to search find the same.
package protocol NeighbourSearch: Sendable {
  /// Gives `body` each query's place and its min(k, n) nearest points, nearest first, for `count` queries row after row at `queries`. With
  /// `excluding` the query at place i does not find point `excluding` + i, which there is.
  func findNearest(_ k: Int, to queries: UnsafePointer<Double>, count: Int, excluding: Int?, _ body: (Int, [Neighbour]) -> Void)
}

/// Puts `item` in place of the last of a heap whose root precedes no other.
@inline(__always)
func replaceRoot(_ heap: UnsafeMutableBufferPointer<Neighbour>, by item: Neighbour) {
  var hole = 0
  let count = heap.count
  while true {
    var child = 2 * hole + 1
    if child >= count { break }
    if child + 1 < count && Neighbour.precedes(heap[child], heap[child + 1]) { child += 1 }
    if !Neighbour.precedes(item, heap[child]) { break }
    heap[hole] = heap[child]
    hole = child
  }
  heap[hole] = item
}

/// The search that is likely the faster for points like these.
///
/// A tree looks at few points where they fill few dimensions, however many columns they have, and at nearly all of them in some ten dimensions and
/// more. A point costs it about four times what it costs a scan, so a scan is taken where the tree looks at over a quarter of the points for the 32
/// nearest of some of them. Below eight numbers no tree is as slow as that where there are many points.
func neighbourSearch(_ coordinates: [Double], count: Int, numbers: Int, mismatch: [Double]) -> any NeighbourSearch {
  let tree = NeighbourTree(coordinates: coordinates, count: count, numbers: numbers, mismatch: mismatch)
  guard numbers >= 8 else { return tree }
  let columns = numbers + mismatch.count
  let queries = min(count, 32)
  let sample = (0..<queries).flatMap { coordinates[$0 * columns..<($0 + 1) * columns] }
  let seen = sample.withUnsafeBufferPointer { tree.pointsSeen(findingNearest: 32, to: $0.baseAddress!, count: queries) }
  return 4 * seen < queries * count ? tree : NeighbourScan(coordinates: coordinates, count: count, numbers: numbers, mismatch: mismatch)
}
