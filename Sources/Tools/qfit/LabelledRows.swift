import FilterKit
import Groundwork
import MethodKit
import Tables

/// The rows that teach, and the fold of each.
///
/// Rows have the numbers of the table; with `newOnly`, and no copies, only the labelled ones are kept here, numbered anew from 0, and those asked
/// apart from them.
struct LabelledRows {
  /// Features of every row.
  let features: FeatureTable
  /// Columns of dates, of which features are parts.
  let dates: [DateColumn]
  /// Where they are kept apart: the rows without a target.
  private let asked: AskedRows?
  private let target: [Double]
  private let weights: [Double]?
  /// Of every row: its fold, or −1 where it does not train. Empty where there are no folds.
  let foldOfRow: [Int]
  /// Fold numbers, increasing.
  let folds: [Int]
  /// Rows that train, increasing; nil where all do.
  private let someRows: [Int]?
  /// Rows without a target.
  let unlabelled: Int
  private let answersLabelled: Bool

  init(_ table: StoredTable, _ roles: TrainingRoles, _ session: FilterSession, folds count: Int?, newOnly: Bool, copies: CopyPlan, seed: UInt64)
    throws
  {
    let header = table.header
    dates = roles.kinds.dates
    let target = table.numbers(roles.target)
    let labelled = target.indices.filter { !target[$0].isNaN }
    unlabelled = target.count - labelled.count
    tableRows = table.rows
    guard !labelled.isEmpty else {
      throw session.failure(
        "no labelled row: all \(table.rows) targets are missing", column: header.names[roles.target], remedy: "rows with a target teach the others")
    }
    let weights = try roles.weight.map { try session.learningWeights(table, $0, of: labelled) }

    session.tellFeatureKinds(table, roles.features)
    var foldOfRow: [Int] = []
    if let fold = roles.fold {
      foldOfRow = [Int](repeating: -1, count: table.rows)
      let given = table.numbers(fold)
      for row in labelled where !given[row].isNaN { foldOfRow[row] = Int(given[row]) }
      guard Set(foldOfRow.filter { $0 >= 0 }).count >= 2 else {
        throw session.failure("the labelled rows stand in fewer than two folds", column: "fold", remedy: "drop the column and qfit draws folds")
      }
    } else if !newOnly || copies.writesCopies {
      let labels: [Int32]?
      if let group = roles.group, case .categories(let codes, _) = try table.feature(group) { labels = codes } else { labels = nil }
      let count = count ?? 5
      guard let drawn = drawFolds(count, labelled: labelled, labels: labels, rows: table.rows, seed: seed) else {
        let units = foldUnits(labelled, labels).count
        let things = labels == nil ? "labelled row" : "group"
        throw session.failure(
          "\(counted(units, things)) cannot make \(count) folds",
          remedy: units < 2 ? "with --new-only one fit is made without folds" : "use --folds \(units) or fewer")
      }
      foldOfRow = drawn
    }
    self.foldOfRow = foldOfRow
    folds = Set(foldOfRow.filter { $0 >= 0 }).sorted()
    if case .nested = copies, folds.count < 3 {
      throw session.failure(
        "the labelled rows stand in two folds, and without both nothing is left to fit", column: "fold", remedy: "--nested needs three folds or more")
    }
    answersLabelled = !newOnly
    if newOnly, !copies.writesCopies {
      // Of the largest tables only one copy of the numbers finds room beside a learner's own.
      let others = target.indices.filter { target[$0].isNaN }
      let (taught, untaught) = try takeFeatures(table, columns: roles.features, of: labelled, and: others)
      features = taught
      asked = AskedRows(rows: others, features: untaught)
      self.target = others.isEmpty ? target : labelled.map { target[$0] }
      self.weights = others.isEmpty ? weights : weights.map { weights in labelled.map { weights[$0] } }
      someRows = nil
    } else {
      features = try featureTable(table, columns: roles.features)
      asked = nil
      self.target = target
      self.weights = weights
      someRows = roles.fold == nil ? labelled : labelled.filter { foldOfRow[$0] >= 0 }
    }
    table.forgetNumbers()
    if newOnly { table.forgetRecords { target[$0].isNaN } }
  }

  /// Rows of the table.
  let tableRows: Int

  /// Rows that train, increasing.
  var rows: [Int] { someRows ?? Array(target.indices) }

  /// −1 where it does not train, or there are no folds.
  func fold(of row: Int) -> Int { foldOfRow.isEmpty ? -1 : foldOfRow[row] }

  /// The copies in which a row is written, and the folds that what answers each has not seen.
  func copies(of row: Int, _ plan: CopyPlan) -> [(copy: Int?, unseen: [Int])] { plan.copies(ofFold: fold(of: row), folds: folds) }

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

  /// Which of some of the table's rows get an answer.
  func answered(among range: Range<Int>) -> [Int] {
    guard let asked else { return answersLabelled ? Array(range) : range.filter { target[$0].isNaN } }
    return Array(asked.rows[asked.position(range.lowerBound)..<asked.position(range.upperBound)])
  }

  /// The features of some of the table's rows that get an answer.
  func features(ofAnswered rows: [Int]) -> FeatureTable {
    asked.map { asked in asked.features.selecting(rows.map(asked.position)) } ?? features.selecting(rows)
  }
}

/// Rows that teach nothing and get an answer.
private struct AskedRows {
  /// Their numbers in the table, increasing.
  let rows: [Int]
  let features: FeatureTable

  /// How many of them stand above a row of the table, which is the position of an asked row.
  func position(_ row: Int) -> Int { partitionPoint(0..<rows.count) { rows[$0] >= row } }
}
