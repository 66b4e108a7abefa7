import Groundwork
import MethodKit
import Quantiles

/// At each output level one weight for every pair of model j and level ν (Fakoor et al. 2023, section 3, global fine), shrunk towards
/// `GlobalMedium`:
///
///     min_w (1/Σω) Σ_i ω_i ψ_τ(y_i − Σ_jν w_jν^τ ĝ_j(x_i; ν)) + λ L Σ_jν w_jν^τ |Φ⁻¹(ν) − Φ⁻¹(τ)|  over  w^τ ≥ 0, Σ_jν w_jν^τ = 1.
///
/// The last sum is how far weight strays from level τ, a Wasserstein distance in normal scores; L, the mean loss of the best model, makes λ a
/// number without units. λ = 0 is the paper's programme, a large λ is medium. Either way it is a linear programme a level, solved by column
/// generation (see `FineLevelSolver`) and certified over all p·m pairs.
///
/// λ is the largest whose 5-fold cross-validated loss is within one standard error of the least: with p·m weights a level the training loss
/// alone fits noise. At most 2,000 rows and 11 levels choose it.
///
/// - A pair that fewer than half as many rows have as the fullest pair gets no weight, nor one that loses over 10⁸ times what the best does.
/// - Rows that lack some pair teach only where fewer than half of all do so; else the mean of the other models stands in.
///
/// Cost: some ten passes of O(n·p·m) a level, parallel over levels.
public struct GlobalFine: Aggregator {
  public static let description = MethodDescription(
    name: "global-fine", summary: "weights on all pairs of model and level, the best there are on the training rows, shrunk to their own level",
    settings: [
      SettingDescription(
        "shrinkage", .number(-1...1e6), default: "-1",
        "what a unit of weight costs for each normal score it strays from its level, in mean losses; -1 is chosen by cross-validation")
    ])
  public static let learns = true
  public static let complexity: Int? = 60

  /// Tried in this order, each from the weights of the one before.
  private static let path = [1e6, 0.3, 0.1, 0.03, 0.01, 0.003, 0]
  private static let cap = 1e6
  private static let judgingRows = 2000
  /// Of the best model's mean loss; moves losses and bounds by half of that each at most.
  private static let jitter = 1e-9
  private static let judgingLevels = 11
  private let shrinkage: Double

  public init(settings: Settings) { shrinkage = settings.number("shrinkage") }

