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
  /// The fits in order of time, where one is told.
  let timed: TimedFits?
  /// Of each row kept here: its number in the table; nil where these are the same.
  private let tableRowOfRow: [Int]?

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
    let given = try roles.fold.map { try GivenFolds(table, $0, order: roles.order, session) }
    let answersLabelled = !newOnly || copies.writesCopies
    timed = try LabelledRows.fits(table, roles, session, labelled: labelled, weights, given, folds: count, answersLabelled: answersLabelled)
    var foldOfRow: [Int] = []
    if roles.order == nil, answersLabelled, given == nil {
      session.warnOfSharedDates(table, roles: [roles.target, roles.weight, roles.group], doing: "folds are drawn at random")
    }
    if let timed, answersLabelled {
      foldOfRow = timed.blocks
    } else if timed == nil, answersLabelled {
      foldOfRow =
        try LabelledRows.given(given, labelled, rows: table.rows, session)
        ?? LabelledRows.drawn(table, roles, session, labelled: labelled, count: count ?? 5, seed: seed)
    }
    self.foldOfRow = foldOfRow
    folds = Set(foldOfRow.filter { $0 >= 0 }).sorted()
    if case .nested = copies, folds.count < 3 {
      throw session.failure(
        "the labelled rows stand in two folds, and without both nothing is left to fit", column: "fold", remedy: "--nested needs three folds or more")
    }
    self.answersLabelled = !newOnly
    if newOnly, !copies.writesCopies {
      // Of the largest tables only one copy of the numbers finds room beside a learner's own.
      let others = target.indices.filter { target[$0].isNaN }
      let (taught, untaught) = try takeFeatures(table, columns: roles.features, of: labelled, and: others)
      features = taught
      asked = AskedRows(rows: others, features: untaught)
      self.target = others.isEmpty ? target : labelled.map { target[$0] }
      self.weights = others.isEmpty ? weights : weights.map { weights in labelled.map { weights[$0] } }
      tableRowOfRow = others.isEmpty ? nil : labelled
      someRows = nil
    } else {
      features = try featureTable(table, columns: roles.features)
      asked = nil
      self.target = target
      self.weights = weights
      tableRowOfRow = nil
      someRows = roles.fold == nil || timed != nil ? labelled : labelled.filter { foldOfRow[$0] >= 0 }
    }
    table.forgetNumbers()
    if newOnly { table.forgetRecords { target[$0].isNaN } }
  }

  // MARK: Folds

  /// The fits in order of time, where one is told.
  private static func fits(
    _ table: StoredTable, _ roles: TrainingRoles, _ session: FilterSession, labelled: [Int], _ weights: [Double]?, _ given: GivenFolds?,
    folds count: Int?, answersLabelled: Bool
  ) throws -> TimedFits? {
    guard let order = roles.order else { return nil }
    var blocks: [Double]?
    if answersLabelled, let given {
      guard case .blocks(let told) = given else {
        throw session.failure(
          "the table has folds drawn at random, and under \(order.shared[0].flag) folds are blocks of time", column: "fold",
          remedy: "drop the column and qfit makes blocks")
      }
      blocks = told
    }
    let fits = try order.fits(
      table, labelled: labelled, teaches: { (weights?[$0] ?? 1) > 0 }, given: blocks, count: count, answersLabelled: answersLabelled,
      session)
    if fits.whole == nil {
      throw session.failure("no labelled row that the window keeps has a weight above zero", remedy: "give rows weight, or a longer --window")
    }
    return fits
  }

  /// The folds that the table tells, −1 of rows that do not train; nil where it tells none.
  private static func given(_ given: GivenFolds?, _ labelled: [Int], rows: Int, _ session: FilterSession) throws -> [Int]? {
    guard case .drawn(let numbers)? = given else { return nil }
    var foldOfRow = [Int](repeating: -1, count: rows)
    for row in labelled where !numbers[row].isNaN { foldOfRow[row] = Int(numbers[row]) }
    guard Set(foldOfRow.filter { $0 >= 0 }).count >= 2 else {
      throw session.failure("the labelled rows stand in fewer than two folds", column: "fold", remedy: "drop the column and qfit draws folds")
    }
    return foldOfRow
  }

  private static func drawn(
    _ table: StoredTable, _ roles: TrainingRoles, _ session: FilterSession, labelled: [Int], count: Int, seed: UInt64
  ) throws -> [Int] {
    let labels: [Int32]?
    if let group = roles.group, case .categories(let codes, _) = try table.feature(group) { labels = codes } else { labels = nil }
    if let drawn = drawFolds(count, labelled: labelled, labels: labels, rows: table.rows, seed: seed) { return drawn }
    let units = foldUnits(labelled, labels).count
    let things = labels == nil ? "labelled row" : "group"
    throw session.failure(
      "\(counted(units, things)) cannot make \(count) folds",
      remedy: units < 2 ? "with --new-only one fit is made without folds" : "use --folds \(units) or fewer")
  }

  /// Rows of the table.
  let tableRows: Int

  /// Rows that train, increasing.
  var rows: [Int] { someRows ?? Array(target.indices) }

  /// −1 where it does not train, or there are no folds.
  func fold(of row: Int) -> Int { foldOfRow.isEmpty ? -1 : foldOfRow[row] }

  /// The copies in which a row of the table is written, and what answers each.
  func copies(of row: Int, _ plan: CopyPlan) -> [(copy: Int?, fit: FitRows)] {
    if let timed { return [(nil, timed.fit[row].map { .known($0) } ?? .none)] }
    return plan.copies(ofFold: fold(of: row), folds: folds).map { ($0.copy, .without($0.unseen)) }
  }

  /// The fits that are wanted, those on most rows first.
  func fits(_ plan: CopyPlan, writesLabelled: Bool, saves: Bool) -> [FitRows] {
    if let timed {
      let wanted = Set(timed.fit.compactMap { $0 } + (saves ? [timed.whole].compactMap { $0 } : []))
      return wanted.sorted(by: >).map { .known($0) }
    }
    return plan.fits(folds: folds, writesLabelled: writesLabelled, needsFull: !writesLabelled || saves || hasRowsWithoutFold).map { .without($0) }
  }

  /// Whether a row of the table, or a copy of it, is answered by a fit.
  func isAnswered(_ row: Int, by fit: FitRows, _ plan: CopyPlan) -> Bool {
    switch fit {
    case .none: false
    case .known(let fit): timed!.fit[row] == fit
    case .without(let unseen): plan.answers(fold: fold(of: row), without: unseen)
    }
  }

  /// The fits that a model file keeps, a copy after the other.
  func kept(_ plan: CopyPlan) -> [FitRows] {
    if let timed { return timed.whole.map { [.known($0)] } ?? [] }
    return plan.copies(ofFold: -1, folds: folds).map { .without($0.unseen) }
  }

  /// "without fold 3", "known before 2024-01-31" in messages; nil of a fit on all labelled rows.
  func title(_ fit: FitRows) -> String? {
    switch fit {
    case .without(let unseen): CopyPlan.omission(of: unseen)
    case .known(let fit): timed?.title(fit)
    case .none: nil
    }
  }

  var hasRowsWithoutFold: Bool { foldOfRow.isEmpty || foldOfRow.contains(-1) }

  /// The training set of some of `rows`.
  func trainingSet(of kept: [Int]) -> TrainingSet {
    TrainingSet(
      features: features.selecting(kept), target: kept.map { target[$0] }, weights: weights.map { w in kept.map { w[$0] } },
      times: timed.map { timed in timed.times.rows.selecting(tableRowOfRow.map { rows in kept.map { rows[$0] } } ?? kept) })
  }

  func target(of row: Int) -> Double { target[row] }
  func weight(of row: Int) -> Double { weights?[row] ?? 1 }

  /// The rows that teach a fit, increasing.
  func teaching(_ fit: FitRows) -> [Int] {
    switch fit {
    case .none: return []
    case .without(let unseen): return unseen.isEmpty ? rows : rows.filter { !unseen.contains(foldOfRow[$0]) }
    case .known(let fit):
      let taught = timed!.teaching(fit)
      guard let tableRowOfRow else { return taught }
      return taught.map { row in partitionPoint(0..<tableRowOfRow.count) { tableRowOfRow[$0] >= row } }
    }
  }

  /// How the rows of a fit are split to choose settings on them: by their folds or blocks of time, or at random where there are too few.
  func splits(_ fit: FitRows, seed: UInt64) -> [RowSplit] {
    let rows = teaching(fit)
    if let timed {
      let places = Array(rows.indices)
      let times = timed.times.rows.selecting(tableRowOfRow.map { table in rows.map { table[$0] } } ?? rows)
      let splits = times.splits(5, of: places)
      if !splits.isEmpty {
        return splits.map { RowSplit(teaching: $0.teaching.map { rows[$0] }, judged: $0.judged.map { rows[$0] }) }
      }
    }
    var fold = foldOfRow
    if timed != nil || Set(rows.map { foldOfRow.isEmpty ? 0 : foldOfRow[$0] }).count < 2 {
      fold = drawFolds(min(5, rows.count), labelled: rows, rows: features.rows, seed: seed)!
    }
    return Set(rows.map { fold[$0] }).sorted().map { k in
      RowSplit(teaching: rows.filter { fold[$0] != k }, judged: rows.filter { fold[$0] == k })
    }
  }

  /// The training set of a fit.
  func trainingSet(_ fit: FitRows) -> TrainingSet {
    if case .without(let unseen) = fit, unseen.isEmpty, rows.count == features.rows {
      return TrainingSet(features: features, target: target, weights: weights)
    }
    return trainingSet(of: teaching(fit))
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
