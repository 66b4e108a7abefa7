import Groundwork
import MethodKit
import Quantiles

/// Weights that minimise the loss and a crossing penalty together (see `CrossingSettings`): one linear programme over all levels, solved exactly.
///
/// A term of the penalty matters only where it is not zero. So the programme starts without any, from weights learnt without penalty; the
/// (row, pair of levels) terms that its solution violates join, it is solved anew, roughly at first, until none is left out. Multipliers of the
/// terms at hand, and zero for the others, are feasible for the dual of the whole: they certify the answer.
///
/// A hinge λ(a)_+ enters as λ|a|/2 plus the linear cost λa/2. Missing predictions are the mean of the row's other models at that level; rows where
/// none stands in are left out. Cost: some rounds of thirty interior-point steps, each O(n·m·p²) and, with weights for each level, O((p·m)³).
struct PenalisedWeightFit {
  /// p × 1, or p × m where levels have weights of their own.
  let weights: Matrix
  /// Loss and penalty, and what they may lie above the optimum, in units of the target.
  let objective: Double
  let gap: Double
  /// Terms of the penalty in the last programme.
  let terms: Int

  private static let largestRoundCount = 30
  /// More would not fit in memory.
  private static let largestTermCount = 3_000_000
  private static let tolerance = 1e-9

  /// `start` is p × 1 or p × m and says which it shall be.
  init(_ training: AggregationTraining, start: Matrix, settings: CrossingSettings, context: FitContext) throws {
    let predictions = training.predictions
    let (p, m) = (predictions.models.count, predictions.levels.count)
    let rowWeights = try training.normalisedWeights()
    let losses = TrainingLosses(training, rowWeights: rowWeights, threads: context.threads)
    let least = max(losses.smallestMeanLoss, 1e-290)
    let candidates = (0..<p).filter { losses.meanLoss($0) <= 1e8 * least }
    let scale = 1 / (least * Double(m))
    let rows = training.target.indices.filter { rowWeights[$0] > 0 }
    let pairs = candidates.flatMap { j in (0..<m).map { j * m + $0 } }
    let errors = PairErrors(training, rows: rows, rowWeights: rowWeights, pairs: pairs, scale: scale)
    guard errors.rows > 0, candidates.count > 0 else { throw noPredictions }
    let table = CrossingTable(
      errors: errors, models: candidates.count, levels: predictions.levels, isShared: start.columns == 1,
      margins: settings.margins(training, rowWeights: rowWeights).map { $0 * scale }, strength: settings.strength)

    var w = table.weights(candidates.map { Array(start.row($0)) })
    var included = Set<CrossingTerm>()
    var best = (w: w, value: Double.infinity)
    var bound = 0.0
    for round in 0..<PenalisedWeightFit.largestRoundCount {
      let (violated, penalty, isNew) = table.violations(w, beyond: included, threads: context.threads)
      let value = table.loss(w, threads: context.threads) + penalty
      if value < best.value { best = (w, value) }
      if best.value - bound <= PenalisedWeightFit.tolerance * best.value { break }
      if round > 2 && !isNew { break }
      included.formUnion(violated)
      if included.count > PenalisedWeightFit.largestTermCount {
        context.warn("quantiles cross in more places than memory holds: the penalty is minimised as far as the duality gap says")
        break
      }
      let programme = table.programme(included.sorted())
      let inner = SimplexPinballInteriorPoint(programme, tolerance: round == 0 ? 1e-4 : PenalisedWeightFit.tolerance / 10, threads: context.threads)
      context.note("\(programme.parts.count) parts, \(included.count) penalty terms, \(inner.iterations) interior-point steps")
      bound = max(bound, programme.bound(inner.multipliers, threads: context.threads))
      w = inner.weights
    }
    var weights = Matrix(rows: p, columns: start.columns)
    for (k, j) in candidates.enumerated() { for t in 0..<start.columns { weights[j, t] = best.w[t * candidates.count + k] } }
    self.weights = weights
    objective = best.value / scale / errorUnit
    gap = max(best.value - bound, 0) / scale / errorUnit
    terms = included.count
  }
}

/// A place where quantiles may cross: a row and two levels τ < τ'.
private struct CrossingTerm: Hashable, Comparable {
  let row: Int32
  let lower: Int32
  let upper: Int32

  static func < (a: CrossingTerm, b: CrossingTerm) -> Bool { (a.lower, a.upper, a.row) < (b.lower, b.upper, b.row) }
}

/// Loss and crossings of weights on one table. Variables are p for all levels, or level by level.
private struct CrossingTable {
  let errors: PairErrors
  let models: Int
  let levels: [Double]
  let isShared: Bool
  let margins: [Double]
  let strength: Double
  private let own: [JointSimplexProgram.Part]

