/// The first index of `range` at which `isAtOrAbove` holds, or its upper bound: it must hold for every index after one for which it
/// does. O(log n) calls.
@inlinable @inline(__always)
public func partitionPoint(_ range: Range<Int>, where isAtOrAbove: (Int) throws -> Bool) rethrows -> Int {
  var (low, high) = (range.lowerBound, range.upperBound)
  while low < high {
    let middle = (low + high) / 2
    if try isAtOrAbove(middle) { high = middle } else { low = middle + 1 }
  }
  return low
}
