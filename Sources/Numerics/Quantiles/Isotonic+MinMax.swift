extension Isotonic {
  /// Min-max sweep: from index `anchor`, whose value stays, running maximum upwards and running minimum downwards. O(m).
  @discardableResult
  public static func minMax(_ row: UnsafeMutableBufferPointer<Double>, anchor: Int) -> Bool {
    if row.isEmpty { return false }
    precondition(row.indices.contains(anchor))
    var changed = false
    var bound = row[anchor]
    for i in anchor + 1..<max(anchor + 1, row.count) {
      if row[i] < bound {
        row[i] = bound
        changed = true
      } else {
        bound = row[i]
      }
    }
    bound = row[anchor]
    for i in stride(from: anchor - 1, through: 0, by: -1) {
      if row[i] > bound {
        row[i] = bound
        changed = true
      } else {
        bound = row[i]
      }
    }
    return changed
  }
}
