import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// The labelled rows, their predictions, and which were predicted together.
///
/// Where rows are copied (column held), what answers copy ℓ learns from the copies ℓ of the rows of other folds k: their predictions are by
/// models that saw neither ℓ nor k. Copies ℓ of the rows of fold ℓ and of rows to be answered are answered; the
/// others have none, as what would answer them has learnt from them.
struct AggregationRows {
  /// Labelled rows, increasing.
  let labelled: [Int]
  /// Of every row of the table: the fold without which what answers it has learnt, −1 for none; nil leaves the row without an answer.
  let foldOfRow: [Int?]
  /// The folds without which something is to learn; nil is on all labelled rows.
  let omittedFolds: [Int?]
  /// How many labelled rows there are, each counted once.
  let distinctRows: Int
  /// The folds of the labelled rows by which something is chosen by cross-validation, whether rows are answered by fold or not.
  private let judgingFolds: [Int]
  /// Of each labelled row, where rows are copied: its fold (−1 for none), and the copy.
  private let copies: [(fold: Int, copy: Int)]?
  /// Of every row of the table; nil where no weight depends on them.
  let features: FeatureTable?
  /// Columns of dates, of which features are parts.
  let dates: [DateColumn]
  private let training: AggregationTraining

  init(_ table: StoredTable, _ roles: AggregatingRoles, _ combination: Combination, _ session: FilterSession, crossFits: Bool, seed: UInt64) throws {
    dates = roles.kinds.dates
    let target = table.numbers(roles.target)
    let labelled = target.indices.filter { !target[$0].isNaN }
    self.labelled = labelled
    guard !labelled.isEmpty else {
      throw session.failure(
        "no labelled row: all \(table.rows) targets are missing", column: table.header.names[roles.target],
        remedy: "--method average and median learn nothing")
    }
    let weights = try roles.weight.map { try session.learningWeights(table, $0, of: labelled) }
    let width = combination.columns.count
    let values = table.numbers(combination.columns)
    session.tellFeatureKinds(table, roles.features)
    let features = roles.features.isEmpty ? nil : try featureTable(table, columns: roles.features)
    self.features = features
    training = AggregationTraining(
      predictions: combination.predictions(labelled.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: labelled.count),
      target: labelled.map { target[$0] }, weights: weights.map { w in labelled.map { w[$0] } }, features: features?.selecting(labelled))

    if let column = roles.copy {
      let originals = try RowCopies(table, target: roles.target, fold: roles.fold, held: column, shared: [roles.weight].compactMap { $0 }, session)
      guard originals.isNested else {
        throw session.failure(
          "the labelled rows stand once, and learning needs copies of them by models that saw neither of two folds",
          column: table.header.names[column],
          remedy: "make the table with qfit --nested; --method average and median learn nothing")
      }
      table.forgetNumbers()
      func fold(_ row: Int) -> Int { originals.fold[originals.originalOfRow[row]] }
      let copies = labelled.map { (fold: fold($0) < 0 ? -1 : originals.folds[fold($0)], copy: originals.folds[originals.copyOfRow[$0]]) }
      self.copies = copies
      omittedFolds = originals.folds
      foldOfRow = (0..<table.rows).map { fold($0) < 0 || originals.isOwn($0) ? originals.folds[originals.copyOfRow[$0]] : nil }
      distinctRows = labelled.count { originals.isOwn($0) }
      judgingFolds = []
      return
    }
    copies = nil
    let given = roles.fold.map { table.numbers($0) }
    table.forgetNumbers()
    let folds =
      crossFits ? try session.crossFittingFolds(labelled, given: given, rows: table.rows, seed: seed) : [Int](repeating: -1, count: table.rows)
    foldOfRow = folds
    omittedFolds = [nil] + Set(folds.filter { $0 >= 0 }).sorted()
    let judged =
      crossFits
      ? folds
      : labelled.count > 1
        ? try session.crossFittingFolds(labelled, given: given, rows: table.rows, seed: seed) : [Int](repeating: 0, count: table.rows)
    judgingFolds = labelled.map { judged[$0] }
    distinctRows = labelled.count
  }

  /// The folds for each of which rows are copied.
  var copiedFolds: [Int]? { copies == nil ? nil : omittedFolds.compactMap { $0 } }

  /// Where choices are made: once, on all labelled rows, or, where rows are copied, for each copy on the rows that teach what answers it, so
  /// that no choice has seen the fold that the copy is held for.
  func choiceContexts(_ budget: ChoiceBudget, _ context: FitContext) -> [ChoiceContext] {
    guard let copies else { return [ChoiceContext(training, folds: judgingFolds, budget: budget, context: context)] }
    return omittedFolds.compactMap(\.self).map { held -> ChoiceContext in
      let positions = teachers(of: held, copies)
      var folds = positions.map { copies[$0].fold }
      if Set(folds).count < 2 {
        // Rows of one fold were predicted by the same models, so that any split of them judges.
        folds = drawFolds(min(5, folds.count), labelled: Array(folds.indices), rows: folds.count, seed: context.seed)!
      }
      return ChoiceContext(training.selecting(positions), folds: folds, budget: budget, context: context)
    }
  }

  /// The labelled copies for one fold that belong to rows of the others.
  private func teachers(of held: Int, _ copies: [(fold: Int, copy: Int)]) -> [Int] {
    copies.indices.filter { copies[$0].copy == held && copies[$0].fold >= 0 && copies[$0].fold != held }
  }

  /// Every labelled row but those of one fold.
  func training(without fold: Int?) -> AggregationTraining {
    guard let fold else { return training }
    if let copies { return training.selecting(teachers(of: fold, copies)) }
    let kept = labelled.indices.filter { foldOfRow[labelled[$0]] != fold }
    return training.selecting(kept)
  }
}
