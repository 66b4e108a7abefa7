import Glibc
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
  private(set) var weights: [Double]
  /// Slacks s_j of the dual constraints: near zero for models with weight.
  private(set) var slacks: [Double]
  /// A feasible z of every part.
  private(set) var multipliers: [[Double]] = []
  private(set) var iterations = 0

  private static let largestIterationCount = 120
  /// Fraction of the way to the boundary that a step goes.
  private static let reach = 0.9995

  /// Each term is one thread's at a time: blocks do not overlap, and steps come one after the other.
  private final class State: @unchecked Sendable {
    let count: Int
    let u, v, x, y, du, dv, dz, t, r: UnsafeMutablePointer<Double>

    init(_ count: Int) {
      self.count = count
      func vector() -> UnsafeMutablePointer<Double> {
        let pointer = UnsafeMutablePointer<Double>.allocate(capacity: count)
        pointer.initialize(repeating: 0, count: count)
        return pointer
      }
      (u, v, x, y, du, dv, dz, t, r) = (vector(), vector(), vector(), vector(), vector(), vector(), vector(), vector(), vector())
    }

    func multipliers(_ program: SimplexPinballProgram) -> [Double] {
      (0..<count).map { r in x[r] < y[r] ? x[r] - program.low[r] : program.high[r] - y[r] }
    }

    deinit { for pointer in [u, v, x, y, du, dv, dz, t, r] { pointer.deallocate() } }
  }

  /// Follows the path until the duality gap is `tolerance` of the objective, or no step can improve it.
  init(_ program: SimplexPinballProgram, tolerance: Double, threads: Int) {
    self.init(JointSimplexProgram(program), tolerance: tolerance, threads: threads)
  }

  /// The same for programmes that share weights.
  init(_ joint: JointSimplexProgram, tolerance: Double, threads: Int) {
    useSingleThreadedBLAS()
    let p = joint.variables
    let groups = joint.groups
    let states = joint.parts.map { State($0.program.terms) }
    var costs = [Double](repeating: 0, count: p)
    for part in joint.parts { for (j, cost) in zip(part.variables, part.program.costs) { costs[j] += cost } }
    var w = [Double](repeating: 0, count: p)
    for group in groups { for j in group { w[j] = 1 / Double(group.count) } }
    var s = [Double](repeating: 1 / Double(groups.count), count: p)
    var lambda = [Double](repeating: 1 / Double(groups.count), count: groups.count)
    let groupOf = groups.enumerated().flatMap { index, group in group.map { _ in index } }
    let terms = joint.parts.reduce(0) { $0 + $1.program.terms }
    var bound = -Double.infinity
    var lost = 0
    var primalStep = 0.0
    var dualStep = 0.0
    _ = joint.forParts(threads: threads) { [w] k, inner in
      SimplexPinballInteriorPoint.start(joint.parts[k].program, states[k], joint.restricted(w, to: k), inner)
    }
    /// Adds what the parts give to the variables they see.
    func scatter(_ own: [[Double]]) -> [Double] {
      var sum = [Double](repeating: 0, count: p)
      for (part, values) in zip(joint.parts, own) { for (j, value) in zip(part.variables, values) { sum[j] += value } }
      return sum
    }

    while iterations < SimplexPinballInteriorPoint.largestIterationCount {
      let normals = joint.forParts(threads: threads) { [w, primalStep, dualStep] k, inner in
        SimplexPinballInteriorPoint.advance(joint.parts[k].program, states[k], joint.restricted(w, to: k), primalStep, dualStep, inner)
      }
      let g = zip(scatter(normals.map(\.gradient)), costs).map { $0 - $1 }
      let primal = normals.reduce(0) { $0 + $1.objective } + zip(costs, w).reduce(0) { $0 + $1.0 * $1.1 }
      let dual = groups.reduce(0) { $0 - g[$1].max()! }
      if dual > bound {
        bound = dual
        if primal - dual <= 1e-3 * primal { multipliers = zip(joint.parts, states).map { $1.multipliers($0.program) } }
      }
      if primal - bound <= tolerance * primal { break }
      // Past what its digits allow, a step loses more than it gains.
      lost = dual < bound - 1e-9 * primal && primal - bound < 1e-6 * primal ? lost + 1 : 0
      if lost == 3 { break }
      iterations += 1

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
      guard let equations = GroupedEquations(matrix, groups: groups) else { break }
      let shortfalls = groups.map { 1 - w[$0].reduce(0, +) }
      func direction(_ f: [Double]) -> (dw: [Double], dLambda: [Double]) {
        equations.solve((0..<p).map { f[$0] + ridges[groupOf[$0]] * shortfalls[groupOf[$0]] }, sums: shortfalls)
      }

      var affineRight = scatter(normals.map(\.right))
      for j in 0..<p { affineRight[j] += g[j] - lambda[groupOf[j]] }
      let affine = direction(affineRight)
      var affineSlack = s
      for j in 0..<p { affineSlack[j] = -s[j] * (1 + affine.dw[j] / w[j]) }
      let predictions = joint.forParts(threads: threads) { k, inner in
        SimplexPinballInteriorPoint.predict(joint.parts[k].program, states[k], joint.restricted(affine.dw, to: k), inner)
      }
      let (a, b) = SimplexPinballInteriorPoint.steps(
        w, affine.dw, s, affineSlack, predictions.reduce(0) { max($0, $1.primalRatio) }, predictions.reduce(0) { max($0, $1.dualRatio) }, reach: 1)
      let pairs = Double(2 * terms + p)
      let before = normals.reduce(0) { $0 + $1.complementarity }
      var complementarity = before
      for j in 0..<p { complementarity += w[j] * s[j] }
      var remaining = before
      for prediction in predictions {
        remaining += a * prediction.primalChange
        remaining += b * prediction.dualChange + a * b * prediction.bothChange
      }
      for j in 0..<p {
        let weight = w[j] + a * affine.dw[j]
        let slack = s[j] + b * affineSlack[j]
        remaining += weight * slack
      }
      let mu = mehrotraTarget(complementarity, afterAffineStep: remaining, pairs: pairs)

      var target = s
      for j in 0..<p { target[j] = mu - affine.dw[j] * affineSlack[j] }
      var right = scatter(predictions.map(\.right))
      let rightPerMu = scatter(predictions.map(\.rightPerMu))
      for j in 0..<p { right[j] += mu * rightPerMu[j] + target[j] / w[j] - lambda[groupOf[j]] + g[j] }
      let corrected = direction(right)
      var slack = s
      for j in 0..<p { slack[j] = (target[j] - s[j] * corrected.dw[j]) / w[j] - s[j] }
      let ratios = joint.forParts(threads: threads) { k, inner in
        SimplexPinballInteriorPoint.correct(joint.parts[k].program, states[k], joint.restricted(corrected.dw, to: k), mu, inner)
      }
      (primalStep, dualStep) = SimplexPinballInteriorPoint.steps(
        w, corrected.dw, s, slack, ratios.reduce(0) { max($0, $1.primal) }, ratios.reduce(0) { max($0, $1.dual) },
        reach: SimplexPinballInteriorPoint.reach)
      let isFinite = (corrected.dw + slack + corrected.dLambda + [primalStep, dualStep]).allSatisfy { $0.isFinite }
      guard isFinite, max(primalStep, dualStep) > 1e-8 else { break }
      for j in 0..<p {
        w[j] += primalStep * corrected.dw[j]
        s[j] += dualStep * slack[j]
      }
      for k in groups.indices { lambda[k] += dualStep * corrected.dLambda[k] }
    }
    for group in groups {
      let sum = w[group].reduce(0, +)
      for j in group { w[j] /= sum }
    }
    weights = w
    slacks = s
    if multipliers.isEmpty { multipliers = zip(joint.parts, states).map { $1.multipliers($0.program) } }
  }

  /// The longest steps that keep everything positive, at most 1.
  private static func steps(
    _ w: [Double], _ dw: [Double], _ s: [Double], _ ds: [Double], _ primalRatio: Double, _ dualRatio: Double, reach: Double
  ) -> (primal: Double, dual: Double) {
    var primal = primalRatio
    var dual = dualRatio
    for j in w.indices {
      primal = max(primal, -dw[j] / w[j])
      dual = max(dual, -ds[j] / s[j])
    }
    return (min(1, reach / max(primal, 1e-300)), min(1, reach / max(dual, 1e-300)))
  }

  private static func start(_ program: SimplexPinballProgram, _ state: State, _ w: [Double], _ threads: Int) {
    let total = program.sums(width: 1, threads: threads) { range, errors, sum in
      program.combine(errors, w, range.count, into: state.r + range.lowerBound)
      for r in range { sum[0] += abs(state.r[r]) }
    }[0]
    let margin = max(total / Double(program.terms), 1e-12)
    for r in 0..<program.terms {
      let residual = -state.r[r]
      state.u[r] = max(residual, 0) + margin
      state.v[r] = max(-residual, 0) + margin
      state.x[r] = program.low[r]
      state.y[r] = program.high[r]
    }
  }

  /// Takes the step that `correct` left behind, then forms the normal equations there.
  private static func advance(
    _ program: SimplexPinballProgram, _ state: State, _ w: [Double], _ primalStep: Double, _ dualStep: Double, _ threads: Int
  ) -> (gram: [Double], right: [Double], gradient: [Double], objective: Double, complementarity: Double) {
    let p = program.models
    let stride = SimplexPinballProgram.blockTerms
    let total = program.high.withUnsafeBufferPointer { high in
      program.low.withUnsafeBufferPointer { low in
        // Only read.
        nonisolated(unsafe) let (high, low) = (high, low)
        return program.sums(width: p * p + 2 * p + 2, threads: threads) { range, errors, sums in
          withUnsafeTemporaryAllocation(of: Double.self, capacity: (p + 3) * stride) { buffer in
            let scaled = buffer.baseAddress!
            let root = scaled + p * stride
            let right = root + stride
            let z = right + stride
            let first = range.lowerBound
            let (u, v, x, y) = (state.u + first, state.v + first, state.x + first, state.y + first)
            let (du, dv, dz, residual) = (state.du + first, state.dv + first, state.dz + first, state.r + first)
            program.combine(errors, w, range.count, into: residual)
            var objective = 0.0
            var complementarity = 0.0
            for k in 0..<range.count {
              u[k] += primalStep * du[k]
              v[k] += primalStep * dv[k]
              x[k] += dualStep * dz[k]
              y[k] -= dualStep * dz[k]
              let e = -residual[k]
              // Where both are near zero their difference has digits that −Ew lost, and D magnifies what is lost.
              residual[k] = u[k] - v[k]
              let (h, l) = (high[first + k], low[first + k])
              objective += e > 0 ? h * e : -l * e
              complementarity += u[k] * y[k] + v[k] * x[k]
              z[k] = x[k] < y[k] ? x[k] - l : h - y[k]
              let d = 1 / (u[k] / y[k] + v[k] / x[k])
              root[k] = d.squareRoot()
              right[k] = d * residual[k]
            }
            for j in 0..<p {
              let column = errors + j * stride
              let target = scaled + j * stride
              for k in 0..<range.count { target[k] = column[k] * root[k] }
              sums[p * p + j] += dot(column, right, range.count)
              sums[p * p + p + j] += dot(column, z, range.count)
            }
            addGram(of: scaled, rows: p, columns: range.count, stride: stride, to: sums)
            sums[p * p + 2 * p] += objective
            sums[p * p + 2 * p + 1] += complementarity
          }
        }
      }
    }
    return (
      Array(total[..<(p * p)]), Array(total[(p * p)..<(p * p + p)]), Array(total[(p * p + p)..<(p * p + 2 * p)]),
      total[p * p + 2 * p], total[p * p + 2 * p + 1]
    )
  }

  /// The affine step: how far it may go, how complementarity changes along it (bilinear in the two step lengths), and the
  /// right-hand side of the corrector in two parts, without μ and for each unit of μ. Leaves du·dy and dv·dx behind.
  private static func predict(_ program: SimplexPinballProgram, _ state: State, _ dw: [Double], _ threads: Int) -> (
    right: [Double], rightPerMu: [Double], primalChange: Double, dualChange: Double, bothChange: Double,
    primalRatio: Double, dualRatio: Double
  ) {
    let p = program.models
    let stride = SimplexPinballProgram.blockTerms
    let parts = program.partials(width: 2 * p + 5, threads: threads) { range, errors, sums in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * stride) { buffer in
        let right = buffer.baseAddress!
        let perMu = right + stride
        let first = range.lowerBound
        let (u, v, x, y) = (state.u + first, state.v + first, state.x + first, state.y + first)
        let (du, dv, t, residual) = (state.du + first, state.dv + first, state.t + first, state.r + first)
        program.combine(errors, dw, range.count, into: t)
        var (primalChange, dualChange, bothChange, primalRatio, dualRatio) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for k in 0..<range.count {
          let inverseX = 1 / x[k]
          let inverseY = 1 / y[k]
          let a = u[k] * inverseY
          let b = v[k] * inverseX
          let d = 1 / (a + b)
          let z = d * (residual[k] - t[k])
          let up = a * z - u[k]
          let down = -b * z - v[k]
          primalChange += up * y[k] + down * x[k]
          dualChange += (v[k] - u[k]) * z
          bothChange += (down - up) * z
          primalRatio = max(primalRatio, -up / u[k], -down / v[k])
          dualRatio = max(dualRatio, -z * inverseX, z * inverseY)
          du[k] = up * z
          dv[k] = down * z
          right[k] = d * (residual[k] - up * z * inverseY - down * z * inverseX)
          perMu[k] = d * (inverseX - inverseY)
        }
        for j in 0..<p {
          sums[j] += dot(errors + j * stride, right, range.count)
          sums[p + j] += dot(errors + j * stride, perMu, range.count)
        }
        sums[2 * p] += primalChange
        sums[2 * p + 1] += dualChange
        sums[2 * p + 2] += bothChange
        sums[2 * p + 3] = max(sums[2 * p + 3], primalRatio)
        sums[2 * p + 4] = max(sums[2 * p + 4], dualRatio)
      }
    }
    func total(_ k: Int) -> Double { parts.reduce(0) { $0 + $1[k] } }
    return (
      (0..<p).map(total), (p..<(2 * p)).map(total), total(2 * p), total(2 * p + 1), total(2 * p + 2),
      parts.reduce(0) { max($0, $1[2 * p + 3]) }, parts.reduce(0) { max($0, $1[2 * p + 4]) }
    )
  }

  /// The corrected step of every term, left in du, dv and dz, and how far it may go.
  private static func correct(
    _ program: SimplexPinballProgram, _ state: State, _ dw: [Double], _ mu: Double, _ threads: Int
  ) -> (primal: Double, dual: Double) {
    let parts = program.partials(width: 2, threads: threads) { range, errors, sums in
      let first = range.lowerBound
      let (u, v, x, y) = (state.u + first, state.v + first, state.x + first, state.y + first)
      let (du, dv, dz) = (state.du + first, state.dv + first, state.dz + first)
      let (t, residual) = (state.t + first, state.r + first)
      program.combine(errors, dw, range.count, into: t)
      var primalRatio = 0.0
      var dualRatio = 0.0
      for k in 0..<range.count {
        let inverseX = 1 / x[k]
        let inverseY = 1 / y[k]
        let a = u[k] * inverseY
        let b = v[k] * inverseX
        let above = (mu + du[k]) * inverseY
        let below = (mu - dv[k]) * inverseX
        let z = (residual[k] - t[k] - above + below) / (a + b)
        let up = above - u[k] + a * z
        let down = below - v[k] - b * z
        du[k] = up
        dv[k] = down
        dz[k] = z
        primalRatio = max(primalRatio, -up / u[k], -down / v[k])
        dualRatio = max(dualRatio, -z * inverseX, z * inverseY)
      }
      sums[0] = max(sums[0], primalRatio)
      sums[1] = max(sums[1], dualRatio)
    }
    return (parts.reduce(0) { max($0, $1[0]) }, parts.reduce(0) { max($0, $1[1]) })
  }
}
