/// Weights that solve a `SimplexPinballProgram`, and the proof of how well.
package struct SimplexPinballSolution {
  package let weights: [Double]
  /// F(weights).
  package let objective: Double
  /// A lower bound on F over the simplex, proved by `multipliers`.
  package let bound: Double
  package let multipliers: [Double]
  /// Interior-point iterations and edges walked.
  package let iterations: Int
  package let edges: Int
  /// The vertex that `weights` are; empty where they are none.
  let planes: [SimplexPinballVertexSearch.Plane]

  /// What F(weights) may lie above the optimum at most.
  package var gap: Double { max(objective - bound, 0) }

  /// An interior point down to a relative gap of 10⁻¹¹, then an exact vertex. The better of the two is the answer, and
  /// the better of their two bounds its certificate.
  package init(_ program: SimplexPinballProgram, threads: Int) {
    let inner = SimplexPinballInteriorPoint(program, tolerance: 1e-11, threads: threads)
    var weights = inner.weights
    var objective = program.objective(weights, threads: threads)
    var multipliers = inner.multipliers[0]
    var bound = program.bound(multipliers, threads: threads)
    let search = SimplexPinballVertexSearch(
      program, near: weights, slacks: inner.slacks, multipliers: multipliers, threads: threads)
    var planes: [SimplexPinballVertexSearch.Plane] = []
    if let vertex = search.weights {
      let least = program.objective(vertex, threads: threads)
      // A vertex has weights that are exactly nought, which is worth the last digits.
      if least <= objective + 1e-12 * objective { (weights, objective, planes) = (vertex, least, search.planes) }
      let proved = program.bound(search.multipliers, threads: threads)
      if proved > bound { (multipliers, bound) = (search.multipliers, proved) }
    }
    self.weights = weights
    self.objective = objective
    self.bound = bound
    self.multipliers = multipliers
    self.planes = planes
    iterations = inner.iterations
    edges = search.edges
  }
}
