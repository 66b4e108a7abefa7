import Glibc
import Groundwork
import LinearAlgebra
import Quantiles

/// Linear quantile regression on n rows and one row more, whose target is as large as you please: how far up its fit follows it.
///
/// For scores S_i at rows Φ_i and coverage 1 − α,
///
///     T(φ) = sup { S : S ≤ ĝ_S(φ) },   ĝ_S the (1 − α)-quantile regression of (S_1, …, S_n, S) on (Φ_1, …, Φ_n, φ)
///
/// (Gibbs, Cherian, Candès 2025, "Conformal prediction with conditional guarantees", §2.2 and §4). In the dual
///
///     max Σ η_i S_i + η S   subject to   Σ η_i Φ_i + η φ = 0,   −α ≤ η_i, η ≤ 1 − α,
///
/// S is above T exactly where η is at its upper bound. So T(φ) is the least φᵀβ among the minimisers of Σ ψ(S_i − Φ_iᵀβ) − (1 − α) φᵀβ,
/// and +∞ where there is none. It is reached by raising η from 0, where β is the regression of the n rows: a parametric simplex
/// walk, each of whose steps raises φᵀβ, so it ends.
///
/// With a column of ones alone T is the ⌈(1 − α)(n + 1)⌉-th smallest score. η stops half of 10⁻⁹ short of 1 − α, so that a tie between
/// minimisers is none: coverage gives way by less than that. Ties of scores are parted by hashes of the row numbers, some 2⁻³⁰ of a
/// typical score in size; T is computed of the scores as they were.
///
/// Cost: the regression once, O(n p²); then a step looks at the few rows near the fit, O(p²) where they are, O(n p) at worst, and
/// a walk takes some p steps.
public struct AugmentedQuantileRegression: Sendable {
  private let space: RowSpace
  private let scores: [Double]
  /// Scores in units of a power of two, finite, no two alike.
  private let parted: [Double]
  private let norms: [Double]
  private let start: Vertex
  /// Rows by how far they are from the fit, |residual|/‖Φ_i‖, which `reach` holds.
  private let nearest: [Int32]
  private let reach: [Double]
  /// Bounds of duals, in units of 10⁻⁹.
  private let (low, high): (Double, Double)

  /// Rows that are fitted exactly, and what follows.
  private struct Vertex {
    var basis: [Int]
    /// Column k, contiguous: the direction that raises the fit of basis row k by one and of the others not at all.
    var inverse: [Double]
    var coefficients: [Double]
    var duals: [Double]
    /// Upper limit of the distance of `coefficients` from the start.
    var moved = 0.0
    var steps = 0
  }

  /// `scores` may be infinite. `coverage` is 1 − α. Throws where the space has no dimension or its basis is lost to
  /// rounding (never seen).
  public init(_ space: RowSpace, scores: [Double], coverage: Level) throws {
    precondition(scores.count == space.rows && coverage.isProper)
    let lost = Failure(.internal, "conditional calibration lost its basis to rounding", remedy: "leave out nearly collinear columns")
    let (n, p) = (space.rows, space.rank)
    guard n > 0, p > 0 else { throw lost }
    self.space = space
    self.scores = scores
    low = Double(coverage.key - Level.one)
    high = Double(coverage.key)
    let parted = AugmentedQuantileRegression.parted(scores)
    self.parted = parted
    let data = WhitenedRows(columns: p, design: space.design, target: parted, weight: [Double](repeating: 1, count: n))
    norms = data.norm
    let level = coverage.value
    var solver = VertexSolver(columns: p, capacity: n, level: level, meanWeight: 1, totalRows: n)
    data.design.withUnsafeBufferPointer { design in
      for i in 0..<n { solver.append(row: design.baseAddress! + i * p, target: parted[i], weight: 1) }
    }
    guard solver.start(near: coldGuess(data, level: level)), solver.solve() == .optimal,
      var vertex = AugmentedQuantileRegression.vertex(solver.basis, space, parted)
    else { throw lost }

    var gradient = [Double](repeating: 0, count: p)
    var distances = [Double](repeating: 0, count: n)
    let inBasis = Set(vertex.basis)
    for i in 0..<n where !inBasis.contains(i) {
      var residual = parted[i]
      for c in 0..<p { residual -= space.design[i * p + c] * vertex.coefficients[c] }
      let dual = residual > 0 ? high : low
      for c in 0..<p { gradient[c] += dual * space.design[i * p + c] }
      distances[i] = abs(residual) / max(norms[i], .leastNormalMagnitude)
    }
    let inverse = vertex.inverse
    vertex.duals = (0..<p).map { k in -(0..<p).reduce(0) { $0 + inverse[k * p + $1] * gradient[$1] } }
    start = vertex
    let near = distances
    nearest = (0..<n).filter { data.norm[$0] > 0 }.sorted { near[$0] < near[$1] || near[$0] == near[$1] && $0 < $1 }.map { Int32($0) }
    reach = nearest.map { near[Int($0)] }
  }

