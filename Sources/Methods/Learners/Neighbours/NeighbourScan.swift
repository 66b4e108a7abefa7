import LinearAlgebra

/// `NeighbourSearch` that looks at all points: single precision products of a block of queries and a block of points bound the distances from below,
/// ‖x − z‖² = ‖x‖² + ‖z‖² − 2x·z less what rounding may have added, and only points that could be among the nearest are measured.
///
/// Cost: 2·n·numbers operations a query at the speed of a matrix product, and k·(1 + log(n / k)) distances.
package struct NeighbourScan: NeighbourSearch {
  private let count: Int
  private let columns: Int
  private let numbers: Int
  private let mismatch: [Double]
  /// Row-major.
  private let points: [Double]
  /// In blocks of `pointsABlock` points, each numbers × points with zeros behind the last.
  private let rounded: [Float]
  /// ‖x‖² less its part of the rounding; −∞ where it is too large to tell.
  private let bounds: [Float]
  /// What rounding adds at most, in units of ‖x‖² + ‖z‖²: that of p products and sums, of the coordinates, and of what they are compared with, twice.
  private let slack: Double

  private static let largestNorm = 1e37
  private static let queriesABlock = 32
  private static let pointsABlock = 1024
  /// Points between two looks at the farthest neighbour so far.
  private static let pointsALook = 128

  /// `coordinates` is n × (numbers + mismatch.count), row-major and finite, n at least one; squares must not overflow.
  package init(coordinates: [Double], count: Int, numbers: Int, mismatch: [Double]) {
    let columns = numbers + mismatch.count
    precondition(coordinates.count == count * columns && count > 0)
    let slack = Double(numbers + 8) * 0x1p-22
    self.count = count
    self.columns = columns
    self.numbers = numbers
    self.mismatch = mismatch
    self.slack = slack
    points = coordinates
    let size = NeighbourScan.pointsABlock
    var rounded = [Float](repeating: 0, count: (count + size - 1) / size * size * numbers)
    // Blocks of 16 are read whole.
    var bounds = [Float](repeating: 0, count: (count + 15) / 16 * 16)
    for i in 0..<count {
      var norm = 0.0
      for c in 0..<numbers {
        let x = coordinates[i * columns + c]
        rounded[(i / size * numbers + c) * size + i % size] = Float(x)
        norm += x * x
      }
      bounds[i] = norm < NeighbourScan.largestNorm ? Float(norm * (1 - slack)) : -.infinity
    }
    self.rounded = rounded
    self.bounds = bounds
  }

  package func findNearest(_ k: Int, to queries: UnsafePointer<Double>, count queryCount: Int, excluding: Int?, _ body: (Int, [Neighbour]) -> Void) {
    let wanted = min(k, excluding == nil ? count : count - 1)
    let size = NeighbourScan.queriesABlock
    var heaps = [Neighbour](repeating: Neighbour(distance: 0, index: 0), count: size * max(wanted, 0))
    let products = FloatElementwise.allocate(size * NeighbourScan.pointsABlock)
    let block = FloatElementwise.allocate(size * numbers)
    defer {
      products.deallocate()
      block.deallocate()
    }
    var found: [Neighbour] = []
    for first in stride(from: 0, to: queryCount, by: size) {
      let here = min(size, queryCount - first)
      if wanted > 0 {
        heaps.withUnsafeMutableBufferPointer { heaps in
          heaps.update(repeating: Neighbour(distance: .infinity, index: .max))
          scan(
            queries + first * columns, here, excluding: excluding.map { $0 + first }, wanted, heaps: heaps.baseAddress!, block: block,
            products: products)
        }
      }
      for q in 0..<here {
        found.removeAll(keepingCapacity: true)
        found.append(contentsOf: heaps[q * wanted..<(q + 1) * wanted])
        found.sort(by: Neighbour.precedes)
        body(first + q, found)
      }
    }
  }

  private func scan(
    _ queries: UnsafePointer<Double>, _ queryCount: Int, excluding: Int?, _ wanted: Int, heaps: UnsafeMutablePointer<Neighbour>,
    block: UnsafeMutablePointer<Float>, products: UnsafeMutablePointer<Float>
  ) {
    var norms = [Double](repeating: 0, count: queryCount)
    for q in 0..<queryCount {
      for c in 0..<numbers {
        let z = queries[q * columns + c]
        block[q * numbers + c] = Float(z)
        norms[q] += z * z
      }
    }
    var places = [Int32](repeating: 0, count: NeighbourScan.pointsALook)
    points.withUnsafeBufferPointer { points in
      rounded.withUnsafeBufferPointer { rounded in
        bounds.withUnsafeBufferPointer { bounds in
          places.withUnsafeMutableBufferPointer { places in
            for first in stride(from: 0, to: count, by: NeighbourScan.pointsABlock) {
              let size = min(NeighbourScan.pointsABlock, count - first)
              // Where no column is a number the products are zeros, as they were allocated.
              if let rounded = rounded.baseAddress {
                FloatProducts.multiply(
                  block, stride: numbers, rounded + first * numbers, stride: NeighbourScan.pointsABlock, into: products,
                  stride: NeighbourScan.pointsABlock, rows: queryCount, inner: numbers, columns: (size + 15) / 16 * 16)
              }
              for q in 0..<queryCount {
                let heap = UnsafeMutableBufferPointer(start: heaps + q * wanted, count: wanted)
                let excluded = excluding.map { Int32($0 + q) } ?? -1
                for look in stride(from: 0, to: size, by: NeighbourScan.pointsALook) {
                  // What a bound and twice a product must reach; no number less than −∞ where that cannot be told.
                  let least =
                    norms[q] < NeighbourScan.largestNorm
                    ? Float(norms[q] * (1 - slack) - heap[0].distance - Double(numbers + 8) * 1e-37) : -.infinity
                  let near = FloatElementwise.selectNear(
                    products + q * NeighbourScan.pointsABlock + look, offsets: bounds.baseAddress! + first + look, least: least,
                    count: min(NeighbourScan.pointsALook, size - look), into: places.baseAddress!)
                  measure(
                    UnsafeBufferPointer(rebasing: places[..<near]), from: first + look, points.baseAddress, queries + q * columns,
                    excluded: excluded, heap)
                }
              }
            }
          }
        }
      }
    }
  }

  /// Puts points into a heap where they precede its root, measured eight at a time.
  private func measure(
    _ places: UnsafeBufferPointer<Int32>, from first: Int, _ points: UnsafePointer<Double>?, _ query: UnsafePointer<Double>, excluded: Int32,
    _ heap: UnsafeMutableBufferPointer<Neighbour>
  ) {
    for start in stride(from: 0, to: places.count, by: 8) {
      // The last place stands for those that are missing.
      func row(_ lane: Int) -> Int { first + Int(places[min(start + lane, places.count - 1)]) }
      var distances = SIMD8<Double>.zero
      if let points {
        let (a, b, c, d) = (points + row(0) * columns, points + row(1) * columns, points + row(2) * columns, points + row(3) * columns)
        let (e, f, g, h) = (points + row(4) * columns, points + row(5) * columns, points + row(6) * columns, points + row(7) * columns)
        for j in 0..<numbers {
          let difference = SIMD8(a[j], b[j], c[j], d[j], e[j], f[j], g[j], h[j]) - query[j]
          distances += difference * difference
        }
        for j in numbers..<columns {
          let penalty = mismatch[j - numbers]
          for (lane, point) in [a, b, c, d, e, f, g, h].enumerated() where point[j] != query[j] { distances[lane] += penalty }
        }
      }
      for lane in 0..<min(8, places.count - start) {
        let candidate = Neighbour(distance: distances[lane], index: Int32(row(lane)))
        if candidate.index != excluded && Neighbour.precedes(candidate, heap[0]) { replaceRoot(heap, by: candidate) }
      }
    }
  }
}
