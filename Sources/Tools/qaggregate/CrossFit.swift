import Aggregation
import FilterKit
import Groundwork
import MethodKit

/// The aggregator fitted on the rows of each fit: on all labelled rows, unless rows are copied, and without each fold; or, in order of time, on what
/// was known by each of several times.
final class CrossFit {
  /// What unlabelled rows are answered by where no time decides, and a model file keeps: a fit, or one for each copy. None where nothing taught.
  let kept: [LeaningAggregator]
  let summary: [String: String]
  private let fits: [LeaningAggregator]

  /// `methods` are one for each fit.
  init(_ methods: [ChosenMethod], _ rows: AggregationRows, session: FilterSession, seed: UInt64) throws {
    let jobs = rows.fits.indices.map { FitJob(omission: rows.title($0)) }
    let aggregators = try methods.map { try $0.aggregator() }
    let fitted = try session.runFits(jobs, seed: seed, summary: { (model: any FittedAggregator) in model.summary }) { i, context in
      try aggregators[i].fit(rows.training(i), context: context)
    }
    fits = rows.timed == nil ? fitted.map { LeaningAggregator($0) } : LeaningAggregator.inTime(fitted, rows, session)
    kept = rows.copiedFolds == nil ? [rows.whole].compactMap { $0 }.map { [fits] in fits[$0] } : fits
    var summary = ["rows": "\(rows.distinctRows)", "folds": "\(rows.fits.count - (rows.copiedFolds == nil ? 1 : 0))"]
    if let share = kept.first?.share { summary["share"] = "\(share)" }
    self.summary = summary
  }

  subscript(fit: Int) -> LeaningAggregator { fits[fit] }
}
