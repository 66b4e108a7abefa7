import Groundwork
import MethodKit

/// Weights of the models that together lose least on a training set, the same for all of its levels: the fit behind every global method
/// that has one weight a model at a time. See `GlobalCoarse` for what it promises.
struct SimplexWeightFit {
  /// p weights, on the simplex.
  private(set) var weights: [Double]
  /// (1/Σω) Σ_i ω_i Σ_τ ψ_τ in training, in units of the target.
  let objective: Double
  /// What `objective` may lie above the optimum at most.
  let gap: Double

  private static let hopeless = 1e8
  private static let largestFillCount = 6

  /// `rivals` are weights that must not lose less where predictions are missing. Throws where no training row has a prediction, or weight.
  init(_ training: AggregationTraining, rivals: [[Double]] = [], context: FitContext) throws {
    let predictions = training.predictions
    let p = predictions.models.count
    let m = predictions.levels.count
    let rowWeights = try training.normalisedWeights()
    let losses = TrainingLosses(training, rowWeights: rowWeights, threads: context.threads)
    guard losses.anyTerms > 0 else { throw noPredictions }

    let fullest = losses.terms.max()!
    let best = (0..<p).filter { 2 * losses.terms[$0] >= fullest }.min { (losses.meanLoss($0), $0) < (losses.meanLoss($1), $1) }!
    let size = training.target.indices.reduce(0) { $0 + rowWeights[$1] * abs(training.target[$1] * errorUnit) }
    // Below this a loss is rounding of the target itself.
    let floor = max(1e-16 * size, 1e-290)
    let candidates = try SimplexWeightFit.contenders(training, losses, limit: SimplexWeightFit.hopeless * max(losses.meanLoss(best), floor), context)
    let scale = 1 / (max(losses.meanLoss(best), floor) * Double(m))

    weights = [Double](repeating: 0, count: p)
    let isPerfect = losses.meanLoss(best) <= floor
    let outcome: (weights: [Double], objective: Double, gap: Double)
    if isPerfect || candidates.count == 1 {
      let loss = losses.loss[best] * scale
      outcome = (candidates.map { $0 == best ? 1 : 0 }, loss, isPerfect ? loss : 0)
    } else {
      outcome = SimplexWeightFit.solve(training, rowWeights, candidates, scale, context)
    }
    for (j, weight) in zip(candidates, outcome.weights) { weights[j] = weight }
    let loss = RenormalisedLoss(training, rowWeights: rowWeights, threads: context.threads)
    if loss.hasGaps, let better = SimplexWeightFit.better(than: weights, rivals, loss, training, rowWeights, candidates, scale, context) {
      weights = better.weights
      objective = better.objective / errorUnit
      gap = better.gap / errorUnit
      return
    }
    objective = outcome.objective / scale / errorUnit
    gap = outcome.gap / scale / errorUnit
  }

  /// Where predictions are missing, programmes see other terms than the answer does, or other predictions. So what they find is held against every
  /// single model, equal weights and `rivals`, all on the same terms with the same stand-ins; where one of these loses less, it is taken, or
  /// what the programme finds from there. nil where none does.
  private static func better(
    than found: [Double], _ rivals: [[Double]], _ loss: RenormalisedLoss, _ training: AggregationTraining, _ rowWeights: [Double],
    _ candidates: [Int], _ scale: Double, _ context: FitContext
  ) -> (weights: [Double], objective: Double, gap: Double)? {
    let p = found.count
    let singles = loss.ofSingleModels().enumerated().map { j, lost in (weights: (0..<p).map { $0 == j ? 1.0 : 0 }, loss: lost) }
    let others = ([[Double](repeating: 1 / Double(p), count: p)] + rivals).map { (weights: $0, loss: loss($0)) }
    let rival = (singles + others).filter { $0.loss.isFinite }.min { $0.loss < $1.loss }
    guard let rival, !(loss(found) <= rival.loss) else { return nil }
    let total = candidates.reduce(0) { $0 + rival.weights[$1] }
    let fill = candidates.map { total > 0 ? rival.weights[$0] / total : 1 / Double(candidates.count) }
    let solution = SimplexPinballSolution(
      SimplexPinballProgram(
        training, rowWeights: rowWeights, candidates: candidates, levels: Array(training.predictions.levels.indices), scale: scale, fill: fill,
        threads: context.threads), threads: context.threads)
    var weights = [Double](repeating: 0, count: p)
    for (j, weight) in zip(candidates, solution.weights) { weights[j] = weight }
    let reached = loss(weights)
    let best = reached < rival.loss ? (weights: weights, loss: reached) : rival
    return (best.weights, best.loss, max(best.loss - solution.bound / scale, 0))
  }

  /// The models that may get weight, in order.
  private static func contenders(
    _ training: AggregationTraining, _ losses: TrainingLosses, limit: Double, _ context: FitContext
  ) throws -> [Int] {
    let predictions = training.predictions
    let m = predictions.levels.count
    let p = predictions.models.count
    var kept: [Int] = []
    func tell(_ which: String, _ isMeant: (Int) -> Bool) { context.tellWeightless(which, (0..<p).filter(isMeant).map { predictions.models[$0] }) }
    tell("that predict no training row") { losses.terms[$0] == 0 }
    tell("that lose over 1e8 times as much as the best") { losses.terms[$0] != 0 && losses.meanLoss($0) > limit }
    for j in 0..<p {
      if losses.terms[j] == 0 || losses.meanLoss(j) > limit { continue }
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
  private static func solve(
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
      if gaps.someTerms > 0 { context.warn(gaps.message(context) + "weights were learnt on the \(gaps.fullTerms) row-level pairs that all predict") }
      let found = solution(program(nil))
      return (found.weights, found.objective, found.gap)
    }
    context.warn(gaps.message(context) + "in training the weighted mean of the other models stood in for them")
    var fill = [Double](repeating: 1 / Double(candidates.count), count: candidates.count)
    var filled = program(fill)
    var best = (weights: fill, objective: filled.objective(fill, threads: context.threads), gap: Double.infinity)
    for _ in 0..<largestFillCount {
      let found = solution(filled)
      fill = found.weights
      filled = program(fill)
      let loss = filled.objective(fill, threads: context.threads)
      if best.gap.isFinite && loss >= best.objective * (1 - 1e-9) { break }
      best = (fill, loss, found.gap)
    }
    return best
  }
}

/// Which predictions are missing in training.
private struct Gaps {
  /// Terms that every model predicts, and that only some do.
  var fullTerms = 0
  var someTerms = 0
  private var rows = 0
  /// Models that lack some.
  private let models: [String]

  init(_ training: AggregationTraining, _ rowWeights: [Double], _ candidates: [Int]) {
    let predictions = training.predictions
    let (p, m) = (predictions.models.count, predictions.levels.count)
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
    models = candidates.filter { isLacking[$0] }.map { predictions.models[$0] }
  }

  /// "12 training rows lack predictions (of a, b): "
  func message(_ context: FitContext) -> String {
    "\(counted(rows, "training row lacks", "training rows lack")) predictions (of \(context.list(models))): "
  }
}
