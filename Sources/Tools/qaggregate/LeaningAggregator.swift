import Aggregation
import FilterKit
import Glibc
import Groundwork
import MethodKit
import Quantiles

/// A fitted combination, which in order of time leans towards the average of the models: its answer is then
/// λ · its own, held within the range of the models + (1 − λ) · the average, level by level.
///
/// In order of time many methods learn from few times, whose rows share their shocks, and then do worse than the average. So λ is learnt from what
/// is known so far, as exponential weights have it (Cesa-Bianchi, Lugosi 2006, section 2.3): the mean of 0, 1/4, 1/2, 3/4 and 1 under weights
/// π_λ exp(η Σ_t (ℓ_t(0) − ℓ_t(λ)) / s), t the times whose rows earlier fits have answered and whose truth is out, ℓ_t(λ) the summed pinball loss of
/// their rows, s the mean of ℓ_t(0), η = 1/4, π_0 = 0.9 and the others 0.025. It is 0 before a fit has been judged. The loss is convex in λ, so
/// the regret to the average is at most s (ln(1/0.9)/η + η/8 · Σ_t (range_t/s)²): 0.4 s where ranges are small, less than one time's loss.
struct LeaningAggregator: Sendable {
  let fitted: any FittedAggregator
  /// λ; nil where it does not lean.
  let share: Double?

  static let shares = [0, 0.25, 0.5, 0.75, 1]
  private static let priors = [0.9, 0.025, 0.025, 0.025, 0.025]
  private static let rate = 0.25

  init(_ fitted: any FittedAggregator, share: Double? = nil) {
    self.fitted = fitted
    self.share = share
  }

  /// n × m quantiles.
  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    guard let share else { return fitted.answer(predictions, features: features) }
    let average = LeaningAggregator.average(predictions)
    if share == 0 { return average }
    let own = LeaningAggregator.within(predictions, fitted.answer(predictions, features: features))
    return LeaningAggregator.mixed(own, average, share)
  }

  static func average(_ predictions: BasePredictions) -> Matrix {
    let nothing = AggregationTraining(
      predictions: BasePredictions(models: predictions.models, levels: predictions.levels, rows: 0, values: []), target: [])
    // It learns nothing, so it cannot fail.
    return try! Average(settings: Settings(of: Average.description)).fit(nothing, context: FitContext()).answer(predictions, features: nil)
  }

  /// The answers, none of them outside what the models of the row predict at its level.
  private static func within(_ predictions: BasePredictions, _ answers: Matrix) -> Matrix {
    let (p, m) = (predictions.models.count, predictions.levels.count)
    var held = answers
    for i in 0..<predictions.rows {
      for t in 0..<m {
        var (low, high) = (Double.infinity, -Double.infinity)
        for j in 0..<p {
          let value = predictions.values[(i * p + j) * m + t]
          if value.isFinite { (low, high) = (min(low, value), max(high, value)) }
        }
        if low <= high, !held[i, t].isNaN { held[i, t] = min(max(held[i, t], low), high) }
      }
    }
    return held
  }

  /// λ under weights π exp(η · gain / scale).
  static func share(gains: [Double], scale: Double, rate: Double, priors: [Double]) -> Double {
    let most = gains.max()!
    let weights = zip(gains, priors).map { $1 * exp(rate * (($0 - most) / scale)) }
    return zip(weights, shares).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
  }

  /// Where one of them has no answer the other's stands.
  static func mixed(_ own: Matrix, _ average: Matrix, _ share: Double) -> Matrix {
    var mixed = own
    for k in mixed.values.indices {
      let (a, b) = (own.values[k], average.values[k])
      mixed.values[k] = a.isNaN ? b : b.isNaN ? a : share * a + (1 - share) * b
    }
    return mixed
  }

  /// What `--describe` shows.
  func weightTable(_ predictions: BasePredictions, features: FeatureTable?) -> WeightTable? {
    guard let table = fitted.weightTable(predictions, features: features) else { return nil }
    return share.map { table.leaning($0) } ?? table
  }

  // MARK: In time

  /// Fits of increasing times, each leaning as far as the rows that the ones before it answered say.
  static func inTime(_ fitted: [any FittedAggregator], _ rows: AggregationRows, _ session: FilterSession) -> [LeaningAggregator] {
    let record = PrequentialRecord(fitted, rows, threads: session.threads)
    return fitted.indices.map { fit in LeaningAggregator(fitted[fit], share: record.share(at: fit)) }
  }

  /// The losses of labelled rows in order of time, each by the fit that answers it, for every share.
  private struct PrequentialRecord {
    private struct Entry {
      let position: Int
      let step: Int
      let weight: Double
      /// One a share.
      let losses: [Double]
    }

    private let entries: [Entry]
    private let rows: AggregationRows

    init(_ fitted: [any FittedAggregator], _ rows: AggregationRows, threads: Int) {
      self.rows = rows
      let members = rows.positionsOfFit
      let parts = try! parallelMap(fitted.count, threads: threads) { fit -> [Entry] in
        guard let positions = members[fit] else { return [] }
        let judged = rows.training(of: positions)
        let own = LeaningAggregator.within(judged.predictions, fitted[fit].answer(judged.predictions, features: judged.features))
        let average = LeaningAggregator.average(judged.predictions)
        let byShare = LeaningAggregator.shares.map { share in
          judged.pinballLosses(of: share == 0 ? average : LeaningAggregator.mixed(own, average, share))
        }
        return positions.enumerated().compactMap { k, position -> Entry? in
          let losses = byShare.compactMap { $0[k] }
          guard losses.count == byShare.count else { return nil }
          return Entry(position: position, step: judged.times!.steps[k], weight: judged.weights?[k] ?? 1, losses: losses)
        }
      }
      entries = parts.flatMap { $0 }
    }

    /// λ of a fit, by the rows that were answered and known before it.
    func share(at fit: Int) -> Double {
      var isKnown = [Bool](repeating: false, count: rows.labelled.count)
      for position in rows.known(before: fit) { isKnown[position] = true }
      var sums: [Int: [Double]] = [:]
      for entry in entries where isKnown[entry.position] {
        var sum = sums[entry.step] ?? [Double](repeating: 0, count: entry.losses.count)
        for k in entry.losses.indices { sum[k] += entry.weight * entry.losses[k] }
        sums[entry.step] = sum
      }
      guard !sums.isEmpty else { return 0 }
      let times = sums.sorted { $0.key < $1.key }.map(\.value)
      let scale = times.reduce(0) { $0 + $1[0] } / Double(times.count)
      let gains = LeaningAggregator.shares.indices.map { k in times.reduce(0) { $0 + ($1[0] - $1[k]) } }
      // Where the average never errs nothing is to be gained.
      guard scale > 0 else { return 0 }
      return LeaningAggregator.share(gains: gains, scale: scale, rate: LeaningAggregator.rate, priors: LeaningAggregator.priors)
    }
  }
}
