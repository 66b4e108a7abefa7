/// Working memory that sums weights by response rank and hands over those touched, in order, at a cost that follows their
/// number rather than the size of the training set.
final class ForestWeights {
  private let sums: UnsafeMutablePointer<Double>
  /// A bit a rank, and a bit a word of these.
  private let touched: UnsafeMutablePointer<UInt64>
  private let touchedWords: UnsafeMutablePointer<UInt64>
  private let words: Int
  let ranks: UnsafeMutablePointer<Int32>
  let values: UnsafeMutablePointer<Double>
  let weights: UnsafeMutablePointer<Double>

  init(responses count: Int) {
    words = (count + 63) / 64
    sums = .allocate(capacity: count)
    sums.initialize(repeating: 0, count: count)
    touched = .allocate(capacity: words)
    touched.initialize(repeating: 0, count: words)
    touchedWords = .allocate(capacity: (words + 63) / 64)
    touchedWords.initialize(repeating: 0, count: (words + 63) / 64)
    ranks = .allocate(capacity: count)
    values = .allocate(capacity: count)
    weights = .allocate(capacity: count)
  }

  deinit {
    sums.deallocate()
    touched.deallocate()
    touchedWords.deallocate()
    ranks.deallocate()
    values.deallocate()
    weights.deallocate()
  }

  /// Adds a total weight of one, shared among `ranks` in proportion to their row weights.
  @inline(__always)
  func add(_ ranks: UnsafeBufferPointer<Int32>, _ rowWeights: UnsafePointer<Double>?) {
    var total = Double(ranks.count)
    if let rowWeights {
      total = 0
      for rank in ranks { total += rowWeights[Int(rank)] }
    }
    let share = 1 / total
    for rank in ranks {
      let rank = Int(rank)
      sums[rank] += rowWeights.map { share * $0[rank] } ?? share
      touched[rank >> 6] |= 1 << UInt64(rank & 63)
      touchedWords[rank >> 12] |= 1 << UInt64(rank >> 6 & 63)
    }
  }

  /// Moves the sums into `ranks`, `values` and `weights`, and forgets them. Returns how many there are.
  func gather(_ responses: UnsafePointer<Double>) -> Int {
    var count = 0
    for upper in 0..<(words + 63) / 64 {
      var wordBits = touchedWords[upper]
      touchedWords[upper] = 0
      while wordBits != 0 {
        let word = upper << 6 + wordBits.trailingZeroBitCount
        wordBits &= wordBits - 1
        var bits = touched[word]
        touched[word] = 0
        while bits != 0 {
          let rank = word << 6 + bits.trailingZeroBitCount
          bits &= bits - 1
          ranks[count] = Int32(truncatingIfNeeded: rank)
          values[count] = responses[rank]
          weights[count] = sums[rank]
          sums[rank] = 0
          count += 1
        }
      }
    }
    return count
  }
}
