/// The crossing penalty of one row of m quantiles in the order of their levels (Fakoor et al. 2023, section 4.1),
///
///     ρ(q) = Σ_{s<t} (q_s − q_t + δ)_+ ,
///
/// a sum over inversions of the row, which a merge sort counts: O(m log m) instead of the m² pairs, and O(m) for a row that keeps its
/// margins, since neighbours that keep them keep them for all pairs. With adaptive margins δ₀·(Q_t − Q_s), Q non-decreasing, it is the
/// penalty of q − δ₀·Q with δ = 0.
package enum CrossingPenalty {
  /// ρ(q) with margin δ ≥ 0 for every pair; adds `weight` times its derivative to `gradient`. Where a pair meets its margin exactly the
  /// derivative is taken as 0. `places` holds 2·m indices.
  package static func add(
    _ q: UnsafePointer<Float>, count m: Int, margin: Float, weight: Float, to gradient: UnsafeMutablePointer<Float>,
    places: UnsafeMutablePointer<Int32>
  ) -> Float {
    var isKept = true
    for t in 1..<max(m, 1) where !(q[t] - q[t - 1] >= margin) { isKept = false }
    if isKept { return 0 }
    for t in 0..<m { places[t] = Int32(t) }
    return sortCounting(q, 0, m, margin, weight, gradient, places, places + m)
  }

  /// Sorts places lo..<hi by value, adding the pairs between the two halves on the way.
  private static func sortCounting(
    _ q: UnsafePointer<Float>, _ lo: Int, _ hi: Int, _ margin: Float, _ weight: Float, _ gradient: UnsafeMutablePointer<Float>,
    _ places: UnsafeMutablePointer<Int32>, _ spare: UnsafeMutablePointer<Int32>
  ) -> Float {
    guard hi - lo > 1 else { return 0 }
    let middle = (lo + hi) / 2
    var total = sortCounting(q, lo, middle, margin, weight, gradient, places, spare)
    total += sortCounting(q, middle, hi, margin, weight, gradient, places, spare)
    // Of each upper place: the lower ones that come too near it, from the greatest down.
    var i = lo
    var sum: Float = 0
    var upperSum: Float = 0
    for k in lo..<middle { sum += q[Int(places[k])] }
    for k in middle..<hi {
      let value = q[Int(places[k])]
      while i < middle && q[Int(places[i])] + margin <= value {
        sum -= q[Int(places[i])]
        i += 1
      }
      let near = Float(middle - i)
      gradient[Int(places[k])] -= weight * near
      upperSum += sum + near * (margin - value)
    }
    total += upperSum
    var k = hi
    for i in (lo..<middle).reversed() {
      let value = q[Int(places[i])] + margin
      while k > middle && q[Int(places[k - 1])] >= value { k -= 1 }
      gradient[Int(places[i])] += weight * Float(k - middle)
    }
    // Merge.
    var (a, b, out) = (lo, middle, lo)
    while a < middle || b < hi {
      if b == hi || a < middle && q[Int(places[a])] <= q[Int(places[b])] {
        spare[out] = places[a]
        a += 1
      } else {
        spare[out] = places[b]
        b += 1
      }
      out += 1
    }
    for k in lo..<hi { places[k] = spare[k] }
    return total
  }
}
