import Aggregation
import FilterKit
import Groundwork
import Methods
import Quantiles
import Tables

/// Which column does what when qaggregate learns.
struct TeachingRoles {
  let target: Int
  let fold: Int?
  let weight: Int?
  let features: [Int]

  init(_ session: FilterSession, _ header: Header, _ flags: QAggregate, usesFeatures: Bool) throws {
    try session.refuseCopies(header)
    target = try session.requiredTarget(header, named: flags.targetOption.target)
    weight = try flags.weight.map { try session.column(header, $0) }
    fold = header.index(of: "fold")
    features =
      usesFeatures
      ? try session.featureColumns(header, named: flags.features, excluding: flags.exclude, used: Set([target, fold, weight].compactMap { $0 })) : []
  }

  func held(_ groups: [QuantileGroup]) -> [(column: Int, role: HeldTable.Role)] {
    [(target, .finite)] + [fold].compactMap { $0 }.map { ($0, .index) } + [weight].compactMap { $0 }.map { ($0, .weight) }
      + groups.flatMap(\.columns).map { ($0, .finite) } + features.map { ($0, .feature) }
  }

  func explanation(_ header: Header) -> [(String, String)] {
    [("target", header.names[target])] + (features.isEmpty ? [] : [("features", features.map { header.names[$0] }.joined(separator: " "))])
      + [("fold", fold), ("weight", weight)].compactMap { name, column in column.map { (name, header.names[$0]) } }
  }
}

/// The labelled rows, their predictions, and which were predicted together.
struct TeachingRows {
  /// Labelled rows, increasing.
  let labelled: [Int]
  /// Of every row of the table: the fold whose weights answer it; −1 for unlabelled rows.
  let foldOfRow: [Int]
  let folds: [Int]
  /// Of each labelled row: the fold it is in where something is chosen by cross-validation, whether rows are answered by fold or not.
  private let judgingFolds: [Int]
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
    let features = roles.features.isEmpty ? nil : try featureTable(held, columns: roles.features)
    self.features = features
    training = AggregationTraining(
      predictions: combination.predictions(labelled.flatMap { values[$0 * width..<($0 + 1) * width] }, rows: labelled.count),
      target: labelled.map { target[$0] }, weights: weights.map { w in labelled.map { w[$0] } }, features: features?.selecting(labelled))

    let given = roles.fold.map { held.numbers($0) }
    held.forgetNumbers()
    foldOfRow = crossFits ? try session.crossFittingFolds(labelled, given: given, rows: held.rows, seed: seed) : [Int](repeating: -1, count: held.rows)
    folds = Set(foldOfRow.filter { $0 >= 0 }).sorted()
    let judging = crossFits ? foldOfRow : labelled.count > 1 ? try session.crossFittingFolds(labelled, given: given, rows: held.rows, seed: seed) : [Int](repeating: 0, count: held.rows)
    judgingFolds = labelled.map { judging[$0] }
  }

  /// Where choices are made that are made once.
  func settling(_ budget: TuningBudget, _ context: FitContext) -> Settling { Settling(training, folds: judgingFolds, budget: budget, context: context) }

  /// The labelled rows with their predictions and features, for what is told of weights.
  var described: (predictions: BasePredictions, features: FeatureTable?) { (training.predictions, training.features) }

  /// Every labelled row but those of one fold.
  func training(without fold: Int?) -> AggregationTraining {
    guard let fold else { return training }
    let kept = labelled.indices.filter { foldOfRow[labelled[$0]] != fold }
    return training.selecting(kept)
  }
}

/// The aggregator fitted on all labelled rows, and without each fold.
final class CrossFit {
  let full: any FittedAggregator
  let summary: [String: String]
  private let withoutFold: [Int: any FittedAggregator]

  init(_ aggregator: any Aggregator, _ teaching: TeachingRows, session: FilterSession, seed: UInt64) throws {
    let parts: [Int?] = [nil] + teaching.folds
    let jobs = parts.map { FitJob(part: $0.map { "without fold \($0)" }) }
    let fitted = try session.runFits(jobs, seed: seed, summary: { (model: any FittedAggregator) in model.summary }) { i, context in
      try aggregator.fit(teaching.training(without: parts[i]), context: context)
    }
    full = fitted[0]
    withoutFold = Dictionary(uniqueKeysWithValues: zip(teaching.folds, fitted.dropFirst()))
    summary = ["rows": "\(teaching.labelled.count)", "folds": "\(teaching.folds.count)"]
  }

  /// What answers rows of `fold` (−1: unlabelled rows).
  func fitted(forFold fold: Int) -> any FittedAggregator { withoutFold[fold] ?? full }
}