  init(errors: PairErrors, models: Int, levels: [Double], isShared: Bool, margins: [Double], strength: Double) {
    self.errors = errors
    self.models = models
    self.levels = levels
    self.isShared = isShared
    self.margins = margins
    self.strength = strength
    let m = levels.count
    own = levels.enumerated().map { t, level in
      JointSimplexProgram.Part(
        program: errors.program((0..<models).map { $0 * m + t }, level: level, costs: [Double](repeating: 0, count: models)),
        variables: (0..<models).map { (isShared ? 0 : t * models) + $0 })
    }
  }

  private var groups: [Range<Int>] { isShared ? [0..<models] : levels.indices.map { $0 * models..<($0 + 1) * models } }

  /// Variables of rows of weights, one a model; those without any weight together are made equal.
  func weights(_ table: [[Double]]) -> [Double] {
    (0..<table[0].count).flatMap { t -> [Double] in
      let sum = table.reduce(0) { $0 + $1[t] }
      return table.map { sum > 0 ? $0[t] / sum : 1 / Double(models) }
    }
  }

  func loss(_ w: [Double], threads: Int) -> Double { JointSimplexProgram(parts: own, groups: groups).objective(w, threads: threads) }

  /// The terms above zero, the whole penalty, and whether one is not among those `known`. O(n·m²).
  func violations(_ w: [Double], beyond known: Set<CrossingTerm>, threads: Int) -> (terms: [CrossingTerm], penalty: Double, isNew: Bool) {
    let m = levels.count
    // In units of the best model's mean loss over all levels: what is less is rounding of quantiles that are equal.
    let nothing = 1e-12 / Double(m)
    let blockRows = 256
    let parts = try! parallelMap((errors.rows + blockRows - 1) / blockRows, threads: threads) {
      block -> (terms: [CrossingTerm], penalty: Double, isNew: Bool) in
      var terms: [CrossingTerm] = []
      var penalty = 0.0
      var isNew = false
      var q = [Double](repeating: 0, count: m)
      for i in block * blockRows..<min(errors.rows, (block + 1) * blockRows) {
        for t in 0..<m {
          q[t] = 0
          for j in 0..<models { q[t] += w[(isShared ? 0 : t * models) + j] * errors.values[i * errors.columns + j * m + t] }
        }
        var sum = 0.0
        for t in 0..<m {
          for u in t + 1..<max(m, t + 1) {
            let excess = q[t] - q[u] + margins[t * m + u]
            if excess <= nothing { continue }
            let term = CrossingTerm(row: Int32(i), lower: Int32(t), upper: Int32(u))
            terms.append(term)
            sum += excess
            isNew = isNew || !known.contains(term)
          }
        }
        penalty += errors.rowWeights[i] * sum
      }
      return (terms, penalty, isNew)
    }
    return (parts.flatMap(\.terms), strength * parts.reduce(0) { $0 + $1.penalty }, parts.contains { $0.isNew })
  }

  /// The programme with these terms of the penalty, sorted.
  func programme(_ terms: [CrossingTerm]) -> JointSimplexProgram {
    var parts = own
    var first = 0
    while first < terms.count {
      var end = first + 1
      while end < terms.count, isShared || (terms[end].lower == terms[first].lower && terms[end].upper == terms[first].upper) { end += 1 }
      parts.append(part(terms[first..<end]))
      first = end
    }
    return JointSimplexProgram(parts: parts, groups: groups)
  }

  /// Terms of one pair of levels, or of all where levels share weights.
  private func part(_ terms: ArraySlice<CrossingTerm>) -> JointSimplexProgram.Part {
    let size = SimplexPinballProgram.blockTerms
    let m = levels.count
    let width = isShared ? models : 2 * models
    var values = [Double](repeating: 0, count: (terms.count + size - 1) / size * width * size)
    var half: [Double] = []
    var costs = [Double](repeating: 0, count: width)
    for (r, term) in terms.enumerated() {
      let (t, u) = (Int(term.lower), Int(term.upper))
      let row = Int(term.row) * errors.columns
      let weight = strength * errors.rowWeights[Int(term.row)] / 2
      let margin = margins[t * m + u]
      half.append(weight)
      for j in 0..<models {
        let (low, high) = (errors.values[row + j * m + t], errors.values[row + j * m + u])
        // The margin stands with the lower level, whose weights sum to one.
        let entries = isShared ? [(j, low - high + margin)] : [(j, low + margin), (models + j, -high)]
        for (k, value) in entries {
          values[r / size * width * size + k * size + r % size] = value
          costs[k] += weight * value
        }
      }
    }
    let (t, u) = (Int(terms.first!.lower), Int(terms.first!.upper))
    return JointSimplexProgram.Part(
      program: SimplexPinballProgram(models: width, errors: values, high: half, low: half, costs: costs),
      variables: isShared ? Array(0..<models) : (0..<models).map { t * models + $0 } + (0..<models).map { u * models + $0 })
  }
}
