import Quantiles

/// The lower median: what predictions and targets are measured from, so that a large common offset costs no precision.
func middle(_ values: [Double]) -> Double {
  var copy = values
  return copy.withUnsafeMutableBufferPointer { orderStatistic($0, rank: ($0.count + 1) / 2) }
}

/// a − b, held within the doubles.
func clampedDifference(_ a: Double, _ b: Double) -> Double {
  max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, a - b))
}

/// The sum of terms β_j x_j as near as a double comes to it: terms that overflow are scaled down first, and what no double holds is the
/// largest that one does.
func clampedSum(count: Int, _ offset: Double, _ factor: (Int) -> Double, _ value: (Int) -> Double) -> Double {
  var sum = offset
  for j in 0..<count { sum += factor(j) * value(j) }
  if sum.isFinite { return sum }
  let shrink = 0x1p-600
  sum = offset * shrink * shrink
  for j in 0..<count { sum += (factor(j) * shrink) * (value(j) * shrink) }
  sum = sum * 0x1p600 * 0x1p600
  return sum.isNaN ? offset : max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, sum))
}
