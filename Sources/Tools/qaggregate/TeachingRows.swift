import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// Which column does what when qaggregate learns.
struct TeachingRoles {
  let target: Int
  let fold: Int?
  let weight: Int?
  /// Which copy of its row a row is, where rows are copied for cross-conformal calibration.
  let held: Int?
  let features: [Int]

  init(_ session: FilterSession, _ header: Header, _ flags: QAggregate, learns: Bool, usesFeatures: Bool) throws {
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    weight = try flags.weight.map { try session.column(header, $0) }
    fold = header.index(of: "fold")
    held = learns ? header.index(of: "held") : nil
    features =
      usesFeatures
      ? try session.featureColumns(
        header, named: flags.features, excluding: flags.exclude, used: Set([target, fold, weight, held].compactMap { $0 })) : []
  }

  func held(_ groups: [QuantileGroup]) -> [(column: Int, role: HeldTable.Role)] {
    let quantiles: [(column: Int, role: HeldTable.Role)] = groups.flatMap(\.columns).map { ($0, .number) }
    return [(target, .finite)] + [fold, held].compactMap { $0 }.map { ($0, .index) }
      + [weight].compactMap { $0 }.map { ($0, .weight(unlessMissing: target)) }
      + quantiles + features.map { ($0, .feature) }
  }

  func explanation(_ header: Header) -> [(String, String)] {
    [("target", header.names[target])] + (features.isEmpty ? [] : [("features", features.map { header.names[$0] }.joined(separator: " "))])
      + [("fold", fold), ("held", held), ("weight", weight)].compactMap { name, column in column.map { (name, header.names[$0]) } }
  }
}

/// The labelled rows, their predictions, and which were predicted together.
///
/// Where rows are copied (column held), what answers copy ℓ learns from the copies ℓ of the rows of other folds k: their predictions are by
/// models that saw neither ℓ nor k. Copies ℓ of the rows of fold ℓ and of rows to be answered are answered; the
/// others have none, as what would answer them has learnt from them.
struct TeachingRows {
  /// Labelled rows, increasing.
  let labelled: [Int]
  /// Of every row of the table: the fold without which what answers it has learnt, −1 for none; nil leaves the row without an answer.
  let foldOfRow: [Int?]
  /// The folds without which something is to learn; nil is on all labelled rows.
  let parts: [Int?]
  /// The labelled rows by which something is chosen by cross-validation, and the fold of each, whether rows are answered by fold or not.
  private let judging: (positions: [Int], folds: [Int])
  /// Of each labelled row, where rows are copied: its fold (−1 for none), and the copy.
  private let copies: [(fold: Int, held: Int)]?
  /// Of every row of the table; nil where no weight depends on them.
  let features: FeatureTable?
  private let training: AggregationTraining

