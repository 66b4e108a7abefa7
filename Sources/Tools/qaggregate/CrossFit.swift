import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles

/// The aggregator fitted on the rows of each fit: on all labelled rows, unless rows are copied, and without each fold; or, in order of time, on what
/// was known by each of several times.
final class CrossFit {
  /// What unlabelled rows are answered by where no time decides, and a model file keeps: a fit, or one for each copy. None where nothing taught.
  let kept: [LeaningAggregator]
  let summary: [String: String]
  private let fits: [LeaningAggregator?]
  /// Of every row of the table, where some fits are left to a method that learns row after row.
  let online: Matrix?

  /// Fits that were chosen for each time.
  init(_ auto: AutoInTime, _ rows: AggregationRows) {
    fits = auto.fits
    online = auto.mixture
    kept = [auto.saved.fit]
    summary = ["rows": "\(rows.distinctRows)", "folds": "\(rows.fits.count - 1)"]
  }

  /// `methods` are one for each fit.
  init(_ methods: [ChosenMethod], _ rows: AggregationRows, session: FilterSession, seed: UInt64) throws {
    let jobs = rows.fits.indices.map { FitJob(omission: rows.title($0)) }
    let aggregators = try methods.map { try $0.aggregator() }
    let fitted = try session.runFits(jobs, seed: seed, summary: { (model: any FittedAggregator) in model.summary }) { i, context in
      try aggregators[i].fit(rows.training(i), context: context)
    }
    let fits = rows.timed == nil ? fitted.map { LeaningAggregator($0) } : LeaningAggregator.inTime(fitted, rows, session)
    self.fits = fits
    online = nil
    kept = rows.copiedFolds == nil ? [rows.whole].compactMap { $0 }.map { fits[$0] } : fits
    var summary = ["rows": "\(rows.distinctRows)", "folds": "\(rows.fits.count - (rows.copiedFolds == nil ? 1 : 0))"]
    if let share = kept.first?.share { summary["share"] = "\(share)" }
    self.summary = summary
  }

  /// nil where `online` has the answers.
  subscript(fit: Int) -> LeaningAggregator? { fits[fit] }
}
