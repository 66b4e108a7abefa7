import COpenBLAS
import Glibc
import Groundwork
import LinearAlgebra
import Quantiles

/// ℓ1-penalised linear quantile regression (Belloni and Chernozhukov 2011, "ℓ1-penalized quantile regression in high-dimensional sparse
/// models", Annals of Statistics 39): for a level τ the exact minimiser of
///
///     Σ_i w_i ψ_τ(y_i − b − x_iᵀβ) + Σ_j λ_j |β_j|,   every λ_j positive, the intercept b free.
///
/// Only columns that may be in the answer are solved for: from the columns at hand the minimiser is a vertex of `VertexSolver`; each
/// column left out whose |Σ_i d_i x_ij| exceeds λ_j, d the duals of the rows, comes in, until there is none. Then the subgradient condition
/// holds for all columns. A penalty is a row of the regression: λ|β_j| = 2λ ψ_τ(−β_j) + (2τ − 1) λ β_j.
///
/// Cost of a pivot O(n · columns in the answer), of a check of all columns O(n · p).
package struct PenalisedQuantileRegression: Sendable {
  /// The vertex of an answer, from which that of a neighbouring level or penalty is near.
  package struct Vertex: Sendable {
    /// Columns solved for.
    var active: [Int]
    /// What the vertex interpolates: row i is i, β_j = 0 is n + j.
    var basis: [Int]
  }

  package struct Solution: Sendable {
    package var intercept: Double
    /// As many as columns; mostly zero.
    package var coefficients: [Double]
    package var certificate: SubgradientCertificate
    package var pivots: Int
    package var vertex: Vertex
  }

  let rows: Int
  let columns: Int
  /// n × p, row-major.
  private let design: [Double]
  private let target: [Double]
  private let weight: [Double]
  private let targetExponent: Int32
  private let weightScale: Double

  package var rowCount: Int { rows }

  /// `design` is n × p without a column of ones, its columns of about unit size, n at least one; weights positive; all finite.
  package init(design: Matrix, target: [Double], weights: [Double]? = nil) {
    precondition(design.rows == target.count && design.rows > 0 && (weights == nil || weights!.count == target.count))
    useSingleThreadedBLAS()
    rows = design.rows
    columns = design.columns
    self.design = design.values
    let largest = target.reduce(0) { max($0, abs($1)) }
    let exponent = largest > 0 ? Int32(largest.exponent) : 0
    targetExponent = exponent
    self.target = target.map { scalbn($0, -exponent) }
    if let weights {
      let largest = weights.max()!
      let shares = weights.map { $0 / largest }
      let mean = shares.reduce(0, +) / Double(shares.count)
      weight = shares.map { $0 / mean }
      weightScale = largest * mean
    } else {
      weight = [Double](repeating: 1, count: rows)
      weightScale = 1
    }
  }

  /// The minimiser, from the vertex of a neighbour or from none. Penalties are in units of the weights as given. Nil where rounding
  /// lost the basis (never seen).
  package func solve(level: Double, penalties: [Double], from start: Vertex? = nil) -> Solution? {
    precondition(penalties.count == columns && penalties.allSatisfy { $0 > 0 })
    let penalties = penalties.map { $0 / weightScale }
    if let start, let solution = extend(pruned(start), level: level, penalties: penalties) { return solution }
    return extend(interceptOnly(level: level), level: level, penalties: penalties)
  }

  /// The quantile of the target alone.
  private func interceptOnly(level: Double) -> Vertex {
    let order = (0..<rows).sorted { (target[$0], $0) < (target[$1], $1) }
    let share = level * weight.reduce(0, +)
    var sum = 0.0
    for i in order {
      sum += weight[i]
      if sum >= share { return Vertex(active: [], basis: [i]) }
    }
    return Vertex(active: [], basis: [order.last!])
  }

  /// Without the columns that the vertex sets to zero.
  private func pruned(_ vertex: Vertex) -> Vertex {
    let zero = Set(vertex.basis.filter { $0 >= rows }.map { $0 - rows })
    return Vertex(active: vertex.active.filter { !zero.contains($0) }, basis: vertex.basis.filter { $0 < rows })
  }

  private func extend(_ start: Vertex, level: Double, penalties: [Double]) -> Solution? {
    var vertex = start
    var pivots = 0
    while true {
      guard var solver = solver(for: vertex, level: level, penalties: penalties), solver.solve() == .optimal else { return nil }
      pivots += solver.pivots
      vertex.basis = solver.basis.map { $0 < rows ? $0 : rows + vertex.active[$0 - rows] }

      let duals = solver.rowDuals()
      var correlation = [Double](repeating: 0, count: columns)
      if columns > 0 {
        cblas_dgemv(CblasRowMajor, CblasTrans, Int32(rows), Int32(columns), 1, design, Int32(columns), duals, 1, 0, &correlation, 1)
      }
      let inside = Set(vertex.active)
      var excess = 0.0
      var violators: [(ratio: Double, column: Int)] = []
      for j in 0..<columns where !inside.contains(j) {
        let over = abs(correlation[j]) - penalties[j]
        excess = max(excess, over / max(1, penalties[j]))
        if over > 1e-9 * penalties[j] + 1e-12 * Double(rows) { violators.append((abs(correlation[j]) / penalties[j], j)) }
      }
      if violators.isEmpty {
        var coefficients = [Double](repeating: 0, count: columns)
        for (k, j) in vertex.active.enumerated() { coefficients[j] = scaled(solver.coefficients[k + 1]) }
        // At the vertex these are zero: what rounding left of them is not a coefficient.
        for i in vertex.basis where i >= rows { coefficients[i - rows] = 0 }
        var certificate = solver.certificate()
        certificate.dualViolation = max(certificate.dualViolation, excess)
        return Solution(
          intercept: scaled(solver.coefficients[0]), coefficients: coefficients, certificate: certificate, pivots: pivots, vertex: vertex)
      }
      violators.sort { ($0.ratio, $1.column) > ($1.ratio, $0.column) }
      for violator in violators.prefix(max(10, vertex.active.count / 3)) {
        vertex.active.append(violator.column)
        vertex.basis.append(rows + violator.column)
      }
    }
  }

  private func scaled(_ coefficient: Double) -> Double { scalbn(coefficient, targetExponent) }

  /// At the vertex, over the intercept and the active columns: the rows, then a row a penalty.
  private func solver(for vertex: Vertex, level: Double, penalties: [Double]) -> VertexSolver? {
    let q = vertex.active.count + 1
    var solver = VertexSolver(columns: q, capacity: rows + q, level: level, meanWeight: 1, totalRows: rows)
    var row = [Double](repeating: 0, count: q)
    row[0] = 1
    design.withUnsafeBufferPointer { design in
      for i in 0..<rows {
        for (k, j) in vertex.active.enumerated() { row[k + 1] = design[i * columns + j] }
        solver.append(row: row, target: target[i], weight: weight[i])
      }
    }
    for (k, j) in vertex.active.enumerated() {
      for c in 0..<q { row[c] = 0 }
      row[k + 1] = 1
      solver.append(row: row, target: 0, weight: 2 * penalties[j])
      solver.linear[k + 1] = (1 - 2 * level) * penalties[j]
    }
    let place = Dictionary(uniqueKeysWithValues: vertex.active.enumerated().map { ($1, $0) })
    return solver.start(from: vertex.basis.map { $0 < rows ? $0 : rows + place[$0 - rows]! }) ? solver : nil
  }

  /// The minimisers at several levels, each from the vertex of its neighbour, from the middle one outwards. `penalties(t)` are those of level t;
  /// `near` are vertices of the same levels to start from instead. The answer does not depend on `threads`.
  package func solve(
    levels: [Double], threads: Int, near: [Vertex]? = nil, penalties: @Sendable (Int) -> [Double],
    progress: @Sendable (Int) -> Void = { _ in }
  ) -> [Solution]? {
    guard !levels.isEmpty else { return [] }
    let middle = levels.count / 2
    var solutions = [Solution?](repeating: nil, count: levels.count)
    solutions[middle] = solve(level: levels[middle], penalties: penalties(middle), from: near?[middle])
    guard let first = solutions[middle] else { return nil }
    progress(middle)
    solutions.withDisjointSlots { slots in
      parallelFor(2, threads: threads) { direction in
        var last = first.vertex
        for t in direction == 0 ? Array((0..<middle).reversed()) : Array(middle + 1..<max(levels.count, middle + 1)) {
          guard let solution = solve(level: levels[t], penalties: penalties(t), from: near?[t] ?? last) else { return }
          slots[t] = solution
          last = solution.vertex
          progress(t)
        }
      }
    }
    let found = solutions.compactMap { $0 }
    return found.count == levels.count ? found : nil
  }
}