  init(_ held: HeldTable, _ roles: TeachingRoles, _ combination: Combination, _ session: FilterSession, crossFits: Bool, seed: UInt64) throws {
    let target = held.numbers(roles.target)
    let labelled = target.indices.filter { !target[$0].isNaN }
    self.labelled = labelled
    guard !labelled.isEmpty else {
      throw session.failure(
        "no labelled row: all \(held.rows) targets are missing", column: held.header.names[roles.target],
        remedy: "--method average and median learn nothing")
    }
    let weights = try roles.weight.map { try session.rowWeights(held, $0, of: labelled) }
    let width = combination.columns.count
    let values = held.numbers(combination.columns)
    session.warnOfStrayTexts(held, roles.features)
    let features = roles.features.isEmpty ? nil : try featureTable(held, columns: roles.features)
    self.features = features
    training = AggregationTraining(
      predictions: combination.predictions(labelled.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: labelled.count),
      target: labelled.map { target[$0] }, weights: weights.map { w in labelled.map { w[$0] } }, features: features?.selecting(labelled))

    if let column = roles.held {
      let table = try RowCopies(held, target: roles.target, fold: roles.fold, held: column, shared: [roles.weight].compactMap { $0 }, session)
      guard table.isNested else {
        throw session.failure(
          "the labelled rows stand once, and learning needs copies of them by models that saw neither of two folds",
          column: held.header.names[column],
          remedy: "make the table with qfit --nested; --method average and median learn nothing")
      }
      held.forgetNumbers()
      func fold(_ row: Int) -> Int { table.fold[table.originalOfRow[row]] }
      let copies = labelled.map { (fold: fold($0) < 0 ? -1 : table.folds[fold($0)], held: table.folds[table.copyOfRow[$0]]) }
      self.copies = copies
      parts = table.folds
      foldOfRow = (0..<held.rows).map { fold($0) < 0 || table.isOwn($0) ? table.folds[table.copyOfRow[$0]] : nil }
      let own = labelled.indices.filter { table.isOwn(labelled[$0]) }
      judging = (own, own.map { copies[$0].fold })
      return
    }
    copies = nil
    let given = roles.fold.map { held.numbers($0) }
    held.forgetNumbers()
    let folds =
      crossFits ? try session.crossFittingFolds(labelled, given: given, rows: held.rows, seed: seed) : [Int](repeating: -1, count: held.rows)
    foldOfRow = folds
    parts = [nil] + Set(folds.filter { $0 >= 0 }).sorted()
    let judged =
      crossFits
      ? folds
      : labelled.count > 1
        ? try session.crossFittingFolds(labelled, given: given, rows: held.rows, seed: seed) : [Int](repeating: 0, count: held.rows)
    judging = (Array(labelled.indices), labelled.map { judged[$0] })
  }

  /// The folds for each of which rows are copied.
  var copiedFolds: [Int]? { copies == nil ? nil : parts.compactMap { $0 } }

  /// Where choices are made that are made once.
  func choiceContext(_ budget: ChoiceBudget, _ context: FitContext) -> ChoiceContext {
    ChoiceContext(
      judging.positions.count == labelled.count ? training : training.selecting(judging.positions), folds: judging.folds, budget: budget,
      context: context)
  }

  /// How many labelled rows there are, each counted once.
  var distinctRows: Int { judging.positions.count }

  /// Every labelled row but those of one fold.
  func training(without fold: Int?) -> AggregationTraining {
    guard let fold else { return training }
    if let copies { return training.selecting(copies.indices.filter { copies[$0].held == fold && copies[$0].fold >= 0 && copies[$0].fold != fold }) }
    let kept = labelled.indices.filter { foldOfRow[labelled[$0]] != fold }
    return training.selecting(kept)
  }
}

/// The aggregator fitted on all labelled rows, unless rows are copied, and without each fold.
final class CrossFit {
  /// What unlabelled rows are answered by: a fit, or one for each copy.
  let kept: [any FittedAggregator]
  let summary: [String: String]
  private let fits: [Int: any FittedAggregator]

  init(_ aggregator: any Aggregator, _ teaching: TeachingRows, session: FilterSession, seed: UInt64) throws {
    let parts = teaching.parts
    let jobs = parts.map { FitJob(part: $0.map { "without fold \($0)" }) }
    let fitted = try session.runFits(jobs, seed: seed, summary: { (model: any FittedAggregator) in model.summary }) { i, context in
      try aggregator.fit(teaching.training(without: parts[i]), context: context)
    }
    kept = teaching.copiedFolds == nil ? [fitted[0]] : fitted
    fits = Dictionary(uniqueKeysWithValues: zip(parts.map { $0 ?? -1 }, fitted))
    summary = ["rows": "\(teaching.distinctRows)", "folds": "\(parts.compactMap { $0 }.count)"]
  }

  /// What has learnt without `fold` (−1: from all labelled rows).
  func fitted(forFold fold: Int) -> any FittedAggregator { fits[fold]! }
}
