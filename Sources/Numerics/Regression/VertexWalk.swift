import COpenBLAS
import Groundwork

/// Minimises Σ_i w_i ψ_τ(y_i − x_iᵀβ) − gᵀβ exactly, walking from vertex to vertex.
///
/// The method is that of Barrodale and Roberts (1973) in revised form: one row leaves the basis along the edge of steepest descent, an
/// exact line search through the weighted kinks of the loss finds the row that enters. A walk that stalls at a degenerate vertex goes
/// on with targets perturbed by less than matters; what is optimal there has the right signs, and the perturbation is taken back.
///
/// Cost of a pivot: O(rows · p).
extension VertexSolver {
  enum Outcome { case optimal, unbounded, singular }

  /// Walks to the optimum from the present basis.
  mutating func solve() -> Outcome {
    perturbation = []
    guard refactor() else { return .singular }
    var size = 0.0
    for round in 0..<6 {
      switch walk(stallLimit: round == 0 ? 20 + columns : 40 + 4 * columns) {
      case .optimal: return .optimal
      case .unbounded: return .unbounded
      case .singular: return .singular
      case .stalled: break
      }
      if round == 0 { size = perturbationSize() }
      // Perturbed targets have no ties, so the walk strictly descends.
      perturbation = (0..<rows).map { size * (0.5 + Double(RandomStream.hashed(row: $0) >> 12) * 0x1p-53) }
      guard refactor() else { return .singular }
      let perturbed = walk(stallLimit: .max)
      if perturbed == .unbounded || perturbed == .singular { return perturbed == .unbounded ? .unbounded : .singular }
      let sides = side
      perturbation = []
      guard refactor() else { return .singular }
      // A row that only the perturbation put on its side keeps that side: its dual is what certifies the vertex.
      for i in 0..<rows where side[i] != 0 && abs(residual[i]) <= tieWidth(i) { side[i] = sides[i] }
      size *= 0x1p-4
    }
    _ = walk(stallLimit: .max)
    return .optimal
  }

  /// Residuals below this are ties that rounding has parted.
  private func tieWidth(_ i: Int) -> Double { 1024 * .ulpOfOne * (abs(target[i]) + norm[i] * coefficientLength) }

  /// Far below a typical residual, and well above what rounding leaves of ties.
  private func perturbationSize() -> Double {
    let distinct = (0..<rows).map { abs(residual[$0]) }.enumerated().filter { $0.element > tieWidth($0.offset) }.map(\.element).sorted()
    let typical = distinct.isEmpty ? 0 : distinct[distinct.count / 2]
    let widths = (0..<rows).map(tieWidth).sorted()
    return max(typical * 0x1p-30, 16 * widths[rows / 2], .leastNormalMagnitude)
  }

  private enum WalkOutcome { case optimal, unbounded, singular, stalled }

  /// What a walk knows beside the vertex, and its working memory.
  private struct Walk {
    /// g + Σ d_i x_i over rows out of the basis.
    var gradient: [Double]
    var kinks = WeightedBreakpoints()
    /// By how much the fit of each row moves for a step of one.
    var motion: [Double]
    var entering: [Double]
    var pivotRow: [Double]
    var sinceRefactor = 0
    /// Steps without progress since the last with some.
    var stalled = 0
  }

  /// The way that basis row `index` leaves.
  private struct Edge {
    var index: Int
    var row: Int
    /// Whether its residual grows from zero, or falls.
    var upward: Bool
    /// Of the objective, along the edge: negative.
    var slope: Double
  }

  private mutating func walk(stallLimit: Int) -> WalkOutcome {
    var walk = Walk(
      gradient: gradientOutsideBasis(), motion: [Double](repeating: 0, count: rows), entering: [Double](repeating: 0, count: columns),
      pivotRow: [Double](repeating: 0, count: columns))
    let limit = pivots + 400 + 40 * columns + 4 * rows
    while true {
      guard let edge = steepestEdge(duals(walk.gradient)) else {
        if walk.sinceRefactor == 0 || pivots > limit { return .optimal }
        guard refactor(&walk) else { return .singular }
        continue
      }
      if pivots > limit { return stallLimit == .max ? .optimal : .stalled }
      guard let stop = firstMinimum(along: edge, &walk) else {
        if walk.sinceRefactor == 0 { return .unbounded }
        guard refactor(&walk) else { return .singular }
        continue
      }
      let step = walk.kinks.items[stop].step
      let enteringRow = Int(walk.kinks.items[stop].row)
      cross(walk.kinks.items[..<stop], edge, enteringRow, &walk.gradient)
      move(along: edge, by: step, to: enteringRow, walk.motion)
      let pivot = exchange(edge.index, for: enteringRow, &walk)
      pivots += 1
      walk.sinceRefactor += 1
      // The step counts as progress where it moves the fit by more than rounding does.
      let isNothing = step <= 0 || step * abs(edge.slope) <= 1e-15 * weight[edge.row] * abs(targetValue(edge.row))
      walk.stalled = isNothing ? walk.stalled + 1 : 0
      if walk.stalled > stallLimit { return .stalled }
      if walk.sinceRefactor >= 50 || abs(pivot) < 1e-6 { guard refactor(&walk) else { return .singular } }
    }
  }

