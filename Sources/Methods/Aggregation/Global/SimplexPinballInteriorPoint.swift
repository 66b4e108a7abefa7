import LinearAlgebra
import Regression

/// A predictor–corrector interior point for `SimplexPinballProgram` (Mehrotra 1992, in the bounded-dual form that Portnoy
/// and Koenker 1997 give quantile regression).
///
/// With residuals −Ew = u − v, box slacks x = z + low and y = high − z, and s = λ1 + κ − Eᵀz it follows the central path
/// u_r y_r = v_r x_r = w_j s_j = μ. A step solves p × p equations (EᵀDE + diag(s/w)) dw + 1 dλ = f, 1ᵀdw = 0 (a λ for each group of weights), with
/// D = 1/(u/y + v/x): an iteration is three passes over the errors, O(N·p²) together, and some 20 to 40 are needed.
struct SimplexPinballInteriorPoint {
  /// Weights inside the simplex, summing to one.
  let weights: [Double]
  /// Slacks s_j of the dual constraints: near zero for models with weight.
  let slacks: [Double]
  /// A feasible z of every part.
  let multipliers: [[Double]]
  let iterations: Int

  private static let largestIterationCount = 120

  /// Follows the path until the duality gap is `tolerance` of the objective, or no step can improve it.
  init(_ program: SimplexPinballProgram, tolerance: Double, threads: Int) {
    self.init(JointSimplexProgram(program), tolerance: tolerance, threads: threads)
  }

  /// The same for programmes that share weights.
  init(_ joint: JointSimplexProgram, tolerance: Double, threads: Int) {
    useSingleThreadedBLAS()
    var path = CentralPath(joint, threads: threads)
    var iterations = 0
    while iterations < SimplexPinballInteriorPoint.largestIterationCount {
      let normals = path.advance()
      if path.hasArrived(normals, tolerance: tolerance) { break }
      iterations += 1
      guard path.aim(normals) else { break }
    }
    self.iterations = iterations
    weights = path.normalisedWeights
    slacks = path.s
    multipliers = path.bestMultipliers ?? path.multipliers
  }
}

/// The weights and slacks of all groups, and where each part stands.
private struct CentralPath {
  typealias Normals = [SimplexPinballPoint.Normals]

  private struct Direction {
    let dw: [Double]
    let ds: [Double]
    let dLambda: [Double]
  }

  /// Fraction of the way to the boundary that a step goes.
  private static let reach = 0.9995

  private let joint: JointSimplexProgram
  private let threads: Int
  private let points: [SimplexPinballPoint]
  private let costs: [Double]
  private let groupOf: [Int]
  /// Complementary pairs.
  private let pairs: Double
  private var w: [Double]
  private(set) var s: [Double]
  private var lambda: [Double]
  /// Eᵀz − κ, of the last `hasArrived`.
  private var g: [Double] = []
  private var bound = -Double.infinity
  /// Those that proved `bound`, once it is near.
  private(set) var bestMultipliers: [[Double]]?
  /// How many steps lost what they should gain, one after the other.
  private var lost = 0
  private var steps = (primal: 0.0, dual: 0.0)

  init(_ joint: JointSimplexProgram, threads: Int) {
    self.joint = joint
    self.threads = threads
    let (p, groups) = (joint.variables, joint.groups)
    let points = joint.parts.map { SimplexPinballPoint($0.program) }
    var costs = [Double](repeating: 0, count: p)
    for part in joint.parts { for (j, cost) in zip(part.variables, part.program.costs) { costs[j] += cost } }
    var w = [Double](repeating: 0, count: p)
    for group in groups { for j in group { w[j] = 1 / Double(group.count) } }
    s = [Double](repeating: 1 / Double(groups.count), count: p)
    lambda = [Double](repeating: 1 / Double(groups.count), count: groups.count)
    groupOf = groups.enumerated().flatMap { index, group in group.map { _ in index } }
    pairs = Double(2 * joint.parts.reduce(0) { $0 + $1.program.terms } + p)
    _ = joint.forParts(threads: threads) { [w] k, inner in points[k].start(joint.restricted(w, to: k), inner) }
    (self.points, self.costs, self.w) = (points, costs, w)
  }