  /// T at a row with these coordinates in the space.
  public func threshold(at coordinates: [Double]) -> Double {
    precondition(coordinates.count == space.rank)
    var vertex = start
    guard walk(&vertex, towards: coordinates, length: high - 0.5, without: nil) else { return .infinity }
    return value(vertex, at: coordinates)
  }

  /// T at row i, of the other rows.
  public func threshold(withoutRow i: Int) -> Double {
    let p = space.rank
    let row = Array(space.design[i * p..<(i + 1) * p])
    var vertex = start
    // Without the row is the same as with a score of +∞ in place of its own: its dual goes to the upper bound.
    let end = high - 0.5
    var dual: Double
    if let k = vertex.basis.firstIndex(of: i) {
      dual = vertex.duals[k]
      guard step(&vertex, leaving: k, upwards: dual < end, without: i) else { return .infinity }
    } else {
      var residual = parted[i]
      for c in 0..<p { residual -= row[c] * vertex.coefficients[c] }
      dual = residual > 0 ? high : low
    }
    let sign = dual < end ? 1.0 : -1
    guard walk(&vertex, towards: row.map { sign * $0 }, length: abs(end - dual), without: i) else { return .infinity }
    return value(vertex, at: row)
  }

  // MARK: Walk

  /// Adds t · `direction` to the dual constraint for t from 0 to `length`. False where the fit rises without end.
  private func walk(_ vertex: inout Vertex, towards direction: [Double], length: Double, without excluded: Int?) -> Bool {
    let p = space.rank
    var rest = length
    let limit = 1000 + 8 * (space.rows + p)
    while vertex.steps < limit {
      var (leaving, nextBound, upwards) = (-1, Double.infinity, true)
      var rates = [Double](repeating: 0, count: p)
      for k in 0..<p {
        var size = 0.0
        for c in 0..<p {
          rates[k] += vertex.inverse[k * p + c] * direction[c]
          size += abs(vertex.inverse[k * p + c] * direction[c])
        }
        // What rounding leaves of zero would let a dual at its bound leave the basis for nothing.
        if abs(rates[k]) <= 1e-11 * size { rates[k] = 0 }
        if rates[k] == 0 { continue }
        let distance = max(0, rates[k] > 0 ? (vertex.duals[k] - low) / rates[k] : (vertex.duals[k] - high) / rates[k])
        if distance < nextBound { (leaving, nextBound, upwards) = (k, distance, rates[k] > 0) }
      }
      if leaving < 0 || nextBound >= rest { return true }
      for k in 0..<p { vertex.duals[k] -= nextBound * rates[k] }
      rest -= nextBound
      guard step(&vertex, leaving: leaving, upwards: upwards, without: excluded) else { return false }
    }
    return false
  }

  /// Moves the fit of basis row k up or down until another row meets it. False where none does.
  private func step(_ vertex: inout Vertex, leaving k: Int, upwards: Bool, without excluded: Int?) -> Bool {
    let p = space.rank
    let sign = upwards ? 1.0 : -1
    let direction = (0..<p).map { sign * vertex.inverse[k * p + $0] }
    let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length > 0, length.isFinite else { return false }
    var (entering, shortest, enteringDual) = (-1, Double.infinity, 0.0)
    space.design.withUnsafeBufferPointer { design in
      for (position, row) in nearest.enumerated() {
        // No row farther from the starting fit can be met before.
        if reach[position] - vertex.moved > shortest * length * (1 + 1e-9) { break }
        let i = Int(row)
        if i == excluded || vertex.basis.contains(i) { continue }
        var (residual, motion) = (parted[i], 0.0)
        for c in 0..<p {
          residual -= design[i * p + c] * vertex.coefficients[c]
          motion += design[i * p + c] * direction[c]
        }
        guard residual * motion > 0, abs(motion) > 1e-12 * norms[i] * length else { continue }
        let distance = residual / motion
        if distance < shortest || distance == shortest && i < entering {
          (entering, shortest, enteringDual) = (i, distance, residual > 0 ? high : low)
        }
      }
    }
    guard entering >= 0 else { return false }
    for c in 0..<p { vertex.coefficients[c] += shortest * direction[c] }
    vertex.moved += shortest * length
    vertex.steps += 1
    vertex.basis[k] = entering
    vertex.duals[k] = enteringDual
    let row = space.design[entering * p..<(entering + 1) * p]
    let fits = (0..<p).map { j in row.enumerated().reduce(0) { $0 + $1.element * vertex.inverse[j * p + $1.offset] } }
    for c in 0..<p { vertex.inverse[k * p + c] /= fits[k] }
    for j in 0..<p where j != k && fits[j] != 0 { for c in 0..<p { vertex.inverse[j * p + c] -= fits[j] * vertex.inverse[k * p + c] } }
    if vertex.steps % 32 == 0 || abs(fits[k]) < 1e-8, var fresh = AugmentedQuantileRegression.vertex(vertex.basis, space, parted) {
      (fresh.duals, fresh.moved, fresh.steps) = (vertex.duals, vertex.moved, vertex.steps)
      vertex = fresh
    }
    return true
  }

