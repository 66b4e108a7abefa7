/// Working memory that sums weights by response rank and hands over those touched, in order, at a cost that follows their
/// number rather than the size of the training set.
final class ForestWeights {
  private let sums: UnsafeMutablePointer<Double>
  /// A bit a rank, and a byte a word of these: marking it takes no look at what it was, for which the next mark would wait.
  private let touched: UnsafeMutablePointer<UInt64>
  private let touchedWords: UnsafeMutablePointer<UInt8>
  /// Words, rounded up to eight.
  private let words: Int
  let ranks: UnsafeMutablePointer<Int32>
  let values: UnsafeMutablePointer<Double>
  let weights: UnsafeMutablePointer<Double>

  init(responses count: Int) {
    words = (count + 511) / 512 * 8
    sums = .allocate(capacity: count)
    sums.initialize(repeating: 0, count: count)
    touched = .allocate(capacity: words)
    touched.initialize(repeating: 0, count: words)
    touchedWords = .allocate(capacity: words)
    touchedWords.initialize(repeating: 0, count: words)
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
      touchedWords[rank >> 6] = 1
    }
  }

  /// Moves the sums into `ranks`, `values` and `weights`, and forgets them. Returns how many there are.
  func gather(_ responses: UnsafePointer<Double>) -> Int {
    var count = 0
    for first in stride(from: 0, to: words, by: 8) {
      let eight = UnsafeMutableRawPointer(touchedWords + first)
      var marks = UInt64(littleEndian: eight.loadUnaligned(as: UInt64.self))
      if marks == 0 { continue }
      eight.storeBytes(of: 0, as: UInt64.self)
      while marks != 0 {
        let word = first + marks.trailingZeroBitCount >> 3
        marks &= marks - 1
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
