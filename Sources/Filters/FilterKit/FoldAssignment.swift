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

extension FilterSession {
  /// The fold of every labelled row for cross-fitting, −1 for the others: those given; rows without a given fold were
  /// predicted together and are one fold more; with fewer than two folds given, `count` are drawn, or up to five.
  public func crossFittingFolds(_ labelled: [Int], given: [Double]?, count: Int? = nil, rows: Int, seed: UInt64) throws -> [Int] {
    if let given {
      var foldOfRow = [Int](repeating: -1, count: rows)
      let extra = (given.filter { !$0.isNaN }.max() ?? -1) + 1
      for row in labelled { foldOfRow[row] = Int(given[row].isNaN ? extra : given[row]) }
      if Set(foldOfRow.filter { $0 >= 0 }).count >= 2 { return foldOfRow }
    }
    guard let drawn = drawFolds(count ?? min(5, max(2, labelled.count)), labelled: labelled, rows: rows, seed: seed) else {
      if let count, labelled.count > 1 {
        throw failure("\(labelled.count) labelled rows cannot make \(count) folds", remedy: "use --folds \(labelled.count) or fewer")
      }
      throw failure("1 labelled row cannot be answered by what others teach", remedy: "label more rows, or use --new-only")
    }
    return drawn
  }
}
