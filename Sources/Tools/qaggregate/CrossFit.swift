import Aggregation
import FilterKit
import MethodKit

/// The aggregator fitted on all labelled rows, unless rows are copied, and without each fold.
final class CrossFit {
  /// What unlabelled rows are answered by: a fit, or one for each copy.
  let kept: [any FittedAggregator]
  let summary: [String: String]
  private let fits: [Int: any FittedAggregator]

  /// `methods` are one for each fit, as `AggregationRows.omittedFolds` has them.
  init(_ methods: [ChosenMethod], _ rows: AggregationRows, session: FilterSession, seed: UInt64) throws {
    let omitted = rows.omittedFolds
    let jobs = omitted.map { FitJob(omission: $0.map { "without fold \($0)" }) }
    let aggregators = try methods.map { try $0.aggregator() }
    let fitted = try session.runFits(jobs, seed: seed, summary: { (model: any FittedAggregator) in model.summary }) { i, context in
      try aggregators[i].fit(rows.training(without: omitted[i]), context: context)
    }
    kept = rows.copiedFolds == nil ? [fitted[0]] : fitted
    fits = Dictionary(uniqueKeysWithValues: zip(omitted.map { $0 ?? -1 }, fitted))
    summary = ["rows": "\(rows.distinctRows)", "folds": "\(omitted.compactMap { $0 }.count)"]
  }

  /// What has learnt without `fold` (−1: from all labelled rows).
  func fitted(forFold fold: Int) -> any FittedAggregator { fits[fold]! }
}
