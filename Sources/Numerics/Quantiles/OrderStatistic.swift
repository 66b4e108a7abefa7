/// The `rank`-th smallest element, counted from 1, of `values`, which are reordered: elements before index rank − 1 are no
/// greater, elements after it no smaller. Takes ±∞, not NaN. `rank` must be in 1 ... count.
///
/// Quickselect (Hoare 1961) with the median of three as pivot and a partition that does not branch on the values (Lomuto's);
/// where the pivots keep failing, what is left is sorted. O(n) expected, O(n log n) at worst.
@inlinable
@discardableResult
public func orderStatistic<T: BinaryFloatingPoint>(_ values: UnsafeMutableBufferPointer<T>, rank: Int) -> T {
  precondition(1...max(1, values.count) ~= rank && !values.isEmpty)
  let all = values.baseAddress!
  let target = rank - 1
  var low = 0
  var high = values.count
  var rounds = 4 * (Int.bitWidth - values.count.leadingZeroBitCount)
  while high - low > 1 {
    if rounds == 0 {
      var rest = UnsafeMutableBufferPointer(rebasing: values[low..<high])
      rest.sort()
      break
    }
    rounds -= 1
    let (a, b, c) = (all[low], all[low + (high - low) / 2], all[high - 1])
    let pivot = max(min(a, b), min(max(a, b), c))
    var middle = low
    for i in low..<high {
      let value = all[i]
      all[i] = all[middle]
      all[middle] = value
      middle &+= oneIf(value < pivot)
    }
    if target < middle {
      high = middle
      continue
    }
    // The pivot itself, and what equals it, stands next, so that ties end the search.
    low = middle
    for i in low..<high {
      let value = all[i]
      all[i] = all[middle]
      all[middle] = value
      middle &+= oneIf(value == pivot)
    }
    if target < middle { break }
    low = middle
  }
  return all[target]
}

/// The `rank`-th smallest element, counted from 1.
public func orderStatistic(of values: [Double], rank: Int) -> Double {
  var copy = values
  return copy.withUnsafeMutableBufferPointer { orderStatistic($0, rank: rank) }
}

/// 1 or 0 without a branch, into which compilers turn `condition ? 1 : 0` in a loop.
@inlinable
@inline(__always)
public func oneIf(_ condition: Bool) -> Int { Int(truncatingIfNeeded: unsafeBitCast(condition, to: UInt8.self)) }

/// The ⌈n/2⌉-th smallest of at least one number, none NaN.
package func lowerMedian(_ numbers: [Double]) -> Double {
  var values = numbers
  return values.withUnsafeMutableBufferPointer { orderStatistic($0, rank: ($0.count + 1) / 2) }
}
