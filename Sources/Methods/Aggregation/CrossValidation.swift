import Groundwork
import MethodKit

/// How rows are split for settings that a fit chooses by itself: random folds of nearly equal size, or, where rows stand in time, as many blocks
/// of it.
func crossValidationSplits(_ rows: [Int], count: Int, times: RowTimes?, seed: UInt64) -> [RowSplit] {
  if let splits = times?.splits(count, of: rows), !splits.isEmpty { return splits }
  var random = RandomStream(seed: seed, stream: 0xC0FFEE)
  var shuffled = rows
  random.shuffle(&shuffled)
  let folds = (0..<count).map { k in shuffled.indices.filter { $0 % count == k }.map { shuffled[$0] }.sorted() }
  return folds.indices.map { k in RowSplit(teaching: folds.indices.filter { $0 != k }.flatMap { folds[$0] }.sorted(), judged: folds[k]) }
}

/// Indices of at most `count` of m levels, spread evenly.
func spreadLevels(_ m: Int, count: Int) -> [Int] {
  let count = min(m, count)
  return (0..<count).map { (2 * $0 + 1) * m / (2 * count) }
}
