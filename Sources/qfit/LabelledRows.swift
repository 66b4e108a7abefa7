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
  /// Of every row: its fold, or −1 where it does not train. Empty where there are no folds.
  let foldOfRow: [Int]
  /// Fold numbers, increasing.
  let folds: [Int]
  /// Rows that train, increasing.
  let rows: [Int]
  /// Rows without a target.
  let unlabelled: Int

  init(_ held: HeldTable, _ roles: TrainingRoles, _ session: FilterSession, folds count: Int?, newOnly: Bool, copies: CopyPlan, seed: UInt64) throws {
    let header = held.header
    target = held.numbers(roles.target)
    let target = target
    let labelled = target.indices.filter { !target[$0].isNaN }
    unlabelled = target.count - labelled.count
    guard !labelled.isEmpty else {
      throw session.failure("no labelled row: all \(held.rows) targets are missing", column: header.names[roles.target], remedy: "rows with a target teach the others")
    }
    weights = try roles.weight.map { try session.rowWeights(held, $0, of: labelled) }

    var foldOfRow: [Int] = []
    if let fold = roles.fold {
      foldOfRow = [Int](repeating: -1, count: held.rows)
      let given = held.numbers(fold)
      for row in labelled where !given[row].isNaN { foldOfRow[row] = Int(given[row]) }
      guard Set(foldOfRow.filter { $0 >= 0 }).count >= 2 else {
        throw session.failure("the labelled rows stand in fewer than two folds", column: "fold", remedy: "drop the column and qfit draws folds")
      }
    } else if !newOnly || copies.writesCopies {
      let labels: [Int32]?
      if let group = roles.group, case .categories(let codes, _) = try held.feature(group) { labels = codes } else { labels = nil }
      let count = count ?? 5
      guard let drawn = drawFolds(count, labelled: labelled, labels: labels, rows: held.rows, seed: seed) else {
        let units = foldUnits(labelled, labels).count
        let things = labels == nil ? "labelled row" : "group"
        throw session.failure(
          "\(units) \(things)\(units == 1 ? "" : "s") cannot make \(count) folds",
          remedy: units < 2 ? "with --new-only one fit is made without folds" : "use --folds \(units) or fewer")
      }
      foldOfRow = drawn
    }
    self.foldOfRow = foldOfRow
    folds = Set(foldOfRow.filter { $0 >= 0 }).sorted()
    if case .nested = copies, folds.count < 3 {
      throw session.failure("the labelled rows stand in two folds, and without both nothing is left to fit", column: "fold", remedy: "--nested needs three folds or more")
    }
    rows = roles.fold == nil ? labelled : labelled.filter { foldOfRow[$0] >= 0 }
    features = try featureTable(held, columns: roles.features)
    held.forgetNumbers()
    if newOnly { held.forgetRecords { target[$0].isNaN } }
    for column in roles.features {
      if let (row, text) = held.firstNonNumber(column) {
        session.diagnostics.note("column \"\(header.names[column])\" holds categories: \"\(printable(text))\" in row \(row + 1) is not a number")
      }
    }
  }

  /// −1 where it does not train, or there are no folds.
  func fold(of row: Int) -> Int { foldOfRow.isEmpty ? -1 : foldOfRow[row] }

  /// The copies in which a row is written, and the folds that what answers each has not seen.
  func copies(of row: Int, _ plan: CopyPlan) -> [(held: Int?, unseen: [Int])] { plan.copies(ofFold: fold(of: row), folds: folds) }

  var hasRowsWithoutFold: Bool { foldOfRow.isEmpty || foldOfRow.contains(-1) }

  /// The training set of some of `rows`.
  func trainingSet(of kept: [Int]) -> TrainingSet {
    TrainingSet(features: features.selecting(kept), target: kept.map { target[$0] }, weights: weights.map { w in kept.map { w[$0] } })
  }

  func target(of row: Int) -> Double { target[row] }
  func weight(of row: Int) -> Double { weights?[row] ?? 1 }

  /// The training set without some folds.
  func trainingSet(without unseen: [Int]) -> TrainingSet {
    if unseen.isEmpty, rows.count == features.rows { return TrainingSet(features: features, target: target, weights: weights) }
    return trainingSet(of: unseen.isEmpty ? rows : rows.filter { !unseen.contains(foldOfRow[$0]) })
  }

  func isLabelled(_ row: Int) -> Bool { !target[row].isNaN }
}
