import Groundwork

/// Draws K folds of nearly equal size for the labelled rows, in random order.
///
/// Rows with the same label stay together (−1 labels none): large groups first, each to the emptiest fold, so that folds come
/// out even. Returns the fold of every one of `rows` rows, −1 for rows that are not labelled; nil where there are fewer units
/// (rows, or groups) than folds.
public func drawFolds(_ count: Int, labelled: [Int], labels: [Int32]? = nil, rows: Int, seed: UInt64) -> [Int]? {
  var units = foldUnits(labelled, labels)
  guard units.count >= count else { return nil }
  var random = RandomStream(seed: seed, stream: 0xF01D)
  random.shuffle(&units)
  if labels != nil { units = units.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element) }
  var foldOfRow = [Int](repeating: -1, count: rows)
  var sizes = [Int](repeating: 0, count: count)
  var next = 0
  for unit in units {
    let fold = labels == nil ? next : sizes.indices.min { (sizes[$0], $0) < (sizes[$1], $1) }!
    next = (next + 1) % count
    sizes[fold] += unit.count
    for row in unit { foldOfRow[row] = fold }
  }
  return foldOfRow
}

/// What must stay in one fold: the rows of a label together, every other row alone.
public func foldUnits(_ labelled: [Int], _ labels: [Int32]?) -> [[Int]] {
  guard let labels else { return labelled.map { [$0] } }
  var unitOfLabel: [Int32: Int] = [:]
  var units: [[Int]] = []
  for row in labelled {
    if labels[row] >= 0, let unit = unitOfLabel[labels[row]] {
      units[unit].append(row)
    } else {
      if labels[row] >= 0 { unitOfLabel[labels[row]] = units.count }
      units.append([row])
    }
  }
  return units
}
