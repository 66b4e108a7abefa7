/// The number that would stand at `rank` (from 0) were `values` sorted, by three-way partition (Hoare's FIND): `values` is left in some other order.
/// None may be NaN; `rank` is in range. Expected cost O(count), ties cost nothing.
public func orderStatistic(_ rank: Int, of values: inout [Double]) -> Double {
  precondition(values.indices.contains(rank))
  return values.withUnsafeMutableBufferPointer { values in
    var low = 0
    var high = values.count - 1
    while low < high {
      let middle = low + (high - low) / 2
      let pivot = max(min(values[low], values[high]), min(max(values[low], values[high]), values[middle]))
      var (less, i, more) = (low, low, high)
      while i <= more {
        if values[i] < pivot {
          values.swapAt(i, less)
          less += 1
          i += 1
        } else if values[i] > pivot {
          values.swapAt(i, more)
          more -= 1
        } else {
          i += 1
        }
      }
      if rank < less { high = less - 1 } else if rank > more { low = more + 1 } else { return pivot }
    }
    return values[low]
  }
}