  var multipliers: [[Double]] { points.map(\.multipliers) }

  var normalisedWeights: [Double] {
    var result = w
    for group in joint.groups {
      let sum = w[group].reduce(0, +)
      for j in group { result[j] /= sum }
    }
    return result
  }

  /// Takes the step that `aim` found, and forms the normal equations there.
  func advance() -> Normals {
    joint.forParts(threads: threads) { k, inner in
      points[k].advance(joint.restricted(w, to: k), primalStep: steps.primal, dualStep: steps.dual, inner)
    }
  }

  /// Whether the gap is closed, or steps lose more than they gain.
  mutating func hasArrived(_ normals: Normals, tolerance: Double) -> Bool {
    g = zip(scattered(normals.map(\.gradient)), costs).map { $0 - $1 }
    let primal = normals.reduce(0) { $0 + $1.objective } + zip(costs, w).reduce(0) { $0 + $1.0 * $1.1 }
    let dual = joint.groups.reduce(0) { $0 - g[$1].max()! }
    if dual > bound {
      bound = dual
      if primal - dual <= 1e-3 * primal { bestMultipliers = multipliers }
    }
    if primal - bound <= tolerance * primal { return true }
    // Past what its digits allow, a step loses more than it gains.
    lost = dual < bound - 1e-9 * primal && primal - bound < 1e-6 * primal ? lost + 1 : 0
    return lost == 3
  }

  /// Mehrotra's step of the weights and slacks: an affine one tells how far the corrected one shall aim. False where it leads nowhere.
  mutating func aim(_ normals: Normals) -> Bool {
    let (joint, points) = (joint, points)
    guard let equations = StepEquations(joint, normals, w: w, s: s, groupOf: groupOf) else { return false }
    let affine = affineDirection(equations, normals)
    let predictions = joint.forParts(threads: threads) { k, inner in points[k].predict(joint.restricted(affine.dw, to: k), inner) }
    let mu = target(normals, affine, predictions)
    let corrected = correctedDirection(equations, affine, predictions, mu: mu)
    let ratios = joint.forParts(threads: threads) { k, inner in points[k].correct(joint.restricted(corrected.dw, to: k), mu: mu, inner) }
    steps = longestSteps(corrected, ratios, reach: CentralPath.reach)
    let isFinite = (corrected.dw + corrected.ds + corrected.dLambda + [steps.primal, steps.dual]).allSatisfy { $0.isFinite }
    guard isFinite, max(steps.primal, steps.dual) > 1e-8 else { return false }
    for j in w.indices {
      w[j] += steps.primal * corrected.dw[j]
      s[j] += steps.dual * corrected.ds[j]
    }
    for k in lambda.indices { lambda[k] += steps.dual * corrected.dLambda[k] }
    return true
  }

  private func affineDirection(_ equations: StepEquations, _ normals: Normals) -> Direction {
    var right = scattered(normals.map(\.right))
    for j in w.indices { right[j] += g[j] - lambda[groupOf[j]] }
    let (dw, dLambda) = equations.direction(right)
    return Direction(dw: dw, ds: w.indices.map { -s[$0] * (1 + dw[$0] / w[$0]) }, dLambda: dLambda)
  }

  /// μ.
  private func target(_ normals: Normals, _ affine: Direction, _ predictions: [SimplexPinballPoint.Prediction]) -> Double {
    let (a, b) = longestSteps(affine, predictions.map(\.ratios), reach: 1)
    let before = normals.reduce(0) { $0 + $1.complementarity }
    var complementarity = before
    for j in w.indices { complementarity += w[j] * s[j] }
    var remaining = before
    for prediction in predictions {
      remaining += a * prediction.primalChange
      remaining += b * prediction.dualChange + a * b * prediction.bothChange
    }
    for j in w.indices {
      let weight = w[j] + a * affine.dw[j]
      let slack = s[j] + b * affine.ds[j]
      remaining += weight * slack
    }
    return mehrotraTarget(complementarity, afterAffineStep: remaining, pairs: pairs)
  }

