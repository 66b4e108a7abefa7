import Tables

/// Keys in the order of reports and of series: column by column, numbers by size where all of a column are numbers, else by their
/// bytes. All keys have as many columns.
func inKeyOrder(_ keys: [[String]]) -> [[String]] {
  let reader = NumberReader()
  let columns = keys.first?.indices ?? 0..<0
  let numbers: [[Double]?] = columns.map { c in
    let values = keys.compactMap { reader.value(of: $0[c]) }
    return values.count == keys.count ? values : nil
  }
  func precedes(_ a: Int, _ b: Int) -> Bool {
    for c in columns where keys[a][c] != keys[b][c] {
      if let values = numbers[c], values[a] != values[b] { return values[a] < values[b] }
      return Array(keys[a][c].utf8).lexicographicallyPrecedes(Array(keys[b][c].utf8))
    }
    return false
  }
  return keys.indices.sorted(by: precedes).map { keys[$0] }
}
