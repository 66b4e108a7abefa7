/// Rows of as many numbers each, in memory that grows as they come.
final class RowBuffer {
  let width: Int
  private(set) var base: UnsafeMutablePointer<Double>
  private var capacity = 256

  init(width: Int) {
    self.width = width
    base = .allocate(capacity: capacity * max(1, width))
  }

  deinit { base.deallocate() }

  /// Room for row i, which is at most the next after those that were asked for.
  @inline(__always)
  func row(_ i: Int) -> UnsafeMutablePointer<Double> {
    if i == capacity { grow() }
    return base + i * width
  }

  private func grow() {
    let larger = UnsafeMutablePointer<Double>.allocate(capacity: 2 * capacity * max(1, width))
    larger.update(from: base, count: capacity * width)
    base.deallocate()
    base = larger
    capacity *= 2
  }

  /// The first `rows` rows column by column.
  func columns(rows: Int) -> [Double] {
    [Double](unsafeUninitializedCapacity: rows * width) { target, count in
      count = rows * width
      // Squares that stay in the cache.
      for first in stride(from: 0, to: rows, by: 16) {
        let end = min(first + 16, rows)
        for k in 0..<width { for row in first..<end { target[k * rows + row] = base[row * width + k] } }
      }
    }
  }
}
