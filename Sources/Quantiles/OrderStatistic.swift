/// The `rank`-th smallest element, counted from 1, of `values`, which are reordered: elements before index rank − 1 are no
/// greater, elements after it no smaller. Takes ±∞, not NaN. `rank` must be in 1 ... count.
///
/// Quickselect with the median of three as pivot (Hoare 1961); where the pivots keep failing, what is left is sorted. O(n)
/// expected, O(n log n) at worst.
@discardableResult
public func orderStatistic(_ values: UnsafeMutableBufferPointer<Double>, rank: Int) -> Double {
  precondition(1...max(1, values.count) ~= rank && !values.isEmpty)
  let target = rank - 1
  var low = 0
  var high = values.count - 1
  var rounds = 4 * (Int.bitWidth - values.count.leadingZeroBitCount)
  while low < high {
    if rounds == 0 {
      var rest = UnsafeMutableBufferPointer(rebasing: values[low...high])
      rest.sort()
      break
    }
    rounds -= 1
    let pivot = medianOfThree(values[low], values[(low + high) / 2], values[high])
    var i = low
    var j = high
    // Elements equal to the pivot are exchanged too, so that ties split evenly.
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        values.swapAt(i, j)
        i += 1
        j -= 1
      }
    }
    if target <= j {
      high = j
    } else if target >= i {
      low = i
    } else {
      break
    }
  }
  return values[target]
}

/// The `rank`-th smallest element, counted from 1.
public func orderStatistic(of values: [Double], rank: Int) -> Double {
  var copy = values
  return copy.withUnsafeMutableBufferPointer { orderStatistic($0, rank: rank) }
}

private func medianOfThree(_ a: Double, _ b: Double, _ c: Double) -> Double { max(min(a, b), min(max(a, b), c)) }
