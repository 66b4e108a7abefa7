import COpenBLAS
import Groundwork

/// The vertex solutions at several levels of one set of whitened rows.
struct VertexPath {
  /// A level: its coefficients and their certificate.
  struct Point {
    var coefficients: [Double]
    var certificate: SubgradientCertificate
    var pivots: Int
  }
  var points: [Point]
}

/// Below this many rows every level starts from its neighbour's basis with all rows at hand.
private let directRows = 1500

/// Solves all `levels` (increasing): directly where rows are few, else by preprocessing. Nil where the rows have not full rank.
func solveVertexPath(_ data: WhitenedRows, levels: [Double], threads: Int, directRows limit: Int? = nil) -> VertexPath? {
  let limit = limit ?? max(directRows, 25 * data.columns)
  if data.rows > limit, let path = PreprocessedPath(data, levels: levels, threads: threads, directRows: limit).solve() { return path }
  return solveDirectly(data, levels: levels, threads: threads)
}

/// Every level with all rows, from the middle level outwards, each from the basis of its neighbour.
private func solveDirectly(_ data: WhitenedRows, levels: [Double], threads: Int) -> VertexPath? {
  let middle = levels.count / 2
  var solver = VertexSolver(
    columns: data.columns, capacity: data.rows, level: levels[middle], meanWeight: data.meanWeight, totalRows: data.rows)
  data.design.withUnsafeBufferPointer { design in
    for i in 0..<data.rows {
      solver.append(row: design.baseAddress! + i * data.columns, target: data.target[i], weight: data.weight[i])
    }
  }
  guard solver.start(near: coldGuess(data, level: levels[middle])), solver.solve() == .optimal else { return nil }
  @Sendable func point(_ solver: VertexSolver) -> VertexPath.Point {
    VertexPath.Point(coefficients: solver.coefficients, certificate: solver.certificate(), pivots: solver.pivots)
  }
  var points = [VertexPath.Point?](repeating: nil, count: levels.count)
  points[middle] = point(solver)
  let start = solver
  points.withDisjointSlots { slots in
    parallelFor(2, threads: threads) { side in
      var solver = start
      let order = side == 0 ? Array((0..<middle).reversed()) : Array(middle + 1..<max(levels.count, middle + 1))
      for t in order {
        solver.level = levels[t]
        solver.pivots = 0
        guard solver.solve() == .optimal else { return }
        slots[t] = point(solver)
      }
    }
  }
  let found = points.compactMap { $0 }
  return found.count == levels.count ? VertexPath(points: found) : nil
}

/// The interior point's answer, or least squares where that breaks down. A start only: it decides speed, never the answer.
func coldGuess(_ data: WhitenedRows, level: Double) -> [Double] {
  if let guess = interiorPointQuantile(data, level: level) { return guess }
  var guess = [Double](repeating: 0, count: data.columns)
  cblas_dgemv(
    CblasRowMajor, CblasTrans, Int32(data.rows), Int32(data.columns), 1 / Double(data.rows), data.design, Int32(data.columns),
    data.target, 1, 0, &guess, 1)
  return guess.allSatisfy(\.isFinite) ? guess : [Double](repeating: 0, count: data.columns)
}
