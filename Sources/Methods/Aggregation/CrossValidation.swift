import Groundwork

/// Rows in random folds of nearly equal size, for settings that a fit chooses by itself.
func crossValidationFolds(_ rows: [Int], count: Int, seed: UInt64) -> [[Int]] {
  var random = RandomStream(seed: seed, stream: 0xC0FFEE)
  var shuffled = rows
  random.shuffle(&shuffled)
  return (0..<count).map { k in shuffled.indices.filter { $0 % count == k }.map { shuffled[$0] }.sorted() }
}

/// Indices of at most `count` of m levels, spread evenly.
func spreadLevels(_ m: Int, count: Int) -> [Int] {
  let count = min(m, count)
  return (0..<count).map { (2 * $0 + 1) * m / (2 * count) }
}
