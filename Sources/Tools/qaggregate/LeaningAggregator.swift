import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles

/// A fitted combination that leans towards the average of the models: its answer is λ · its own + (1 − λ) · the average, level by level; λ is 1
/// but in order of time.
///
/// In order of time many methods learn from few times, whose rows share their shocks, and then do worse than the average. So λ is chosen by what is
/// known so far: of 0, 1/4, 1/2, 3/4 and 1 the one of least mean loss on the rows that earlier fits have answered and whose truth is out, if its
/// gain over the average is above the standard error over their times; else 0.
struct LeaningAggregator: Sendable {
  let fitted: any FittedAggregator
  /// λ.
  let share: Double

  static let shares = [0, 0.25, 0.5, 0.75, 1]

  init(_ fitted: any FittedAggregator, share: Double = 1) {
    self.fitted = fitted
    self.share = share
  }

  /// n × m quantiles.
  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    if share == 1 { return fitted.answer(predictions, features: features) }
    let average = LeaningAggregator.average(predictions)
    return share == 0 ? average : LeaningAggregator.mixed(fitted.answer(predictions, features: features), average, share)
  }

  private static func average(_ predictions: BasePredictions) -> Matrix {
    let nothing = AggregationTraining(
      predictions: BasePredictions(models: predictions.models, levels: predictions.levels, rows: 0, values: []), target: [])
    // It learns nothing, so it cannot fail.
    return try! Average(settings: Settings(of: Average.description)).fit(nothing, context: FitContext()).answer(predictions, features: nil)
  }

  /// Where one of them has no answer the other's stands.
  private static func mixed(_ own: Matrix, _ average: Matrix, _ share: Double) -> Matrix {
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
    return share == 1 ? table : table.leaning(share)
  }

  // MARK: In time

  /// Fits of increasing times, each leaning as far as the rows that the ones before it answered say.
  static func inTime(_ fitted: [any FittedAggregator], _ rows: AggregationRows, _ session: FilterSession) -> [LeaningAggregator] {
    let record = PrequentialRecord(fitted, rows, threads: session.threads)
    return fitted.indices.map { fit in LeaningAggregator(fitted[fit], share: record.share(at: fit)) }
  }

  /// The losses of labelled rows in order of time, each by the fit that answers it, for every share.
  struct PrequentialRecord {
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
      let members = Dictionary(grouping: rows.labelled.indices.filter { rows.fitOfRow[rows.labelled[$0]] != nil }) { rows.fitOfRow[rows.labelled[$0]]! }
      let parts = try! parallelMap(fitted.count, threads: threads) { fit -> [Entry] in
        guard let positions = members[fit] else { return [] }
        let judged = rows.training(of: positions)
        let own = fitted[fit].answer(judged.predictions, features: judged.features)
        let average = LeaningAggregator.average(judged.predictions)
        let byShare = LeaningAggregator.shares.map { share in
          LeaningAggregator.losses(share == 0 ? average : LeaningAggregator.mixed(own, average, share), judged)
        }
        return positions.enumerated().map { k, position in
          Entry(
            position: position, step: judged.times!.steps[k], weight: judged.weights?[k] ?? 1, losses: byShare.map { $0[k] })
        }
      }
      entries = parts.flatMap { $0 }
    }

    /// λ of a fit, by the rows that were answered and known before it.
    func share(at fit: Int) -> Double {
      let known = Set(rows.teaching(fit))
      var sums: [Int: (weight: Double, losses: [Double])] = [:]
      for entry in entries where known.contains(entry.position) && !entry.losses.contains(where: \.isNaN) {
        var sum = sums[entry.step] ?? (0, [Double](repeating: 0, count: entry.losses.count))
        sum.weight += entry.weight
        for k in entry.losses.indices { sum.losses[k] += entry.weight * entry.losses[k] }
        sums[entry.step] = sum
      }
      let times = sums.sorted { $0.key < $1.key }.map(\.value)
      guard times.count > 1 else { return 0 }
      let totals = LeaningAggregator.shares.indices.map { k in times.reduce(0) { $0 + $1.losses[k] } }
      let best = totals.indices.min { (totals[$0], $0) < (totals[$1], $1) }!
      let n = Double(times.count)
      let mean = (totals[0] - totals[best]) / n
      let squares = times.reduce(0) { sum, time in
        let gain = time.losses[0] - time.losses[best] - mean
        return sum + gain * gain
      }
      return mean > (squares / (n * (n - 1))).squareRoot() ? LeaningAggregator.shares[best] : 0
    }
  }

  /// Σ_τ ψ_τ of each row, in increasing order of its quantiles; NaN of a row without an answer.
  private static func losses(_ answers: Matrix, _ judged: AggregationTraining) -> [Double] {
    var answers = answers
    let levels = judged.predictions.levels
    let m = levels.count
    return judged.target.indices.map { i in
      answers.values.withUnsafeMutableBufferPointer { values in
        let row = UnsafeMutableBufferPointer(rebasing: values[i * m..<(i + 1) * m])
        if row.allSatisfy(\.isNaN) { return .nan }
        if !row.contains(where: \.isNaN) { Isotonic.sort(row) }
        return levels.indices.reduce(0) { sum, t in
          row[t].isNaN ? sum : sum + pinballLoss(level: levels[t], target: judged.target[i] * errorUnit, quantile: row[t] * errorUnit)
        }
      }
    }
  }
}