  /// λ is chosen once, on all rows, or once for each copy of the rows.
  public static func choose(_ settings: Settings, _ choice: ChoiceContext) throws -> ChosenMethod {
    guard settings.number("shrinkage") < 0 else { return ChosenMethod(Self.self, settings: settings.written) }
    let (errors, distances, _) = try GlobalFine(settings: settings).prepared(choice.training, choice.context)
    let strength = try GlobalFine(settings: settings).chooseShrinkage(errors, distances, choice.training.predictions.levels, choice.context)
    return ChosenMethod(Self.self, settings: [("shrinkage", "\(strength)")])
  }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let predictions = training.predictions
    let m = predictions.levels.count
    let (errors, distances, scale) = try prepared(training, context)
    let strength = shrinkage >= 0 ? shrinkage : try chooseShrinkage(errors, distances, predictions.levels, context)
    let solver = FineLevelSolver(errors: errors)
    // Neighbouring levels have similar weights: runs of them are walked along, a fixed number so that the answer ignores threads.
    let runs = min(m, 12)
    let points = try parallelMap(runs, threads: context.threads) { run -> [FineLevelSolver.Point] in
      var last: FineLevelSolver.Point?
      return (run * m / runs..<(run + 1) * m / runs).map { t in
        let point = solver.solve(
          level: predictions.levels[t], costs: GlobalFine.costs(strength, distances[t]), nearest: GlobalFine.nearest(distances[t]),
          start: strength < GlobalFine.cap ? last : nil)
        last = point
        context.progress(Double(t) / Double(m))
        return point
      }
    }.flatMap { $0 }
    let fitted = FittedGlobalFine(
      models: predictions.models,
      pairWeights: points.map { point in
        zip(point.active, point.weights).filter { $0.1 > 0 }.map { (pair: errors.pairs[$0.0], weight: $0.1) }.sorted { $0.pair < $1.pair }
      },
      shrinkage: strength, objective: points.reduce(0) { $0 + $1.objective } / scale / errorUnit,
      gap: points.reduce(0) { $0 + max($1.objective - $1.bound, 0) + GlobalFine.jitter } / scale / errorUnit)
    context.note(
      """
      shrinkage \(strength), objective \(fitted.objective), duality gap \(fitted.gap), \
      \(fitted.pairWeights.reduce(0) { $0 + $1.count }) weights above zero
      """
    )
    return fitted
  }

  /// The errors of all pairs, and how far each pair is from each level.
  private func prepared(_ training: AggregationTraining, _ context: FitContext) throws -> (errors: PairErrors, distances: [[Double]], scale: Double) {
    let predictions = training.predictions
    let m = predictions.levels.count
    let rowWeights = try training.normalisedWeights()
    let losses = TrainingLosses(training, rowWeights: rowWeights, threads: context.threads)
    guard losses.anyTerms > 0 else { throw noPredictions }
    let scale = 1 / max(losses.smallestMeanLoss, 1e-290)
    let errors = pairErrors(training, rowWeights, scale: scale, context)
    guard errors.rows > 0 else { throw noPredictions }
    let scores = predictions.levels.map(NormalDistribution.quantile)
    return (errors, (0..<m).map { t in errors.pairs.map { abs(scores[$0 % m] - scores[t]) } }, scale)
  }

  /// κ of every column. At the cap weight stays at its level, or the nearest there is.
  private static func costs(_ strength: Double, _ distances: [Double]) -> [Double] {
    if strength < cap { return distances.map { strength * $0 } }
    let least = distances.min()!
    return distances.map { $0 <= least ? 0 : .infinity }
  }

  private static func nearest(_ distances: [Double]) -> [Int] {
    let least = distances.min()!
    return distances.indices.filter { distances[$0] <= least }
  }

  private func pairErrors(_ training: AggregationTraining, _ rowWeights: [Double], scale: Double, _ context: FitContext) -> PairErrors {
    let (p, m) = (training.predictions.models.count, training.predictions.levels.count)
    let values = training.predictions.values
    let rows = training.target.indices.filter { rowWeights[$0] > 0 }
    var counts = [Int](repeating: 0, count: p * m)
    for i in rows { for k in 0..<p * m where values[i * p * m + k].isFinite { counts[k] += 1 } }
    let fullest = counts.max()!
    let pairs = counts.indices.filter { counts[$0] > 0 && 2 * counts[$0] >= fullest }
    let sparse = (0..<p).filter { j in !pairs.contains { $0 / m == j } }
    context.tellWeightless("that predict too few training rows", sparse.map { training.predictions.models[$0] })
    let complete = rows.filter { i in pairs.allSatisfy { values[i * p * m + $0].isFinite } }
    if complete.count < rows.count {
      let lacking = rows.count - complete.count
      context.warn(
        "\(counted(lacking, "training row lacks", "training rows lack")) some predictions: "
          + (2 * complete.count >= rows.count ? "weights were learnt on the others" : "the mean of the other models stood in for them"))
    }
    let used = 2 * complete.count >= rows.count ? complete : rows
    return PairErrors(training, rows: used, rowWeights: rowWeights, pairs: pairs, scale: scale, jitter: GlobalFine.jitter).withoutHopeless()
  }

  /// The largest λ of the path within a standard error of the best.
  private func chooseShrinkage(_ errors: PairErrors, _ distances: [[Double]], _ levels: [Double], _ context: FitContext) throws -> Double {
    guard errors.rows >= 20, errors.columns > 1 else { return GlobalFine.cap }
    var random = RandomStream(seed: context.seed, stream: 0xF17E)
    var rows = Array(0..<errors.rows)
    random.shuffle(&rows)
    rows = rows.prefix(GlobalFine.judgingRows).sorted()
    let splits = crossValidationSplits(rows, count: 5, times: errors.times, seed: context.seed)
    let folds = splits.map(\.judged)
    let judged = spreadLevels(levels.count, count: GlobalFine.judgingLevels)
    let teaching = splits.map { errors.selecting(rows: $0.teaching) }
    // Of each fold and level: the loss of every row, a λ after the other.
    let jobs = try parallelMap(folds.count * judged.count, threads: context.threads) { job -> [[Double]] in
      let (fold, t) = (job / judged.count, judged[job % judged.count])
      let solver = FineLevelSolver(errors: teaching[fold])
      var last: FineLevelSolver.Point?
      return GlobalFine.path.map { strength in
        let point = solver.solve(
          level: levels[t], costs: GlobalFine.costs(strength, distances[t]), nearest: GlobalFine.nearest(distances[t]), start: last)
        last = point
        return errors.losses(folds[fold], level: levels[t], point)
      }
    }
    // Summed over levels, row by row.
    var byRow = [[Double]](repeating: [], count: GlobalFine.path.count)
    for fold in folds.indices {
      for s in GlobalFine.path.indices {
        var sums = [Double](repeating: 0, count: folds[fold].count)
        for l in judged.indices { for (k, loss) in jobs[fold * judged.count + l][s].enumerated() { sums[k] += loss } }
        byRow[s] += sums
      }
    }
    let weights = folds.flatMap { $0.map { errors.rowWeights[$0] } }
    let total = weights.reduce(0, +)
    let means = byRow.map { losses in zip(losses, weights).reduce(0) { $0 + $1.0 * $1.1 } / total }
    let best = means.indices.min { (means[$0], $0) < (means[$1], $1) }!
    let chosen = GlobalFine.path.indices.first { s in
      let excess = means[s] - means[best]
      let variance =
        weights.indices.reduce(0) { sum, k in
          let distance = byRow[s][k] - byRow[best][k] - excess
          return sum + weights[k] * weights[k] * distance * distance
        } / (total * total)
      return excess <= variance.squareRoot()
    }!
    context.note("cross-validated losses " + zip(GlobalFine.path, means).map { "\($0) (shrinkage \($1))" }.joined(separator: ", "))
    return GlobalFine.path[chosen]
  }

  public static var fitted: any FittedAggregator.Type { FittedGlobalFine.self }
}

extension PairErrors {
  /// Without columns whose mean error is over 10⁸ times the least.
  fileprivate func withoutHopeless() -> PairErrors {
    var sizes = [Double](repeating: 0, count: columns)
    for r in 0..<rows { for c in 0..<columns { sizes[c] += rowWeights[r] * abs(values[r * columns + c]) } }
    let limit = 1e8 * max(sizes.min() ?? 0, 1e-16)
    let kept = sizes.indices.filter { sizes[$0] <= limit }
    return kept.count == columns ? self : selecting(columns: kept)
  }

  /// ψ_τ of every one of `rows`, in units of the best model's mean loss.
  fileprivate func losses(_ rows: [Int], level: Double, _ point: FineLevelSolver.Point) -> [Double] {
    rows.map { r in
      var error = 0.0
      for (c, w) in zip(point.active, point.weights) where w > 0 { error += w * values[r * columns + c] }
      return pinballLoss(level: level, target: 0, quantile: error)
    }
  }
}
