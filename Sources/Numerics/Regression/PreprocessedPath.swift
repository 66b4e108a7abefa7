import CKernels
import Glibc
import Groundwork
import Quantiles

/// Many levels of many rows by preprocessing (Portnoy and Koenker 1997, section 4; Chernozhukov, Fernández-Val and Melly 2022, algorithm 2).
///
/// A sample of the rows is solved first. At each level its solution, corrected by what the rows taught at neighbouring levels,
/// guesses the fit: rows with a residual far outside the guess's error are summed into one gradient, as only their side matters;
/// the few others are solved to a vertex. Then all rows are looked at again: those that changed side join the few and the level is
/// solved anew, until none did. So the answer is exact whatever the guess. Levels go in stages (the middle one, the quarters, the
/// eighths, …): the levels of a stage share their passes over the data, which are matrix products.
struct PreprocessedPath {
  private let data: WhitenedRows
  private let levels: [Double]
  private let threads: Int
  private let directRows: Int
  private let meanWeight: Double
  /// Rows a task of a pass works on: fixed, so sums are the same for any number of threads.
  private let chunk = 16_384
  /// Rows turned into columns at once, a multiple of 8: some 20 KB.
  private let block: Int
  /// Their sides take a byte a row each.
  private let levelsAtOnce = 18

  init(_ data: WhitenedRows, levels: [Double], threads: Int, directRows: Int) {
    self.data = data
    self.levels = levels
    self.threads = threads
    self.directRows = directRows
    meanWeight = data.meanWeight
    block = min(256, max(16, 2560 / max(1, data.columns) / 8 * 8))
  }

  /// Nil where a sample or the kept rows had not full rank in spite of everything.
  func solve() -> VertexPath? {
    let sample = sampleRows()
    guard let pilot = solveVertexPath(data.selecting(sample), levels: levels, threads: threads, directRows: directRows) else { return nil }
    var points = [VertexPath.Point?](repeating: nil, count: levels.count)
    for stage in stages() {
      for first in stride(from: 0, to: stage.count, by: levelsAtOnce) {
        let batch = Array(stage[first..<min(first + levelsAtOnce, stage.count)])
        guard solve(batch, pilot: pilot, sampleSize: sample.count, into: &points) else { return nil }
      }
    }
    return VertexPath(points: points.map { $0! })
  }

  /// One row in eight at random, rows of high leverage more often and with less weight, so that no direction is lost.
  private func sampleRows() -> [(row: Int, factor: Double)] {
    var random = RandomStream(seed: 1, stream: UInt64(data.rows))
    let p = Double(data.columns)
    var picked: [(row: Int, factor: Double)] = []
    picked.reserveCapacity(data.rows / 6)
    for i in 0..<data.rows {
      let chance = min(1, max(0.125, 0.0125 * data.norm[i] * data.norm[i] / p))
      if random.uniform() < chance { picked.append((i, 0.125 / chance)) }
    }
    return picked
  }

  /// Level indices: the middle, then the middles of what is left on each side, and so on.
  private func stages() -> [[Int]] {
    var result: [[Int]] = []
    var gaps = [0..<levels.count]
    while !gaps.isEmpty {
      result.append(gaps.map { ($0.lowerBound + $0.upperBound) / 2 })
      gaps = gaps.flatMap { gap -> [Range<Int>] in
        let middle = (gap.lowerBound + gap.upperBound) / 2
        return [gap.lowerBound..<middle, middle + 1..<gap.upperBound].filter { !$0.isEmpty }
      }
    }
    return result
  }

  // MARK: Guess

  private struct Guess {
    var coefficients: [Double]
    /// Rows with |residual| ≤ radius · norm are kept.
    var radius: Double
  }

