import Aggregation
import FilterKit
import Glibc
import Groundwork
import MethodKit
import Quantiles

/// What `auto` answers in order of time: the online method, until another has done better than it by more than chance.
///
/// Every candidate answers every labelled row by what was known before (its fits lean towards the average, see `LeaningAggregator`). A fit is left to
/// the candidate of least loss on the rows that were answered and known before it, if that is below the loss of the online method by more than the
/// standard error over the times of these rows; else to the online method.
///
/// Cost: the fits of every candidate, and the online method over all rows.
struct AutoInTime {
  /// The fits that answer, and the names of their methods.
  private(set) var fits: [LeaningAggregator?]
  private(set) var names: [String]
  /// What the online method answers to every row.
  let online: Matrix
  /// The fit that a model file keeps, of a candidate that can be kept, and its method.
  let saved: (fit: LeaningAggregator, method: ChosenMethod)

  private static let mostComplexity = 40

  private struct Candidate {
    let method: ChosenMethod
    let fits: [LeaningAggregator]
    /// Of each labelled row; NaN where it has no answer.
    let losses: [Double]
  }

  init(_ rows: AggregationRows, _ all: (predictions: BasePredictions, target: [Double]), _ session: FilterSession, seed: UInt64) throws {
    let timed = rows.timed!
    let online = onlineAnswers(all.predictions, target: all.target, times: timed.times.rows)
    let width = online.columns
    let answered = Matrix(
      rows: rows.labelled.count, columns: width, values: rows.labelled.flatMap { online.values[$0 * width..<($0 + 1) * width] })
    let everyone = rows.training(of: Array(rows.labelled.indices))
    let base = LeaningAggregator.losses(answered, everyone)
    let candidates = try AutoInTime.candidates(rows, everyone, session, seed: seed)
    var (fits, names): ([LeaningAggregator?], [String]) = ([], [])
    var last: (fit: LeaningAggregator, method: ChosenMethod)?
    for fit in rows.fits.indices {
      let known = rows.teaching(fit)
      let judged = known.filter { rows.fitOfRow[rows.labelled[$0]] != nil && !base[$0].isNaN }
      let totals = candidates.map { candidate in judged.reduce(0.0) { $0 + (everyone.weights?[$1] ?? 1) * candidate.losses[$1] } }
      let best = totals.indices.min { (totals[$0].isNaN ? .infinity : totals[$0], $0) < (totals[$1].isNaN ? .infinity : totals[$1], $1) }!
      let beats = AutoInTime.beats(candidates[best].losses, base, judged, everyone)
      fits.append(beats ? candidates[best].fits[fit] : nil)
      names.append(beats ? candidates[best].method.text : "online")
      last = (candidates[best].fits[fit], candidates[best].method)
      session.diagnostics.note("auto: \(rows.title(fit) ?? "all labelled rows"): \(names.last!)")
    }
    (self.fits, self.names, self.online, saved) = (fits, names, online, last!)
  }

  /// Every other method, fitted for each time, from the simplest.
  private static func candidates(_ rows: AggregationRows, _ everyone: AggregationTraining, _ session: FilterSession, seed: UInt64) throws
    -> [Candidate]
  {
    let quiet = FitContext(threads: session.threads, seed: seed)
    let progress = Progress("qaggregate: choosing", quiet: session.options.quiet)
    defer { progress.clear() }
    // Weights for each level, pair or row learn more than a few times, whose rows share their shocks, can teach, and cost the most.
    let types = Auto.candidates(aggregatorRegistry, hasFeatures: false).filter { ($0.complexity ?? 0) <= mostComplexity }
    return try types.enumerated().compactMap { k, type -> Candidate? in
      defer { progress.update(Double(k + 1) / Double(types.count)) }
      let method = ChosenMethod(type)
      let aggregator = try method.aggregator()
      let fitted: [any FittedAggregator]
      do {
        fitted = try parallelMap(rows.fits.count, threads: session.threads) {
          try aggregator.fit(rows.training($0), context: FitContext(seed: quiet.seed))
        }
      } catch is Failure {
        session.diagnostics.note("auto: \(method.name) could not be fitted")
        return nil
      }
      let fits = type.learns ? LeaningAggregator.inTime(fitted, rows, session) : fitted.map { LeaningAggregator($0) }
      var losses = [Double](repeating: .nan, count: rows.labelled.count)
      let members = Dictionary(grouping: rows.labelled.indices.filter { rows.fitOfRow[rows.labelled[$0]] != nil }) {
        rows.fitOfRow[rows.labelled[$0]]!
      }
      for (fit, positions) in members {
        let judged = rows.training(of: positions)
        for (k, loss) in LeaningAggregator.losses(fits[fit].answer(judged.predictions, features: judged.features), judged).enumerated() {
          losses[positions[k]] = loss
        }
      }
      return Candidate(method: method, fits: fits, losses: losses)
    }
  }

  /// Whether losses are below others on some rows by more than the standard error over their times.
  private static func beats(_ losses: [Double], _ others: [Double], _ judged: [Int], _ rows: AggregationTraining) -> Bool {
    var gains: [Int: Double] = [:]
    for i in judged {
      if losses[i].isNaN { return false }
      gains[rows.times!.steps[i], default: 0] += (rows.weights?[i] ?? 1) * (others[i] - losses[i])
    }
    guard gains.count > 2 else { return false }
    let n = Double(gains.count)
    let ordered = gains.sorted { $0.key < $1.key }.map(\.value)
    let mean = ordered.reduce(0, +) / n
    let squares = ordered.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return mean > (squares / (n * (n - 1))).squareRoot()
  }
}