  private mutating func refactor(_ walk: inout Walk) -> Bool {
    walk.sinceRefactor = 0
    guard refactor() else { return false }
    walk.gradient = gradientOutsideBasis()
    return true
  }

  /// The edge of steepest descent, or nil where no edge leads down. `d` are the duals of the basis rows.
  private func steepestEdge(_ d: [Double]) -> Edge? {
    let p = columns
    var leaving = -1
    var steepest = 0.0
    for k in 0..<p {
      let w = weight[basis[k]]
      let excess = max(d[k] - w * level, w * (level - 1) - d[k])
      if excess > dualTolerance {
        let descent = excess / edgeLength(k)
        if descent > steepest {
          steepest = descent
          leaving = k
        }
      }
    }
    guard leaving >= 0 else { return nil }
    let row = basis[leaving]
    let upward = d[leaving] > weight[row] * level
    return Edge(
      index: leaving, row: row, upward: upward,
      slope: upward ? weight[row] * level - d[leaving] : d[leaving] - weight[row] * (level - 1))
  }

  /// How far the coefficients move where the fit of basis row k moves by one.
  private func edgeLength(_ k: Int) -> Double {
    var square = 0.0
    for c in 0..<columns { square += inverse[k * columns + c] * inverse[k * columns + c] }
    return square.squareRoot()
  }

  /// The kink at which the objective is least along the edge, or nil where it falls for ever. Leaves those on the way before it.
  private func firstMinimum(along edge: Edge, _ walk: inout Walk) -> Int? {
    // The residual of the leaving row moves by ±step, those of others by −step · motion.
    walk.motion.withUnsafeMutableBufferPointer { motion in
      inverse.withUnsafeBufferPointer { inverse in
        cblas_dgemv(
          CblasColMajor, CblasNoTrans, Int32(rows), Int32(columns), edge.upward ? -1 : 1, design, Int32(capacity),
          inverse.baseAddress! + edge.index * columns, 1, 0, motion.baseAddress!, 1)
      }
    }
    walk.kinks.collect(
      residuals: residual, motion: walk.motion, sides: side, weights: weight, norms: norm, negligible: 1e-12 * edgeLength(edge.index))
    return walk.kinks.minimiser(slope: edge.slope)
  }

  /// Puts the rows whose kinks were passed on their other side, and keeps the gradient of the rows out of the basis.
  private mutating func cross(
    _ kinks: ArraySlice<WeightedBreakpoints.Breakpoint>, _ edge: Edge, _ enteringRow: Int, _ gradient: inout [Double]
  ) {
    let p = columns
    let enteringDual = weight[enteringRow] * (side[enteringRow] > 0 ? level : level - 1)
    gradient.withUnsafeMutableBufferPointer { gradient in
      designRows.withUnsafeBufferPointer { designRows in
        func add(_ i: Int, _ factor: Double) { for c in 0..<p { gradient[c] += factor * designRows[i * p + c] } }
        for kink in kinks {
          let i = Int(kink.row)
          add(i, side[i] > 0 ? -weight[i] : weight[i])
          side[i] = -side[i]
        }
        add(enteringRow, -enteringDual)
        add(edge.row, weight[edge.row] * (edge.upward ? level : level - 1))
      }
    }
  }

  /// Moves the residuals, and lets the row of the edge and `enteringRow` change places.
  private mutating func move(along edge: Edge, by step: Double, to enteringRow: Int, _ motion: [Double]) {
    residual.withUnsafeMutableBufferPointer { residual in
      motion.withUnsafeBufferPointer { motion in
        for i in 0..<residual.count { residual[i] -= step * motion[i] }
      }
    }
    for k in basis { residual[k] = 0 }
    residual[edge.row] = edge.upward ? step : -step
    residual[enteringRow] = 0
    side[edge.row] = edge.upward ? 1 : -1
    side[enteringRow] = 0
    basis[edge.index] = enteringRow
  }

  /// Updates the inverse for a basis whose row `index` is `enteringRow`. Returns the pivot: where it is small, digits are lost.
  private mutating func exchange(_ index: Int, for enteringRow: Int, _ walk: inout Walk) -> Double {
    let p = columns
    for c in 0..<p { walk.entering[c] = designRows[enteringRow * p + c] }
    cblas_dgemv(CblasRowMajor, CblasNoTrans, Int32(p), Int32(p), 1, inverse, Int32(p), walk.entering, 1, 0, &walk.pivotRow, 1)
    let pivot = walk.pivotRow[index]
    inverse.withUnsafeMutableBufferPointer { inverse in
      for c in 0..<p { inverse[index * p + c] /= pivot }
      for k in 0..<p where k != index {
        let factor = walk.pivotRow[k]
        if factor != 0 { for c in 0..<p { inverse[k * p + c] -= factor * inverse[index * p + c] } }
      }
    }
    return pivot
  }
}
