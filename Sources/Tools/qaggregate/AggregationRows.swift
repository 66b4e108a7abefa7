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
  /// Which labelled rows a fit learns from.
  enum Fit {
    /// All but those of a fold; nil is all of them.
    case without(Int?)
    /// Those of a fit in order of time.
    case known(Int)
  }

  let fits: [Fit]
  /// Of every row of the table: the fit that answers it, by its place among `fits`; nil leaves the row without an answer.
  let fitOfRow: [Int?]
  /// The fits in order of time, where one is told.
  let timed: TimedFits?
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
  /// Predictions and targets of every row of the table, where a method answers rows as it learns.
  let all: (predictions: BasePredictions, target: [Double])?

  init(
    _ table: StoredTable, _ roles: AggregatingRoles, _ combination: Combination, _ session: FilterSession, crossFits: Bool, folds count: Int?,
    keepsAll: Bool, seed: UInt64
  )
    throws
  {
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
    let given = try roles.fold.map { try GivenFolds(table, $0, order: roles.order, session) }
    let predictions = combination.predictions(labelled.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: labelled.count)
    all = keepsAll ? (combination.predictions(values, rows: table.rows), target) : nil
    timed = try AggregationRows.fits(table, roles, session, labelled, weights, predictions, given, crossFits: crossFits, count: count)
    training = AggregationTraining(
      predictions: predictions, target: labelled.map { target[$0] }, weights: weights.map { w in labelled.map { w[$0] } },
      features: features?.selecting(labelled), times: timed?.times.rows.selecting(labelled))
    if let timed {
      table.forgetNumbers()
      (copies, judgingFolds, distinctRows) = (nil, [], labelled.count)
      fits = timed.steps.indices.map { .known($0) }
      fitOfRow = timed.fit
      return
    }

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
      fits = originals.folds.map { .without($0) }
      fitOfRow = (0..<table.rows).map { fold($0) < 0 || originals.isOwn($0) ? originals.copyOfRow[$0] : nil }
      distinctRows = labelled.count { originals.isOwn($0) }
      judgingFolds = []
      return
    }
    copies = nil
    var numbers: [Double]?
    if case .drawn(let told)? = given { numbers = told }
    table.forgetNumbers()
    if crossFits, numbers == nil {
      session.warnOfSharedDates(table, roles: [roles.target, roles.weight], doing: "folds are drawn at random")
    }
    func drawn() throws -> [Int] {
      try session.crossFittingFolds(labelled, given: numbers, count: count, rows: table.rows, seed: seed)
    }
    let folds = crossFits ? try drawn() : [Int](repeating: -1, count: table.rows)
    let omitted = Set(folds.filter { $0 >= 0 }).sorted()
    fits = [.without(nil)] + omitted.map { .without($0) }
    let place = Dictionary(uniqueKeysWithValues: omitted.enumerated().map { ($1, $0 + 1) })
    fitOfRow = folds.map { place[$0] ?? 0 }
    let judged = crossFits ? folds : labelled.count > 1 ? try drawn() : [Int](repeating: 0, count: table.rows)
    judgingFolds = labelled.map { judged[$0] }
    distinctRows = labelled.count
  }

  /// The fits in order of time, where one is told. Rows that no model predicts teach nothing. Labelled rows are answered even where they are not
  /// written: by their losses a fit knows how far to lean towards the average.
  private static func fits(
    _ table: StoredTable, _ roles: AggregatingRoles, _ session: FilterSession, _ labelled: [Int], _ weights: [Double]?,
    _ predictions: BasePredictions,
    _ given: GivenFolds?, crossFits: Bool, count: Int?
  ) throws -> TimedFits? {
    guard let order = roles.order else { return nil }
    if roles.copy != nil {
      throw session.failure(
        "the rows are copies for cross-conformal calibration, which rests on rows that could have come in any order", column: "held",
        remedy: "leave out \(order.shared[0].flag), or make the table without --nested and --cv-plus")
    }
    let place = Dictionary(uniqueKeysWithValues: labelled.enumerated().map { ($1, $0) })
    let fits = try order.fits(
      table, labelled: labelled, teaches: { (weights?[$0] ?? 1) > 0 && predictions.hasPrediction(row: place[$0]!) },
      given: order.blocks(given, session), count: count,
      answersLabelled: true, isStrict: crossFits, session)
    guard fits.whole != nil else {
      throw session.failure(
        "no labelled row, of those that --window keeps, has a prediction", remedy: "fill the quantile columns of labelled rows, for example with qfit"
      )
    }
    return fits
  }

  /// The folds for each of which rows are copied.
  var copiedFolds: [Int]? {
    copies == nil ? nil : fits.compactMap { fit in if case .without(let fold) = fit { fold } else { nil } }
  }

  /// The fit that answers rows without a target where no time decides, and is saved.
  var whole: Int? { timed == nil ? 0 : timed!.whole }

  /// "without fold 3", "known before 2024-01-31" in messages; nil of the fit on all labelled rows.
  func title(_ fit: Int) -> String? {
    switch fits[fit] {
    case .without(let fold): fold.map { "without fold \($0)" }
    case .known(let fit): timed?.title(fit)
    }
  }

  /// The choices that are made: once, on all labelled rows; or for each fit on the rows that teach it, where rows are copied, so that no choice has
  /// seen the fold that a copy is held for, and in order of time, so that none has seen what comes later.
  var choices: Range<Int> { timed == nil && copies == nil ? 0..<1 : fits.indices }

  /// What one of the choices has at hand. It is made anew each time: the rows of all fits at once would not find room.
  func choiceContext(_ choice: Int, _ budget: ChoiceBudget, _ context: FitContext) -> ChoiceContext {
    if timed != nil {
      let known = training(choice)
      return ChoiceContext(known, splits: known.times!.splits(5, of: Array(known.target.indices)), budget: budget, context: context)
    }
    guard let copies else { return ChoiceContext(training, splits: RowSplit.folds(judgingFolds), budget: budget, context: context) }
    let positions = teaching(choice)
    var folds = positions.map { copies[$0].fold }
    if Set(folds).count < 2 {
      // Rows of one fold were predicted by the same models, so that any split of them judges.
      folds = drawFolds(min(5, folds.count), labelled: Array(folds.indices), rows: folds.count, seed: context.seed)!
    }
    return ChoiceContext(training.selecting(positions), splits: RowSplit.folds(folds), budget: budget, context: context)
  }

  /// The labelled copies for one fold that belong to rows of the others.
  private func teachers(of held: Int, _ copies: [(fold: Int, copy: Int)]) -> [Int] {
    copies.indices.filter { copies[$0].copy == held && copies[$0].fold >= 0 && copies[$0].fold != held }
  }

  /// The rows that teach a fit, as positions among the labelled ones.
  func teaching(_ fit: Int) -> [Int] {
    switch fits[fit] {
    case .without(nil): return Array(labelled.indices)
    case .without(let fold?):
      if let copies { return teachers(of: fold, copies) }
      return labelled.indices.filter { fitOfRow[labelled[$0]] != fit }
    case .known(let known):
      return timed!.teaching(known).map { row in partitionPoint(0..<labelled.count) { labelled[$0] >= row } }
    }
  }

  /// Of each fit the labelled rows that it answers, by their positions.
  var positionsOfFit: [Int: [Int]] {
    let answered = labelled.indices.filter { fitOfRow[labelled[$0]] != nil }
    return Dictionary(grouping: answered) { fitOfRow[labelled[$0]]! }
  }

  /// The labelled rows, by their positions, whose truth was out before a fit, whether it has forgotten them or not.
  func known(before fit: Int) -> [Int] {
    guard case .known(let known) = fits[fit], let timed else { return teaching(fit) }
    let step = timed.steps[known]
    return labelled.indices.filter { step == timed.times.moments.count || timed.times.rows.known[labelled[$0]] <= step }
  }

  /// What teaches a fit.
  func training(_ fit: Int) -> AggregationTraining {
    if case .without(nil) = fits[fit] { return training }
    return training.selecting(teaching(fit))
  }

  /// Some labelled rows, by their positions.
  func training(of positions: [Int]) -> AggregationTraining { training.selecting(positions) }
}