  private func guess(_ t: Int, pilot: VertexPath, sampleSize: Int, solved: [VertexPath.Point?], widening: Double) -> Guess {
    let p = data.columns
    let below = stride(from: t - 1, through: 0, by: -1).first { solved[$0] != nil }
    let above = (t + 1..<max(levels.count, t + 1)).first { solved[$0] != nil }
    func correction(_ k: Int) -> [Double] { zip(solved[k]!.coefficients, pilot.points[k].coefficients).map { $0 - $1 } }
    var coefficients = pilot.points[t].coefficients
    // What the pilot missed is a Brownian bridge in τ, nearly: interpolate it, and know its spread.
    let reachBelow = levels[t] - (below.map { levels[$0] } ?? 0)
    let reachAbove = (above.map { levels[$0] } ?? 1) - levels[t]
    switch (below, above) {
    case (let a?, let b?):
      let share = reachBelow / (reachBelow + reachAbove)
      for (c, (x, z)) in zip(correction(a), correction(b)).enumerated() { coefficients[c] += (1 - share) * x + share * z }
    case (let a?, nil): for (c, x) in correction(a).enumerated() { coefficients[c] += x }
    case (nil, let b?): for (c, x) in correction(b).enumerated() { coefficients[c] += x }
    case (nil, nil): break
    }
    let variance = reachBelow * reachAbove / (reachBelow + reachAbove) / Double(sampleSize)
    let share = min(1, 4 * widening * (Double(p) * variance).squareRoot())
    let wanted = max(share, Double(max(20 * p, 200)) / Double(data.rows))
    guard wanted < 0.5 else { return Guess(coefficients: coefficients, radius: .infinity) }

    let probes = min(data.rows, max(1500, Int(40 / wanted)))
    var ratios: [Double] = []
    ratios.reserveCapacity(probes)
    data.design.withUnsafeBufferPointer { design in
      for k in 0..<probes {
        let i = k * data.rows / probes
        var fit = 0.0
        for c in 0..<p { fit += design[i * p + c] * coefficients[c] }
        if data.norm[i] > 0 { ratios.append(abs(data.target[i] - fit) / data.norm[i]) }
      }
    }
    ratios.removeAll(where: \.isNaN)
    let radius =
      ratios.isEmpty
      ? .infinity : ratios.withUnsafeMutableBufferPointer { orderStatistic($0, rank: min($0.count, Int(wanted * Double($0.count)) + 1)) }
    // Targets tied at the guess are kept together, though rounding parts them.
    let length = coefficients.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return Guess(coefficients: coefficients, radius: max(radius, 1e-12 * length))
  }

  // MARK: A batch of levels

  private func solve(_ batch: [Int], pilot: VertexPath, sampleSize: Int, into points: inout [VertexPath.Point?]) -> Bool {
    var waiting = batch
    var widening = 1.0
    while !waiting.isEmpty {
      let solved = points
      let guesses = try! parallelMap(waiting.count, threads: threads) { [waiting, widening] in
        guess(waiting[$0], pilot: pilot, sampleSize: sampleSize, solved: solved, widening: widening)
      }
      var split = self.split(waiting, guesses)
      var solvers = [VertexSolver?](repeating: nil, count: waiting.count)
      solvers.withDisjointSlots { slots in
        parallelFor(waiting.count, threads: threads) { [waiting, split] k in
          var solver = VertexSolver(
            columns: data.columns, capacity: split.kept[k].count + 64, level: levels[waiting[k]], meanWeight: meanWeight,
            totalRows: data.rows)
          append(split.kept[k], to: &solver)
          solver.linear = split.gradients[k]
          if solver.start(near: guesses[k].coefficients), solver.solve() == .optimal { slots[k] = solver }
        }
      }
      var open = (0..<waiting.count).filter { solvers[$0] != nil }
      var failed = (0..<waiting.count).filter { solvers[$0] == nil }
      while !open.isEmpty {
        let changed = rowsThatChangedSide(open, of: waiting, coefficients: open.map { solvers[$0]!.coefficients }, sides: split.sides)
        for (o, k) in open.enumerated() where changed[o].isEmpty {
          points[waiting[k]] = VertexPath.Point(
            coefficients: solvers[k]!.coefficients, certificate: solvers[k]!.certificate(),
            pivots: solvers[k]!.pivots)
        }
        let mended = open.indices.filter { !changed[$0].isEmpty }
        for o in mended {
          for i in changed[o] {
            let k = open[o]
            let level = levels[waiting[k]]
            let d = data.weight[i] * (split.sides[k * data.rows + i] > 0 ? level : level - 1)
            for c in 0..<data.columns { solvers[k]!.linear[c] -= d * data.design[i * data.columns + c] }
            split.sides[k * data.rows + i] = 0
          }
        }
        var alive = [Bool](repeating: true, count: mended.count)
        solvers.withDisjointSlots { slots in
          alive.withDisjointSlots { flags in
            parallelFor(mended.count, threads: threads) { [open] m in
              let k = open[mended[m]]
              append(changed[mended[m]], to: &slots[k]!)
              flags[m] = slots[k]!.solve() == .optimal
            }
          }
        }
        failed += mended.indices.filter { !alive[$0] }.map { open[mended[$0]] }
        open = mended.indices.filter { alive[$0] }.map { open[mended[$0]] }
      }
      if widening > 1e6 { return false }
      widening *= 2
      waiting = failed.sorted().map { waiting[$0] }
    }
    return true
  }

  private func append(_ rows: [Int32], to solver: inout VertexSolver) {
    data.design.withUnsafeBufferPointer { design in
      for row in rows {
        let i = Int(row)
        solver.append(row: design.baseAddress! + i * data.columns, target: data.target[i], weight: data.weight[i])
      }
    }
  }

  private func append(_ rows: [Int], to solver: inout VertexSolver) { append(rows.map { Int32($0) }, to: &solver) }

  // MARK: Passes over the data

  private struct Split {
    /// Rows near the guess, of each level.
    var kept: [[Int32]]
    /// Σ d_i x_i over the other rows, of each level.
    var gradients: [[Double]]
    /// Level-major: 1 above, −1 below, 0 kept.
    var sides: [Int8]
  }