  /// φᵀβ where the basis rows are fitted to the scores as they were.
  private func value(_ vertex: Vertex, at coordinates: [Double]) -> Double {
    let p = space.rank
    var weights = [Double](repeating: 0, count: p)
    for k in 0..<p {
      for c in 0..<p { weights[k] += vertex.inverse[k * p + c] * coordinates[c] }
      // Whole weights, as those of groups are, give the scores themselves.
      if abs(weights[k] - weights[k].rounded()) < 1e-11 { weights[k] = weights[k].rounded() }
    }
    let basisScores = vertex.basis.map { scores[$0] }
    let unbounded = (0..<p).filter { basisScores[$0].isInfinite && abs(weights[$0]) > 1e-9 }
    if unbounded.contains(where: { (basisScores[$0] > 0) == (weights[$0] > 0) }) { return .infinity }
    if !unbounded.isEmpty { return -.infinity }
    // With a constant in the span weights sum to one, and equal scores then give that score without rounding.
    let finite = (0..<p).filter { basisScores[$0].isFinite }
    let isMean = abs(weights.reduce(0, +) - 1) < 1e-9
    let centre = isMean ? finite.max { abs(weights[$0]) < abs(weights[$1]) }.map { basisScores[$0] } ?? 0 : 0
    let sum = finite.reduce(centre) { $0 + weights[$1] * (basisScores[$1] - centre) }
    return sum.isFinite ? sum : .infinity
  }

  // MARK: Start

  private static func parted(_ scores: [Double]) -> [Double] {
    let finite = scores.filter(\.isFinite)
    let largest = finite.reduce(0) { max($0, abs($1)) }
    let unit = largest > 0 ? Int(largest.exponent) : 0
    let hasInfinite = finite.count < scores.count
    // Infinite scores are far beyond all others: what the fit does there does not depend on how far.
    let scaled = scores.map { $0.isFinite ? scalbn($0, Int32(-unit)) : $0 > 0 ? 0x1p20 : -0x1p20 }
    let middle = orderStatistic(of: scaled, rank: (scaled.count + 1) / 2)
    let typical = orderStatistic(of: scaled.map { abs($0 - middle) }, rank: (scaled.count + 1) / 2)
    let size = max(min(typical, 1) * 0x1p-30, hasInfinite ? 0x1p-26 : 0x1p-42)
    return scaled.indices.map { i in
      let bits = RandomStream.hashed(row: i)
      return scaled[i] + size * (0.5 + Double((bits ^ (bits >> 29)) >> 11) * 0x1p-53)
    }
  }

  /// The vertex of these rows, without its duals; nil where they are dependent. Gauss and Jordan with row pivoting.
  private static func vertex(_ basis: [Int], _ space: RowSpace, _ target: [Double]) -> Vertex? {
    let p = space.rank
    var matrix = (0..<p).flatMap { k in space.design[basis[k] * p..<(basis[k] + 1) * p] }
    // Row c of the inverse, column k: transposed at the end.
    var inverse = [Double](repeating: 0, count: p * p)
    for k in 0..<p { inverse[k * p + k] = 1 }
    for c in 0..<p {
      let pivot = (c..<p).max { abs(matrix[$0 * p + c]) < abs(matrix[$1 * p + c]) }!
      guard abs(matrix[pivot * p + c]) > 0 else { return nil }
      for j in 0..<p where pivot != c {
        matrix.swapAt(pivot * p + j, c * p + j)
        inverse.swapAt(pivot * p + j, c * p + j)
      }
      let scale = 1 / matrix[c * p + c]
      for j in 0..<p {
        matrix[c * p + j] *= scale
        inverse[c * p + j] *= scale
      }
      for r in 0..<p where r != c && matrix[r * p + c] != 0 {
        let factor = matrix[r * p + c]
        for j in 0..<p {
          matrix[r * p + j] -= factor * matrix[c * p + j]
          inverse[r * p + j] -= factor * inverse[c * p + j]
        }
      }
    }
    guard inverse.allSatisfy(\.isFinite) else { return nil }
    let columns = (0..<p * p).map { inverse[($0 % p) * p + $0 / p] }
    var coefficients = [Double](repeating: 0, count: p)
    // Once more for what rounding left.
    for _ in 0..<2 {
      let gaps = basis.map { i in (0..<p).reduce(target[i]) { $0 - space.design[i * p + $1] * coefficients[$1] } }
      for k in 0..<p { for c in 0..<p { coefficients[c] += gaps[k] * columns[k * p + c] } }
    }
    return Vertex(basis: basis, inverse: columns, coefficients: coefficients, duals: [])
  }
}
