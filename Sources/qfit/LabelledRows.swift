import FilterKit
import Groundwork
import Learners
import Methods
import Tables

/// The rows that teach, and the fold of each.
struct LabelledRows {
  /// Features of every row of the table.
  let features: FeatureTable
  private let target: [Double]
  private let weights: [Double]?
  /// Of every row: its fold, or −1 where it does not train.
  let foldOfRow: [Int]
  /// Fold numbers, increasing.
  let folds: [Int]
  /// Rows that train, increasing.
  let rows: [Int]
  /// Rows without a target.
  let unlabelled: Int

  init(_ held: HeldTable, _ roles: TrainingRoles, _ session: FilterSession, folds count: Int?, newOnly: Bool, seed: UInt64) throws {
    let header = held.header
    target = held.numbers(roles.target)
    let target = target
    let labelled = target.indices.filter { !target[$0].isNaN }
    unlabelled = target.count - labelled.count
    guard !labelled.isEmpty else {
      throw session.failure("no labelled row: all \(held.rows) targets are missing", column: header.names[roles.target], remedy: "rows with a target teach the others")
    }
    weights = try roles.weight.map { column in
      let weights = held.numbers(column)
      for row in labelled where !(weights[row] >= 0) {
        throw session.failure("row \(row + 1) has a weight that is \(weights[row].isNaN ? "missing" : "negative")", column: header.names[column], remedy: "weights are finite and not negative")
      }
      guard labelled.contains(where: { weights[$0] > 0 }) else { throw session.failure("all weights are zero", column: header.names[column]) }
      return weights
    }

    var foldOfRow = [Int](repeating: -1, count: held.rows)
    if let fold = roles.fold {
      let given = held.numbers(fold)
      for row in labelled where !given[row].isNaN { foldOfRow[row] = Int(given[row]) }
      guard Set(foldOfRow.filter { $0 >= 0 }).count >= 2 else {
        throw session.failure("the labelled rows stand in fewer than two folds", column: "fold", remedy: "drop the column and qfit draws folds")
      }
    } else if !newOnly {
      let labels: [Int32]?
      if let group = roles.group, case .categories(let codes, _) = try held.feature(group) { labels = codes } else { labels = nil }
      foldOfRow = try LabelledRows.draw(count ?? 5, labelled, labels, rows: held.rows, seed: seed, session)
    }
    self.foldOfRow = foldOfRow
    folds = Set(foldOfRow.filter { $0 >= 0 }).sorted()
    rows = roles.fold == nil ? labelled : labelled.filter { foldOfRow[$0] >= 0 }
    features = try featureTable(held, columns: roles.features)
    for column in roles.features {
      if let (row, text) = held.firstNonNumber(column) {
        session.diagnostics.note("column \"\(header.names[column])\" holds categories: \"\(printable(text))\" in row \(row + 1) is not a number")
      }
    }
  }

  var hasRowsWithoutFold: Bool { foldOfRow.contains(-1) }

  /// K folds of nearly equal size in random order; rows with the same label (−1 is none) stay together.
  private static func draw(_ count: Int, _ labelled: [Int], _ labels: [Int32]?, rows: Int, seed: UInt64, _ session: FilterSession) throws -> [Int] {
    var units: [[Int]]
    if let labels {
      var unitOfLabel: [Int32: Int] = [:]
      units = []
      for row in labelled {
        if labels[row] >= 0, let unit = unitOfLabel[labels[row]] {
          units[unit].append(row)
        } else {
          if labels[row] >= 0 { unitOfLabel[labels[row]] = units.count }
          units.append([row])
        }
      }
    } else {
      units = labelled.map { [$0] }
    }
    guard units.count >= count else {
      let things = labels == nil ? "labelled row" : "group"
      throw session.failure(
        "\(units.count) \(things)\(units.count == 1 ? "" : "s") cannot make \(count) folds",
        remedy: units.count < 2 ? "with --new-only one fit is made without folds" : "use --folds \(units.count) or fewer")
    }
    var random = RandomStream(seed: seed, stream: 0xF01D)
    random.shuffle(&units)
    // Large groups first, each to the emptiest fold, so that folds come out even.
    if labels != nil { units = units.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element) }
    var foldOfRow = [Int](repeating: -1, count: rows)
    var sizes = [Int](repeating: 0, count: count)
    for unit in units {
      let fold = sizes.indices.min { (sizes[$0], $0) < (sizes[$1], $1) }!
      sizes[fold] += unit.count
      for row in unit { foldOfRow[row] = fold }
    }
    return foldOfRow
  }

  /// The training set without one fold, or the whole.
  func trainingSet(without fold: Int?) -> TrainingSet {
    let kept = fold == nil ? rows : rows.filter { foldOfRow[$0] != fold }
    return TrainingSet(features: features.selecting(kept), target: kept.map { target[$0] }, weights: weights.map { w in kept.map { w[$0] } })
  }

  func isLabelled(_ row: Int) -> Bool { !target[row].isNaN }
}