  private func correctedDirection(
    _ equations: StepEquations, _ affine: Direction, _ predictions: [SimplexPinballPoint.Prediction], mu: Double
  ) -> Direction {
    let target = w.indices.map { mu - affine.dw[$0] * affine.ds[$0] }
    var right = scattered(predictions.map(\.right))
    let rightPerMu = scattered(predictions.map(\.rightPerMu))
    for j in w.indices { right[j] += mu * rightPerMu[j] + target[j] / w[j] - lambda[groupOf[j]] + g[j] }
    let (dw, dLambda) = equations.direction(right)
    return Direction(dw: dw, ds: w.indices.map { (target[$0] - s[$0] * dw[$0]) / w[$0] - s[$0] }, dLambda: dLambda)
  }

  /// The longest steps that keep everything positive, at most 1; `ratios` are those of the parts.
  private func longestSteps(_ direction: Direction, _ ratios: [(primal: Double, dual: Double)], reach: Double) -> (primal: Double, dual: Double) {
    var primal = ratios.reduce(0) { max($0, $1.primal) }
    var dual = ratios.reduce(0) { max($0, $1.dual) }
    for j in w.indices {
      primal = max(primal, -direction.dw[j] / w[j])
      dual = max(dual, -direction.ds[j] / s[j])
    }
    return (min(1, reach / max(primal, 1e-300)), min(1, reach / max(dual, 1e-300)))
  }

  /// What the parts give to the variables they see, added up.
  private func scattered(_ own: [[Double]]) -> [Double] {
    var sum = [Double](repeating: 0, count: w.count)
    for (part, values) in zip(joint.parts, own) { for (j, value) in zip(part.variables, values) { sum[j] += value } }
    return sum
  }
}

/// (EᵀDE + diag(s/w)) dw + Aᵀ dλ = f, where each group's dw sums to what its weights lack of one.
private struct StepEquations {
  private let equations: GroupedEquations
  private let groupOf: [Int]
  private let ridges: [Double]
  private let shortfalls: [Double]

  /// Nil where they are not finite.
  init?(_ joint: JointSimplexProgram, _ normals: CentralPath.Normals, w: [Double], s: [Double], groupOf: [Int]) {
    let (p, groups) = (joint.variables, joint.groups)
    var matrix = [Double](repeating: 0, count: p * p)
    for (part, normal) in zip(joint.parts, normals) {
      let size = part.variables.count
      for a in 0..<size {
        for b in a..<size {
          let (i, j) = (min(part.variables[a], part.variables[b]), max(part.variables[a], part.variables[b]))
          matrix[i * p + j] += normal.gram[a * size + b]
        }
      }
    }
    for j in 0..<p { matrix[j * p + j] += s[j] / w[j] }
    // Terms without residual make EᵀDE vast everywhere but along w itself; since 1ᵀdw is known, adding a multiple of 11ᵀ
    // changes no solution and fills that hole.
    let ridges = groups.map { group in group.reduce(0) { max($0, matrix[$1 * p + $1]) } }
    for (group, ridge) in zip(groups, ridges) { for i in group { for j in i..<group.upperBound { matrix[i * p + j] += ridge } } }
    guard let equations = GroupedEquations(matrix, groups: groups) else { return nil }
    (self.equations, self.groupOf, self.ridges) = (equations, groupOf, ridges)
    shortfalls = groups.map { 1 - w[$0].reduce(0, +) }
  }

  func direction(_ f: [Double]) -> (dw: [Double], dLambda: [Double]) {
    equations.solve(f.indices.map { f[$0] + ridges[groupOf[$0]] * shortfalls[groupOf[$0]] }, sums: shortfalls)
  }
}
