import Groundwork
import Methods
import Quantiles

/// One weight a model for all rows and levels (Fakoor et al. 2023, section 3, global coarse):
///
///     min_w (1/Σω) Σ_i ω_i Σ_τ ψ_τ(y_i − Σ_j w_j ĝ_j(x_i; τ))  over  w ≥ 0, Σ_j w_j = 1,
///
/// solved to its optimum as a linear programme, with a duality gap that certifies it. Weights of models that do not help
/// are exactly zero.
///
/// - Of models with identical predictions in training the first gets the weight.
/// - A model whose mean loss is over 10⁸ times the least gets none: what it could add is below what certifies the rest.
/// - A model whose loss is rounding of the target, or below 10⁻²⁷⁰, gets everything.
/// - Models missing here and there: where at least half of the (row, level) terms have every model, and ten of them a
///   model, weights are learnt on those. Else every missing prediction is filled with the weighted mean of those present,
///   first with equal weights, then with those just learnt, while the loss of the renormalised aggregate falls; the gap
///   then certifies the filled programme. Either way it is said once.
///
/// Cost: some 30 passes of O(n·m·p²), parallel, and a copy of the predictions.
public struct GlobalCoarse: Aggregator {
  public static let description = MethodDescription(
    name: "global-coarse", summary: "one weight a model, the best there are on the training rows")
  public static let learns = true

  private static let hopeless = 1e8
  private static let largestFillCount = 6

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let predictions = training.predictions
    let p = predictions.models.count
    let m = predictions.levels.count
    let rowWeights = try normalisedRowWeights(training)
    let losses = TrainingLosses(training, rowWeights: rowWeights, threads: context.threads)
    guard losses.anyTerms > 0 else { throw noPredictions }

    let fullest = losses.terms.max()!
    let best = (0..<p).filter { 2 * losses.terms[$0] >= fullest }.min { (losses.meanLoss($0), $0) < (losses.meanLoss($1), $1) }!
    let size = training.target.indices.reduce(0) { $0 + rowWeights[$1] * abs(training.target[$1] * errorUnit) }
    // Below this a loss is rounding of the target itself.
    let floor = max(1e-16 * size, 1e-290)
    let candidates = try contenders(training, losses, limit: GlobalCoarse.hopeless * max(losses.meanLoss(best), floor), context)
    let scale = 1 / (max(losses.meanLoss(best), floor) * Double(m))

