import Aggregation
import FilterKit
import Groundwork
import MethodKit
import Quantiles

/// What `auto` answers in order of time: the online method and the average mixed, until another has done better by more than chance.
///
/// Each row is answered by λ · online + (1 − λ) · average, level by level, λ the mean of 0, ¼, ½, ¾ and 1 under weights
/// π_λ exp(η Σ_t (ℓ_t(0) − ℓ_t(λ)) / max(ℓ_t(0), ℓ_t(1))), t the times at which truths came out before, ℓ_t(λ) the summed pinball loss of their rows,
/// η = 4, π_1 = 0.8 and the others 0.05: it begins near the online method, and ten times that lose a tenth more by it bring it near the average.
///
/// Every candidate answers every labelled row by what was known before (its fits lean towards the average, see `LeaningAggregator`). A fit is left to
/// the candidate of least loss on the rows that were answered and known before it, if that is below the loss of the mixture by more than
/// the standard error over the times of these rows; else to the mixture.
///
/// Cost: the fits of every candidate, and the online method over all rows.
struct AutoInTime {
  /// The fits that answer, and the names of their methods.
  private(set) var fits: [LeaningAggregator?]
  private(set) var names: [String]
  /// What the mixture answers to every row.
  let mixture: Matrix
  /// The fit that a model file keeps, of a candidate that can be kept, and its method.
  let saved: (fit: LeaningAggregator, method: ChosenMethod)

  private static let mostComplexity = 40

  private struct Candidate {
    let method: ChosenMethod
    let fits: [LeaningAggregator]
    /// Of each labelled row; nil where it has no answer.
    let losses: [Double?]
  }

  init(_ rows: AggregationRows, _ all: (predictions: BasePredictions, target: [Double]), _ session: FilterSession, seed: UInt64) throws {
    let everyone = rows.training(of: Array(rows.labelled.indices))
    let mixture = AutoInTime.mixture(
      onlineAnswers(all.predictions, target: all.target, times: rows.timed!.times.rows), LeaningAggregator.average(all.predictions), rows, everyone)
    let base = everyone.pinballLosses(of: AutoInTime.labelled(mixture, rows))
    let candidates = try AutoInTime.candidates(rows, everyone, session, seed: seed)
    var (fits, names): ([LeaningAggregator?], [String]) = ([], [])
    var saved: (fit: LeaningAggregator, method: ChosenMethod)?
    for fit in rows.fits.indices {
      let judged = rows.known(before: fit).filter { base[$0] != nil && rows.fitOfRow[rows.labelled[$0]] != nil }
      let totals = candidates.map { candidate in
        judged.reduce(0.0) { $0 + (everyone.weights?[$1] ?? 1) * (candidate.losses[$1] ?? .infinity) }
      }
      let best = candidates[totals.indices.min { (totals[$0], $0) < (totals[$1], $1) }!]
      let beats = AutoInTime.beats(best.losses, base, judged, everyone)
      fits.append(beats ? best.fits[fit] : nil)
      names.append(beats ? best.method.text : AutoInTime.mixed)
      if fit == rows.whole { saved = (best.fits[fit], best.method) }
      session.diagnostics.note("auto: \(rows.title(fit) ?? "all labelled rows"): \(names.last!)")
    }
    (self.fits, self.names, self.mixture, self.saved) = (fits, names, mixture, saved!)
  }

  /// What the mixture is called in messages.
  static let mixed = "online and average"

  private static func labelled(_ answers: Matrix, _ rows: AggregationRows) -> Matrix {
    let m = answers.columns
    return Matrix(rows: rows.labelled.count, columns: m, values: rows.labelled.flatMap { answers.values[$0 * m..<($0 + 1) * m] })
  }

  private static let rate = 4.0
  private static let priors = [0.05, 0.05, 0.05, 0.05, 0.8]

  private static func mixture(_ online: Matrix, _ average: Matrix, _ rows: AggregationRows, _ everyone: AggregationTraining) -> Matrix {
    let shares = LeaningAggregator.shares
    let (own, plain) = (labelled(online, rows), labelled(average, rows))
    let losses = shares.map { everyone.pinballLosses(of: LeaningAggregator.mixed(own, plain, $0)) }
    let times = rows.timed!.times.rows
    let order = rows.labelled.indices.filter { i in losses.allSatisfy { $0[i] != nil } }
      .sorted { (times.known[rows.labelled[$0]], $0) < (times.known[rows.labelled[$1]], $1) }
    // Rows that come out together are measured in units of their larger loss, by the average or online, so that small times count as large ones
    // do, and none for more than 1.
    var gains = [Double](repeating: 0, count: shares.count)
    var next = 0
    var answers = online
    let m = online.columns
    let byStep = Dictionary(grouping: 0..<online.rows) { times.steps[$0] }
    for step in byStep.keys.sorted() {
      while next < order.count, times.known[rows.labelled[order[next]]] <= step {
        let out = times.known[rows.labelled[order[next]]]
        let end = order[next...].firstIndex { times.known[rows.labelled[$0]] != out } ?? order.count
        let sums = shares.indices.map { k in order[next..<end].reduce(0) { $0 + (everyone.weights?[$1] ?? 1) * losses[k][$1]! } }
        let unit = max(sums[0], sums[shares.count - 1])
        if unit > 0 { for k in shares.indices { gains[k] += (sums[0] - sums[k]) / unit } }
        next = end
      }
      let share = LeaningAggregator.share(gains: gains, scale: 1, rate: rate, priors: priors)
      let members = byStep[step]!
      let mixed = LeaningAggregator.mixed(
        Matrix(rows: members.count, columns: m, values: members.flatMap { online.row($0) }),
        Matrix(rows: members.count, columns: m, values: members.flatMap { average.row($0) }), share)
      for (k, row) in members.enumerated() { answers.values.replaceSubrange(row * m..<(row + 1) * m, with: mixed.row(k)) }
    }
    return answers
  }

  /// Every other method, fitted for each time, from the simplest.
  private static func candidates(_ rows: AggregationRows, _ everyone: AggregationTraining, _ session: FilterSession, seed: UInt64) throws
    -> [Candidate]
  {
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
          try aggregator.fit(rows.training($0), context: FitContext(seed: seed))
        }
      } catch is Failure {
        session.diagnostics.note("auto: \(method.name) could not be fitted")
        return nil
      }
      let fits = type.learns ? LeaningAggregator.inTime(fitted, rows, session) : fitted.map { LeaningAggregator($0) }
      var losses = [Double?](repeating: nil, count: rows.labelled.count)
      for (fit, positions) in rows.positionsOfFit {
        let judged = rows.training(of: positions)
        let own = judged.pinballLosses(of: fits[fit].answer(judged.predictions, features: judged.features))
        for (position, loss) in zip(positions, own) { losses[position] = loss }
      }
      return Candidate(method: method, fits: fits, losses: losses)
    }
  }

  /// Whether losses are below others on some rows by more than the standard error over their times.
  private static func beats(_ losses: [Double?], _ others: [Double?], _ judged: [Int], _ rows: AggregationTraining) -> Bool {
    var gains: [Int: Double] = [:]
    for i in judged {
      guard let loss = losses[i] else { return false }
      gains[rows.times!.steps[i], default: 0] += (rows.weights?[i] ?? 1) * (others[i]! - loss)
    }
    guard gains.count > 2 else { return false }
    let n = Double(gains.count)
    let ordered = gains.sorted { $0.key < $1.key }.map(\.value)
    let mean = ordered.reduce(0, +) / n
    let squares = ordered.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return mean > (squares / (n * (n - 1))).squareRoot()
  }
}
