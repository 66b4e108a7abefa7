/// Weights of one output level on all pairs (model, level), by column generation: a programme of a few tens of pairs is solved to a vertex,
/// its multipliers price all p·m pairs at once, those that would lower the loss join, until none would.
///
/// The multipliers are feasible for the dual of the whole programme in any case, so −max_c ((Eᵀz)_c − κ_c) bounds its optimum from below.
struct FineLevelSolver {
  /// What the walk has reached: where the next level, or the next penalty, starts from.
  struct Point {
    /// Columns in play and their weights.
    var active: [Int]
    var weights: [Double]
    fileprivate var planes: [SimplexPinballVertexSearch.Plane]
    var objective: Double
    var bound: Double
  }

  let errors: PairErrors
  /// Columns in play before those without weight are let go.
  private static let crowd = 72
  private static let largestRoundCount = 300

  /// Minimises Σ_i ω_i ψ_τ(−Σ_c w_c e_ic) + Σ_c κ_c w_c over the simplex; columns of infinite cost stay out.
  ///
  /// Without `start` it begins with the columns `nearest`. Stops at a gap of 10⁻⁹ of the objective, or where no column prices out.
  func solve(level: Double, costs: [Double], nearest: [Int], start: Point? = nil) -> Point {
    var point = start ?? Point(active: nearest, weights: [], planes: [], objective: .infinity, bound: -.infinity)
    point.objective = .infinity
    point.bound = -.infinity
    var isThorough = false
    for _ in 0..<FineLevelSolver.largestRoundCount {
      let program = errors.program(point.active, level: level, costs: point.active.map { costs[$0] })
      let multipliers = improve(&point, program, isThorough: isThorough)
      let prices = zip(errors.correlations(multipliers, level: level), costs).map { $0 - $1 }
      point.bound = max(point.bound, -(prices.max() ?? 0))
      let slack = 1e-10 * point.objective + 1e-14
      if point.objective - point.bound <= 10 * slack { break }
      let entering = self.entering(prices, above: slack - point.objective, point.active)
      if entering.isEmpty {
        // At a degenerate vertex its multipliers may prove too little; those of an interior point do better.
        if isThorough { break }
        isThorough = true
        continue
      }
      isThorough = false
      if point.active.count + entering.count > FineLevelSolver.crowd { point.dropIdle() }
      point.planes += entering.indices.map { .weight(point.active.count + $0) }
      point.active += entering
      point.weights += entering.map { _ in 0 }
    }
    return point
  }

  /// Solves the programme of the columns in play, from the vertex where the point stands or, thoroughly, from inside; returns multipliers.
  private func improve(_ point: inout Point, _ program: SimplexPinballProgram, isThorough: Bool) -> [Double] {
    if !point.weights.isEmpty && !isThorough {
      let search = SimplexPinballVertexSearch(program, at: point.planes, threads: 1)
      if let weights = search.weights, search.objective <= point.objective * (1 + 1e-12) + 1e-14 {
        (point.weights, point.planes, point.objective) = (weights, search.planes, search.objective)
        return search.multipliers
      }
    }
    let solution = SimplexPinballSolution(program, threads: 1)
    if point.weights.isEmpty || solution.objective < point.objective {
      (point.weights, point.planes, point.objective) = (solution.weights, solution.planes, solution.objective)
    }
    return solution.multipliers
  }

  /// Of each model the column that promises most, where it promises anything.
  private func entering(_ prices: [Double], above threshold: Double, _ active: [Int]) -> [Int] {
    let taken = Set(active)
    var best: [Int: Int] = [:]
    for c in prices.indices where prices[c] > threshold && !taken.contains(c) {
      let model = errors.modelOfColumn[c]
      if best[model].map({ prices[c] > prices[$0] }) ?? true { best[model] = c }
    }
    return best.values.sorted()
  }
}

extension FineLevelSolver.Point {
  /// Lets columns go that stand at zero.
  fileprivate mutating func dropIdle() {
    var idle: Set<Int> = []
    for plane in planes { if case .weight(let k) = plane { idle.insert(k) } }
    let kept = active.indices.filter { !idle.contains($0) }
    planes = planes.filter { if case .term = $0 { true } else { false } }
    active = kept.map { active[$0] }
    weights = kept.map { weights[$0] }
  }
}
