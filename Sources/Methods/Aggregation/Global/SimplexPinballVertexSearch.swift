/// Takes a nearly optimal point of a `SimplexPinballProgram` to an exact vertex and walks on, edge by edge, to an optimal
/// one: the simplex method with an exact line search (Barrodale and Roberts 1973), in p − 1 dimensions.
///
/// A vertex is where p − 1 independent planes meet in the simplex; a plane is a weight at zero or a term without residual.
/// Leaving a plane along the edge of the others, the objective is piecewise linear, and the weighted median of its kinks
/// is where it is least. An edge costs O(N·p); from an interior point a handful is walked.
package struct SimplexPinballVertexSearch {
  enum Plane {
    case weight(Int)
    case term(Int, norm: Double)
  }

  /// The best vertex found; nil where rounding left none.
  package private(set) var weights: [Double]?
  package private(set) var objective = Double.infinity
  /// z of that vertex, to be put into its box.
  package private(set) var multipliers: [Double] = []
  package private(set) var edges = 0
  /// The planes of that vertex.
  private(set) var planes: [Plane] = []

  private let program: SimplexPinballProgram
  private let threads: Int
  /// For terms without residual outside the basis.
  private let guess: [Double]

  /// Starts near `weights`, where `slacks` and `multipliers` are the dual solution that goes with them.
  package init(_ program: SimplexPinballProgram, near weights: [Double], slacks: [Double], multipliers: [Double], threads: Int) {
    self.program = program
    self.threads = threads
    guess = multipliers
    let basis = SimplexPinballVertexSearch.planes(program, weights, slacks, multipliers)
    if walk(from: basis) { return }
    let largest = weights.indices.max { weights[$0] < weights[$1] }!
    _ = walk(from: weights.indices.filter { $0 != largest }.map { .weight($0) })
  }

  /// Starts at the vertex where p − 1 planes meet. `weights` stays nil where they meet in none.
  init(_ program: SimplexPinballProgram, at planes: [Plane], threads: Int) {
    self.program = program
    self.threads = threads
    guess = []
    _ = walk(from: planes)
  }

  /// The planes on which the point most clearly lies: weights that are nought, then terms whose multiplier is inside its
  /// box, each kept where it is independent of those before.
  private static func planes(
    _ program: SimplexPinballProgram, _ weights: [Double], _ slacks: [Double], _ multipliers: [Double]
  ) -> [Plane] {
    let p = program.models
    var orthonormal = [[Double](repeating: 1 / Double(p).squareRoot(), count: p)]
    var basis: [Plane] = []
    func accept(_ vector: [Double]) -> Bool {
      var rest = vector
      for _ in 0..<2 {
        for q in orthonormal {
          let along = zip(q, rest).reduce(0) { $0 + $1.0 * $1.1 }
          for k in 0..<p { rest[k] -= along * q[k] }
        }
      }
      let norm = SimplexPinballVertexSearch.norm(rest)
      guard norm > 1e-7 else { return false }
      orthonormal.append(rest.map { $0 / norm })
      return true
    }
    func unit(_ j: Int) -> [Double] { (0..<p).map { $0 == j ? 1 : 0 } }

    let ascending = weights.indices.sorted { (weights[$0], $0) < (weights[$1], $1) }
    for j in ascending where weights[j] < slacks[j] && basis.count < p - 1 && accept(unit(j)) { basis.append(.weight(j)) }
    let inside = multipliers.indices.compactMap { r -> (depth: Double, term: Int)? in
      let depth = min(multipliers[r] + program.low[r], program.high[r] - multipliers[r]) / (program.low[r] + program.high[r])
      return depth > 1e-7 ? (depth, r) : nil
    }
    for (_, r) in inside.sorted(by: { ($1.depth, $0.term) < ($0.depth, $1.term) }) {
      if basis.count == p - 1 { break }
      let row = program.row(r)
      let size = norm(row)
      if size > 0, accept(row.map { $0 / size }) { basis.append(.term(r, norm: size)) }
    }
    for j in ascending where basis.count < p - 1 && accept(unit(j)) { basis.append(.weight(j)) }
    return basis
  }

  private static func norm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }

  /// What the objective is made of at one vertex.
  private struct View {
    /// Σ_j w_j e_rj, exactly zero where it is nothing but rounding.
    var combined: [Double]
    /// Terms without residual.
    var zeros: [Int]
    /// Eᵀz over the others, less κ.
    var gradient: [Double]
    var objective: Double
  }

  /// True where `basis` gave a vertex inside the simplex.
  private mutating func walk(from start: [Plane]) -> Bool {
    let p = program.models
    var basis = start
    guard basis.count == p - 1, var (w, columns) = vertex(basis) else { return false }
    var stalled = 0
    let largestEdgeCount = 100 + 20 * p
    for _ in 0..<largestEdgeCount {
      let view = look(from: w, basis)
      if view.objective < objective {
        stalled = 0
        weights = w
        objective = view.objective
        planes = basis
        multipliers = explain(view, basis, columns)
      } else {
        stalled += 1
        if stalled > p + 5 { break }
      }
      guard let edge = steepestEdge(view, basis, columns) else { break }
      edges += 1
      guard let entering = leastPoint(view, w, along: edge.direction, slope: edge.slope) else { break }
      basis[edge.leaving] = entering
      guard let next = vertex(basis) else { break }
      (w, columns) = next
    }
    return true
  }

  /// The point where the planes meet, and for each plane the direction that leaves it alone (rate 1 along its unit
  /// normal). Nil where the planes are dependent or meet outside the simplex.
  private func vertex(_ basis: [Plane]) -> (weights: [Double], columns: [[Double]])? {
    let p = program.models
    var matrix = [Double](repeating: 1, count: p)
    for plane in basis {
      switch plane {
      case .weight(let j): matrix += (0..<p).map { $0 == j ? 1 : 0 }
      case .term(let r, let norm): matrix += program.row(r).map { $0 / norm }
      }
    }
    guard let inverted = inverse(matrix, size: p) else { return nil }
    var w = (0..<p).map { inverted[$0 * p] }
    guard w.allSatisfy({ $0 > -1e-9 }) else { return nil }
    for plane in basis { if case .weight(let j) = plane { w[j] = 0 } }
    for j in 0..<p { w[j] = max(w[j], 0) }
    let sum = w.reduce(0, +)
    return (w.map { $0 / sum }, (1..<max(p, 1)).map { k in (0..<p).map { inverted[$0 * p + k] } })
  }

  private func look(from w: [Double], _ basis: [Plane]) -> View {
    let p = program.models
    let stride = SimplexPinballProgram.blockTerms
    var combined = [Double](repeating: 0, count: program.terms)
    let sums = combined.withDisjointSlots { combined in
      program.sums(width: p + 1, threads: threads) { range, errors, sums in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * stride) { buffer in
          let size = buffer.baseAddress!
          let z = size + stride
          let target = combined[range].baseAddress!
          program.combine(errors, w, range.count, into: target)
          for k in 0..<range.count { size[k] = 0 }
          for j in 0..<p where w[j] > 0 {
            for k in 0..<range.count { size[k] += w[j] * abs(errors[j * stride + k]) }
          }
          for (k, r) in range.enumerated() {
            if abs(target[k]) <= 1e-12 * size[k] { target[k] = 0 }
            z[k] = target[k] < 0 ? program.high[r] : target[k] > 0 ? -program.low[r] : 0
            sums[p] -= z[k] * target[k]
          }
          for j in 0..<p { sums[j] += dot(errors + j * stride, z, range.count) }
        }
      }
    }
    var view = View(
      combined: combined, zeros: [], gradient: (0..<p).map { sums[$0] - program.costs[$0] }, objective: sums[p] + program.cost(w))
    for plane in basis {
      guard case .term(let r, _) = plane, view.combined[r] != 0 else { continue }
      // A basic term has no residual by definition, whatever rounding says.
      let z = view.combined[r] < 0 ? program.high[r] : -program.low[r]
      for (j, e) in program.row(r).enumerated() { view.gradient[j] -= z * e }
      view.combined[r] = 0
    }
    view.zeros = view.combined.indices.filter { view.combined[$0] == 0 }
    return view
  }

  private func idleZeros(_ view: View, _ basis: [Plane]) -> [Int] {
    let basic = Set(basis.compactMap { plane -> Int? in if case .term(let r, _) = plane { r } else { nil } })
    return view.zeros.filter { !basic.contains($0) }
  }

  /// z that makes the gradient vanish along every edge of the basis.
  private func explain(_ view: View, _ basis: [Plane], _ columns: [[Double]]) -> [Double] {
    var z = view.combined.indices.map { r -> Double in
      view.combined[r] < 0 ? program.high[r] : view.combined[r] > 0 ? -program.low[r] : 0
    }
    var gradient = view.gradient
    for r in idleZeros(view, basis) {
      z[r] = guess.isEmpty ? 0 : min(max(guess[r], -program.low[r]), program.high[r])
      for (j, e) in program.row(r).enumerated() { gradient[j] += z[r] * e }
    }
    for (k, plane) in basis.enumerated() {
      guard case .term(let r, let norm) = plane else { continue }
      z[r] = -zip(gradient, columns[k]).reduce(0) { $0 + $1.0 * $1.1 } / norm
    }
    return z
  }

  /// The edge down which the objective falls fastest for each unit of weight moved; nil where none falls.
  private func steepestEdge(
    _ view: View, _ basis: [Plane], _ columns: [[Double]]
  ) -> (leaving: Int, direction: [Double], slope: Double)? {
    let idle = idleZeros(view, basis).map { (program.row($0), program.low[$0], program.high[$0]) }
    let tolerance = 1e-13 * (1 + view.gradient.reduce(0) { max($0, abs($1)) })
    var best: (leaving: Int, direction: [Double], slope: Double)?
    var bestRate = -tolerance
    for (k, plane) in basis.enumerated() {
      let along = -zip(view.gradient, columns[k]).reduce(0) { $0 + $1.0 * $1.1 }
      var up = along
      var down = -along
      if case .term(let r, let norm) = plane {
        up += program.low[r] * norm
        down += program.high[r] * norm
      } else {
        down = .infinity
      }
      for (row, low, high) in idle {
        let change = zip(row, columns[k]).reduce(0) { $0 + $1.0 * $1.1 }
        up += change > 0 ? low * change : -high * change
        down += change > 0 ? high * change : -low * change
      }
      let length = columns[k].reduce(0) { $0 + abs($1) }
      if up / length < bestRate {
        bestRate = up / length
        best = (k, columns[k], up)
      }
      if down / length < bestRate {
        bestRate = down / length
        best = (k, columns[k].map { -$0 }, down)
      }
    }
    return best
  }

  /// The plane on which the objective is least along a direction in which it falls at first.
  private func leastPoint(_ view: View, _ w: [Double], along direction: [Double], slope: Double) -> Plane? {
    var wall: (distance: Double, model: Int)?
    let size = direction.reduce(0) { max($0, abs($1)) }
    for j in w.indices where direction[j] < -1e-13 * size {
      let distance = w[j] / -direction[j]
      if wall == nil || distance < wall!.distance { wall = (distance, j) }
    }
    guard let wall else { return nil }
    let change = program.combined(direction, threads: threads)
    var kinks: [Kink] = []
    for r in view.combined.indices where view.combined[r] * change[r] < 0 {
      let distance = -view.combined[r] / change[r]
      if distance < wall.distance { kinks.append(Kink(distance: distance, rise: (program.low[r] + program.high[r]) * abs(change[r]), term: r)) }
    }
    guard let kink = Kink.firstReaching(-slope, &kinks) else { return .weight(wall.model) }
    return .term(kink.term, norm: SimplexPinballVertexSearch.norm(program.row(kink.term)))
  }
}