  /// Blocks of the chunk's rows turned into columns, so that several levels read them from the nearest cache.
  private func forEachBlock(ofChunk index: Int, _ body: (_ first: Int, UnsafePointer<residuals_block>) -> Void) {
    let p = data.columns
    let memory = UnsafeMutablePointer<Double>.allocate(capacity: block * (p + 3))
    defer { memory.deallocate() }
    let (target, weight, norm) = (memory + block * p, memory + block * (p + 1), memory + block * (p + 2))
    var rows = residuals_block(columns: memory, target: target, weight: weight, norm: norm, rows: 0, width: p, stride: block)
    let end = min(data.rows, (index + 1) * chunk)
    for first in stride(from: index * chunk, to: end, by: block) {
      let count = min(block, end - first)
      if count < block { memory.update(repeating: 0, count: block * (p + 3)) }
      data.design.withUnsafeBufferPointer { design in
        for i in 0..<count { for c in 0..<p { memory[c * block + i] = design[(first + i) * p + c] } }
      }
      for (copy, values) in [(target, data.target), (weight, data.weight), (norm, data.norm)] {
        values.withUnsafeBufferPointer { copy.update(from: $0.baseAddress! + first, count: count) }
      }
      rows.rows = count
      body(first, &rows)
    }
  }

  private func split(_ batch: [Int], _ guesses: [Guess]) -> Split {
    let (n, p, m) = (data.rows, data.columns, batch.count)
    let chunks = (n + chunk - 1) / chunk
    let coefficients = guesses.flatMap(\.coefficients)
    var sides = [Int8](repeating: 0, count: n * m)
    let parts = sides.withDisjointSlots { sides -> [(kept: [[Int32]], gradient: [Double])] in
      try! parallelMap(chunks, threads: threads) { chunkIndex in
        var kept = [[Int32]](repeating: [], count: m)
        var gradient = [Double](repeating: 0, count: m * p)
        let side = UnsafeMutablePointer<Int8>.allocate(capacity: block)
        let dual = UnsafeMutablePointer<Double>.allocate(capacity: block)
        defer {
          side.deallocate()
          dual.deallocate()
        }
        coefficients.withUnsafeBufferPointer { coefficients in
          gradient.withUnsafeMutableBufferPointer { gradient in
            forEachBlock(ofChunk: chunkIndex) { first, rows in
              for k in 0..<m {
                residuals_split(
                  rows, coefficients.baseAddress! + k * p, guesses[k].radius, levels[batch[k]], side, dual, gradient.baseAddress! + k * p)
                let place = k * n + first
                _ = sides[place..<place + rows.pointee.rows].update(fromContentsOf: UnsafeBufferPointer(start: side, count: rows.pointee.rows))
                for i in 0..<rows.pointee.rows where side[i] == 0 { kept[k].append(Int32(first + i)) }
              }
            }
          }
        }
        return (kept, gradient)
      }
    }
    var kept = [[Int32]](repeating: [], count: m)
    var gradients = [[Double]](repeating: [Double](repeating: 0, count: p), count: m)
    for part in parts {
      for k in 0..<m {
        kept[k] += part.kept[k]
        for c in 0..<p { gradients[k][c] += part.gradient[k * p + c] }
      }
    }
    return Split(kept: kept, gradients: gradients, sides: sides)
  }

  /// Rows behind the gradient whose residual at the solution is on the other side, of each open level.
  private func rowsThatChangedSide(_ open: [Int], of batch: [Int], coefficients: [[Double]], sides: [Int8]) -> [[Int]] {
    let (n, p, m) = (data.rows, data.columns, open.count)
    let chunks = (n + chunk - 1) / chunk
    let flat = coefficients.flatMap { $0 }
    let parts = try! parallelMap(chunks, threads: threads) { chunkIndex -> [[Int]] in
      var changed = [[Int]](repeating: [], count: m)
      let side = UnsafeMutablePointer<Int8>.allocate(capacity: 2 * block)
      side.initialize(repeating: 0, count: 2 * block)
      defer { side.deallocate() }
      let left = side + block
      flat.withUnsafeBufferPointer { coefficients in
        sides.withUnsafeBufferPointer { sides in
          forEachBlock(ofChunk: chunkIndex) { first, rows in
            for o in 0..<m {
              side.update(from: sides.baseAddress! + open[o] * n + first, count: rows.pointee.rows)
              guard residuals_left_side(rows, coefficients.baseAddress! + o * p, side, left) != 0 else { continue }
              for i in 0..<rows.pointee.rows where left[i] != 0 { changed[o].append(first + i) }
            }
          }
        }
      }
      return changed
    }
    var changed = [[Int]](repeating: [], count: m)
    for part in parts { for o in 0..<m { changed[o] += part[o] } }
    return changed
  }
}
