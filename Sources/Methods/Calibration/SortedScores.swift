import Groundwork

/// Scores in increasing order, with the weight of those before each where rows have weights.
struct SortedScores: BinaryCodable, Sendable {
  let scores: [Double]
  /// `before[i]`: the weight of the first i scores, count + 1 of them; nil where each weighs 1.
  let before: [Double]?

  /// Scores that are NaN or weigh nothing are left out. O(n log n).
  init(_ values: [Double], weights: [Double]?) {
    guard let weights else {
      scores = values.filter { !$0.isNaN }.sorted()
      before = nil
      return
    }
    // By row among equals, so that sums of weights do not depend on how ties are sorted.
    let order = values.indices.filter { !values[$0].isNaN && weights[$0] > 0 }.sorted {
      values[$0] < values[$1] || values[$0] == values[$1] && $0 < $1
    }
    scores = order.map { values[$0] }
    var sum = 0.0
    before =
      [0]
      + order.map { row in
        sum += weights[row]
        return sum
      }
  }

  /// The weight of the first `count` scores.
  @inline(__always) func weight(ofFirst count: Int) -> Double { before?[count] ?? Double(count) }

  var weight: Double { weight(ofFirst: scores.count) }

  /// In `low ..< high`, the first index whose score plus `shift` is above `value`, or, with `orEqual`, at or above it.
  @inline(__always)
  fileprivate func index(of value: Double, plus shift: Double, orEqual: Bool, from low: Int, to high: Int) -> Int {
    scores.withUnsafeBufferPointer { scores in
      partitionPoint(low..<high) {
        let moved = shifted(scores[$0], by: shift)
        return orEqual ? moved >= value : moved > value
      }
    }
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(scores)
    writer.write(before ?? [])
  }

  init(decoding reader: inout ByteReader) throws {
    scores = try reader.readArray(of: Double.self)
    let before = try reader.readArray(of: Double.self)
    self.before = before.isEmpty ? nil : before
    guard scores.allSatisfy({ !$0.isNaN }), zip(scores, scores.dropFirst()).allSatisfy({ $0 <= $1 }),
      before.isEmpty
        || before.count == scores.count + 1 && before[0] == 0 && before.allSatisfy(\.isFinite)
          && zip(before, before.dropFirst()).allSatisfy({ $0 < $1 })
    else { throw ByteReader.damaged }
  }
}

/// E + s, where opposite infinities give +∞, the wider answer. Does not decrease in E.
@inline(__always)
private func shifted(_ score: Double, by shift: Double) -> Double {
  let sum = score + shift
  return sum.isNaN ? .infinity : sum
}

/// The least q for which the scores E_i of all lists, each plus its list's shift, weigh at least `needed` up to q:
///
///     inf { q : Σ_f Σ_i w_i [E_i + s_f ≤ q] ≥ needed },
///
/// +∞ where all together weigh less. With weights of 1 it is the `needed`-th smallest of all E_i + s_f.
///
/// Each list keeps a range in which q can be. A pivot, the score in the widest range where q would be if the ranges' scores were evenly
/// spread, or every other time that range's middle, cuts all ranges. Of K lists with n scores in all: O(K² log² n) at worst, about
/// 2 log log n cuts of K log n where lists are alike.
func shiftedQuantile(_ lists: [SortedScores], shifts: UnsafePointer<Double>, needed: Double) -> Double {
  guard lists.reduce(0, { $0 + $1.weight }) >= needed else { return .infinity }
  return withUnsafeTemporaryAllocation(of: Int.self, capacity: 4 * lists.count) { memory in
    let (low, high) = (memory.baseAddress!, memory.baseAddress! + lists.count)
    let (below, notAbove) = (low + 2 * lists.count, low + 3 * lists.count)
    for f in lists.indices { (low[f], high[f]) = (0, lists[f].scores.count) }
    var takesMiddle = false
    while true {
      let widest = lists.indices.max { high[$0] - low[$0] < high[$1] - low[$1] }!
      let width = high[widest] - low[widest]
      var at = low[widest] + width / 2
      if !takesMiddle {
        let missing = lists.indices.reduce(needed) { $0 - lists[$1].weight(ofFirst: low[$1]) }
        let rest = lists.indices.reduce(0.0) { $0 + lists[$1].weight(ofFirst: high[$1]) - lists[$1].weight(ofFirst: low[$1]) }
        at = low[widest] + min(width - 1, Int(Double(width) * min(max(missing / rest, 0), 1)))
      }
      takesMiddle.toggle()
      let pivot = shifted(lists[widest].scores[at], by: shifts[widest])
      for f in lists.indices { below[f] = lists[f].index(of: pivot, plus: shifts[f], orEqual: true, from: low[f], to: high[f]) }
      if lists.indices.reduce(0.0, { $0 + lists[$1].weight(ofFirst: below[$1]) }) >= needed {
        high.update(from: below, count: lists.count)
        continue
      }
      for f in lists.indices { notAbove[f] = lists[f].index(of: pivot, plus: shifts[f], orEqual: false, from: below[f], to: high[f]) }
      if lists.indices.reduce(0.0, { $0 + lists[$1].weight(ofFirst: notAbove[$1]) }) >= needed { return pivot }
      low.update(from: notAbove, count: lists.count)
    }
  }
}