/// Where the slope of a convex piecewise-linear function of distance rises, and by how much.
package struct Kink {
  package let distance: Double
  package let rise: Double
  package let term: Int

  package init(distance: Double, rise: Double, term: Int) {
    self.distance = distance
    self.rise = rise
    self.term = term
  }

  /// The kink of least distance up to which rises add up to `needed`: a weighted median by selection, O(n) on average.
  /// Nil where all of them together do not.
  package static func firstReaching(_ needed: Double, _ kinks: inout [Kink]) -> Kink? {
    var range = kinks.startIndex..<kinks.endIndex
    var missing = needed
    guard kinks.reduce(0, { $0 + $1.rise }) >= needed else { return nil }
    while range.count > 1 {
      let pivot = kinks[range.lowerBound + range.count / 2].distance
      var (below, k, above) = (range.lowerBound, range.lowerBound, range.upperBound)
      var (riseBelow, riseAt) = (0.0, 0.0)
      while k < above {
        if kinks[k].distance < pivot {
          riseBelow += kinks[k].rise
          kinks.swapAt(below, k)
          below += 1
          k += 1
        } else if kinks[k].distance > pivot {
          above -= 1
          kinks.swapAt(k, above)
        } else {
          riseAt += kinks[k].rise
          k += 1
        }
      }
      if riseBelow >= missing && below > range.lowerBound {
        range = range.lowerBound..<below
      } else if riseBelow + riseAt >= missing || above == range.upperBound {
        return kinks[below..<above].min { $0.term < $1.term }
      } else {
        missing -= riseBelow + riseAt
        range = above..<range.upperBound
      }
    }
    return kinks[range.lowerBound]
  }
}
