extension Isotonic {
  /// Sorts the row: insertion sort while the row is nearly sorted, which a row of quantiles mostly is; O(m log m) at worst.
  @discardableResult
  public static func sort(_ row: UnsafeMutableBufferPointer<Double>) -> Bool {
    let start = firstViolation(UnsafeBufferPointer(row))
    if start >= row.count { return false }
    var budget = movesBeforeFallback(row.count)
    for i in start..<row.count {
      let value = row[i]
      var hole = i
      while hole > 0, value < row[hole - 1] {
        row[hole] = row[hole - 1]
        hole -= 1
      }
      row[hole] = value
      budget -= i - hole
      if budget < 0 {
        var rest = row
        rest.sort()
        break
      }
    }
    return true
  }

  /// Fills `permutation` with the stable sorting permutation of `row`: `row[permutation[k]]` is non-decreasing in k, and equal
  /// values keep their order. Lets a caller move what stands beside the values. Returns false where it is the identity.
  /// The buffers must be of one length. O(m) for a sorted row, O(m log m) at worst.
  @discardableResult
  public static func sortingPermutation(of row: UnsafeBufferPointer<Double>, into permutation: UnsafeMutableBufferPointer<Int>) -> Bool {
    precondition(row.count == permutation.count)
    for i in 0..<row.count { permutation[i] = i }
    let start = firstViolation(row)
    if start >= row.count { return false }
    var budget = movesBeforeFallback(row.count)
    for i in start..<row.count {
      let value = row[i]
      var hole = i
      while hole > 0, value < row[permutation[hole - 1]] {
        permutation[hole] = permutation[hole - 1]
        hole -= 1
      }
      permutation[hole] = i
      budget -= i - hole
      if budget < 0 {
        var indices = permutation
        indices.sort { row[$0] != row[$1] ? row[$0] < row[$1] : $0 < $1 }
        break
      }
    }
    return true
  }

  /// The stable sorting permutation of `row`.
  public static func sortingPermutation(of row: [Double]) -> [Int] {
    [Int](unsafeUninitializedCapacity: row.count) { permutation, filled in
      let target = UnsafeMutableBufferPointer(rebasing: permutation[..<row.count])
      _ = row.withUnsafeBufferPointer { sortingPermutation(of: $0, into: target) }
      filled = row.count
    }
  }

  /// Insertion sort may move this many elements before O(m log m) sorting is cheaper: all that 32 elements can need.
  private static func movesBeforeFallback(_ count: Int) -> Int { max(512, 8 * count) }
}