    var weights = [Double](repeating: 0, count: p)
    let isPerfect = losses.meanLoss(best) <= floor
    let outcome: (weights: [Double], objective: Double, gap: Double)
    if isPerfect || candidates.count == 1 {
      let loss = losses.loss[best] * scale
      outcome = (candidates.map { $0 == best ? 1 : 0 }, loss, isPerfect ? loss : 0)
    } else {
      outcome = solve(training, rowWeights, candidates, scale, context)
    }
    for (j, weight) in zip(candidates, outcome.weights) { weights[j] = weight }
    let fitted = FittedGlobalCoarse(
      table: ModelWeights(models: predictions.models, levels: m, table: Matrix(rows: p, columns: 1, values: weights)),
      objective: outcome.objective / scale / errorUnit, gap: outcome.gap / scale / errorUnit)
    context.note("objective \(fitted.objective), duality gap \(fitted.gap)")
    for (name, weight) in zip(predictions.models, weights) where weight > 0 {
      context.note("weight of \(name) \(weight)")
    }
    return fitted
  }

  /// The models that may get weight, in order.
  private func contenders(
    _ training: AggregationTraining, _ losses: TrainingLosses, limit: Double, _ context: FitContext
  ) throws -> [Int] {
    let predictions = training.predictions
    let m = predictions.levels.count
    let p = predictions.models.count
    var kept: [Int] = []
    for j in 0..<p {
      if losses.terms[j] == 0 {
        context.warn("\(predictions.models[j]) predicts no training row, so it gets weight zero")
        continue
      }
      if losses.meanLoss(j) > limit {
        context.warn("\(predictions.models[j]) loses over 1e8 times as much as the best model, so it gets weight zero")
        continue
      }
      let twin = kept.first { k in
        training.target.indices.allSatisfy { i in
          (0..<m).allSatisfy { t in
            let a = predictions.values[(i * p + j) * m + t]
            let b = predictions.values[(i * p + k) * m + t]
            return a == b || a.isNaN && b.isNaN
          }
        }
      }
      if let twin {
        context.note("\(predictions.models[j]) predicts what \(predictions.models[twin]) does and gets weight zero")
      } else {
        kept.append(j)
      }
    }
    return kept
  }

  /// Weights of `candidates`, objective and gap, both times `scale` and `errorUnit`.
  private func solve(
    _ training: AggregationTraining, _ rowWeights: [Double], _ candidates: [Int], _ scale: Double, _ context: FitContext
  ) -> (weights: [Double], objective: Double, gap: Double) {
    func program(_ fill: [Double]?) -> SimplexPinballProgram {
      SimplexPinballProgram(
        training, rowWeights: rowWeights, candidates: candidates, levels: Array(training.predictions.levels.indices),
        scale: scale, fill: fill, threads: context.threads)
    }
    func solution(_ program: SimplexPinballProgram) -> SimplexPinballSolution {
      let solution = SimplexPinballSolution(program, threads: context.threads)
      context.note("\(solution.iterations) interior-point iterations, \(solution.edges) edges")
      return solution
    }

    let gaps = Gaps(training, rowWeights, candidates)
    if gaps.someTerms == 0 || 2 * gaps.fullTerms >= gaps.fullTerms + gaps.someTerms && gaps.fullTerms >= 10 * candidates.count {
      if gaps.someTerms > 0 { context.warn(gaps.message + "weights were learnt on the \(gaps.fullTerms) row-level pairs that all predict") }
      let found = solution(program(nil))
      return (found.weights, found.objective, found.gap)
    }
    context.warn(gaps.message + "in training the weighted mean of the other models stood in for them")
    var fill = [Double](repeating: 1 / Double(candidates.count), count: candidates.count)
    var filled = program(fill)
    var best = (weights: fill, objective: filled.objective(fill, threads: context.threads), gap: Double.infinity)
    for _ in 0..<GlobalCoarse.largestFillCount {
      let found = solution(filled)
      fill = found.weights
      filled = program(fill)
      let loss = filled.objective(fill, threads: context.threads)
      if best.gap.isFinite && loss >= best.objective * (1 - 1e-9) { break }
      best = (fill, loss, found.gap)
    }
    return best
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator {
    let table = try ModelWeights(from: &reader)
    let objective = try reader.readDouble()
    let gap = try reader.readDouble()
    guard objective >= 0, gap >= 0 else { throw ByteReader.damaged }
    return FittedGlobalCoarse(table: table, objective: objective, gap: gap)
  }
}

/// Which predictions are missing in training.
private struct Gaps {
  /// Terms that every model predicts, and that only some do.
  var fullTerms = 0
  var someTerms = 0
  /// "12 rows lack some of a, b; "
  let message: String

  init(_ training: AggregationTraining, _ rowWeights: [Double], _ candidates: [Int]) {
    let predictions = training.predictions
    let (p, m) = (predictions.models.count, predictions.levels.count)
    var rows = 0
    var isLacking = [Bool](repeating: false, count: p)
    for i in training.target.indices where rowWeights[i] > 0 {
      var isRowLacking = false
      for t in 0..<m {
        var present = 0
        for j in candidates where predictions.values[(i * p + j) * m + t].isFinite { present += 1 }
        if present == candidates.count { fullTerms += 1 } else if present > 0 { someTerms += 1 }
        if present == candidates.count || present == 0 { continue }
        isRowLacking = true
        for j in candidates where !predictions.values[(i * p + j) * m + t].isFinite { isLacking[j] = true }
      }
      if isRowLacking { rows += 1 }
    }
    let names = candidates.filter { isLacking[$0] }.map { predictions.models[$0] }
    message = "\(rows) training rows lack predictions of \(names.joined(separator: ", ")): "
  }
}

/// Weights, and how good they are in training.
public struct FittedGlobalCoarse: FittedAggregator {
  public let table: ModelWeights
  /// (1/Σω) Σ_i ω_i Σ_τ ψ_τ in training, in units of the target.
  public let objective: Double
  /// What `objective` may lie above the optimum at most.
  public let gap: Double

  public func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix { table.answer(predictions) }
  public var weights: Matrix? { table.expanded }

  public func encode(into writer: inout ByteWriter) {
    table.encode(into: &writer)
    writer.write(objective)
    writer.write(gap)
  }

  public var summary: [(key: String, value: String)] {
    [("objective", "\(objective)"), ("gap", "\(gap)")]
      + zip(table.models, table.table.values).filter { $0.1 > 0 }.map { ("weight " + $0.0, "\($0.1)") }
  }
}
