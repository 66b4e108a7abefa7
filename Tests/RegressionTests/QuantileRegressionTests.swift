import Glibc
import Groundwork
import Quantiles
import Regression
import Testing

/// Σ_i w_i ψ_τ(y_i − x_iᵀβ).
func pinballObjective(_ x: Matrix, _ y: [Double], _ w: [Double]?, _ beta: some Collection<Double>, _ level: Double) -> Double {
  var sum = 0.0
  for i in 0..<x.rows {
    let fit = zip(x.row(i), beta).reduce(0) { $0 + $1.0 * $1.1 }
    sum += (w?[i] ?? 1) * pinballLoss(level: level, target: y[i], quantile: fit)
  }
  return sum
}

/// An intercept and p − 1 columns; integers in −2 ... 2 where `tied`, else uniform.
func randomDesign(_ n: Int, _ p: Int, tied: Bool, _ random: inout RandomStream) -> Matrix {
  var x = Matrix(rows: n, columns: p)
  for i in 0..<n { for j in 0..<p { x[i, j] = j == 0 ? 1 : tied ? Double(random.below(5) - 2) : random.uniform() * 2 - 1 } }
  return x
}

func randomTarget(_ x: Matrix, tied: Bool, _ random: inout RandomStream) -> [Double] {
  (0..<x.rows).map { i in
    if tied { return Double(random.below(4)) + x.row(i).dropFirst().reduce(0, +) }
    let u = random.uniform()
    return x.row(i).reduce(0, +) + (1 + 0.5 * x[i, x.columns - 1]) * log((u + 1e-9) / (1 - u + 1e-9))
  }
}

@Suite struct QuantileRegressionTests {
  /// The least objective over all bases of p rows: an optimum is at one of them (Koenker and Bassett 1978, theorem 3.1).
  private func leastObjective(_ x: Matrix, _ y: [Double], _ w: [Double]?, _ level: Double) -> Double {
    let (n, p) = (x.rows, x.columns)
    var least = Double.infinity
    func visit(_ basis: [Int]) {
      if basis.count < p {
        for i in (basis.last ?? -1) + 1..<max(n, (basis.last ?? -1) + 1) { visit(basis + [i]) }
        return
      }
      // Gauss and Jordan with partial pivoting.
      var a = basis.map { Array(x.row($0)) + [y[$0]] }
      for c in 0..<p {
        let best = (c..<p).max { abs(a[$0][c]) < abs(a[$1][c]) }!
        guard abs(a[best][c]) > 1e-9 else { return }
        a.swapAt(c, best)
        for r in 0..<p where r != c {
          let f = a[r][c] / a[c][c]
          for k in c...p { a[r][k] -= f * a[c][k] }
        }
      }
      least = min(least, pinballObjective(x, y, w, (0..<p).map { a[$0][p] / a[$0][$0] }, level))
    }
    visit([])
    return least
  }

  @Test(arguments: [false, true]) func noVertexIsBetter(tied: Bool) throws {
    var random = RandomStream(seed: tied ? 1 : 2)
    for trial in 0..<40 {
      let p = 1 + trial % 3
      let n = p + 3 + random.below(9)
      let x = randomDesign(n, p, tied: tied, &random)
      let y = randomTarget(x, tied: tied, &random)
      let w = trial % 2 == 0 ? nil : (0..<n).map { _ in Double(1 + random.below(3)) }
      let levels = [0.1, 0.25, 0.5, 0.8]
      let solution = try QuantileRegression(design: x, target: y, weights: w, levels: levels)
      guard solution.dropped.isEmpty else { continue }
      for (t, level) in levels.enumerated() {
        let ours = pinballObjective(x, y, w, solution.coefficients.row(t), level)
        let least = leastObjective(x, y, w, level)
        #expect(abs(ours - least) <= 1e-12 * (1 + least))
        #expect(solution.certificates[t].holds)
      }
    }
  }

  /// Rscript -e 'library(quantreg); options(digits = 17); for (t in c(.1, .5, .9)) print(coef(rq(stack.loss ~ ., t, data = stackloss)))'
  /// The solutions are unique.
  @Test func stackLossIsAsInR() throws {
    let air: [Double] = [80, 80, 75, 62, 62, 62, 62, 62, 58, 58, 58, 58, 58, 58, 50, 50, 50, 50, 50, 56, 70]
    let water: [Double] = [27, 27, 25, 24, 22, 23, 24, 24, 23, 18, 18, 17, 18, 19, 18, 18, 19, 19, 20, 20, 20]
    let acid: [Double] = [89, 88, 90, 87, 87, 87, 93, 93, 87, 80, 89, 88, 82, 93, 89, 86, 72, 79, 80, 82, 91]
    let loss: [Double] = [42, 37, 37, 28, 18, 18, 19, 20, 15, 14, 14, 13, 11, 12, 8, 7, 8, 8, 9, 15, 15]
    let x = Matrix(rows: 21, columns: 4, values: (0..<21).flatMap { [1, air[$0], water[$0], acid[$0]] })
    let solution = try QuantileRegression(design: x, target: loss, levels: [0.1, 0.5, 0.9])
    let expected = [
      [-29.014018691588816523, 0.315420560747664558, 1.224299065420563437, -0.028037383177570943],
      [-39.689855072463792851, 0.831884057971013502, 0.573913043478264662, -0.060869565217391272],
      [-58.54331864904553129, 0.79295154185022043, 1.30543318649045381, 0.03817914831130742],
    ]
    for (t, row) in expected.enumerated() {
      for (a, b) in zip(solution.coefficients.row(t), row) { #expect(abs(a - b) < 1e-11) }
    }
  }

  @Test(arguments: [false, true]) func preprocessingChangesNoObjective(tied: Bool) throws {
    var random = RandomStream(seed: 7)
    let x = randomDesign(4000, 5, tied: tied, &random)
    let y = randomTarget(x, tied: tied, &random)
    let w = (0..<4000).map { _ in random.uniform() }
    let direct = try QuantileRegression(design: x, target: y, weights: w, levels: Levels.hub, threads: 2, directRows: 10_000)
    let preprocessed = try QuantileRegression(design: x, target: y, weights: w, levels: Levels.hub, threads: 2, directRows: 200)
    for (t, level) in Levels.hub.enumerated() {
      let a = pinballObjective(x, y, w, direct.coefficients.row(t), level)
      let b = pinballObjective(x, y, w, preprocessed.coefficients.row(t), level)
      #expect(abs(a - b) <= 1e-12 * a)
      #expect(preprocessed.certificates[t].holds && direct.certificates[t].holds)
    }
  }

  @Test func bitsDoNotDependOnThreads() throws {
    var random = RandomStream(seed: 8)
    for n in [400, 40_000] {
      let x = randomDesign(n, 4, tied: false, &random)
      let y = randomTarget(x, tied: false, &random)
      let one = try QuantileRegression(design: x, target: y, levels: Levels.hub, threads: 1)
      let three = try QuantileRegression(design: x, target: y, levels: Levels.hub, threads: 3)
      #expect(one.coefficients == three.coefficients)
    }
  }

  @Test func wholeWeightsAreRepetitions() throws {
    var random = RandomStream(seed: 9)
    let x = randomDesign(60, 3, tied: false, &random)
    let y = randomTarget(x, tied: false, &random)
    let w = (0..<60).map { _ in Double(random.below(4)) }
    let rows = (0..<60).flatMap { [Int](repeating: $0, count: Int(w[$0])) }
    let repeated = Matrix(rows: rows.count, columns: 3, values: rows.flatMap { x.row($0) })
    let levels = [0.12, 0.37, 0.77]
    let a = try QuantileRegression(design: x, target: y, weights: w, levels: levels)
    let b = try QuantileRegression(design: repeated, target: rows.map { y[$0] }, levels: levels)
    for (t, level) in levels.enumerated() {
      let (p, q) = (pinballObjective(x, y, w, a.coefficients.row(t), level), pinballObjective(x, y, w, b.coefficients.row(t), level))
      #expect(abs(p - q) <= 1e-12 * p)
    }
  }

  /// Koenker and Bassett 1978, theorem 3.2: β(cy) = cβ(y), β(τ; −y) = −β(1 − τ; y), β(y + Xγ) = β(y) + γ, β(XA) = A⁻¹β(X).
  @Test func solutionsAreEquivariant() throws {
    var random = RandomStream(seed: 10)
    let (n, p) = (301, 4)
    let x = randomDesign(n, p, tied: false, &random)
    let y = randomTarget(x, tied: false, &random)
    let levels = [0.113, 0.487, 0.887]
    let base = try QuantileRegression(design: x, target: y, levels: levels).coefficients
    func close(_ a: Matrix, _ b: (Int, Int) -> Double) -> Bool {
      levels.indices.allSatisfy { t in (0..<p).allSatisfy { abs(a[t, $0] - b(t, $0)) <= 1e-9 * (1 + abs(b(t, $0))) } }
    }
    #expect(close(try QuantileRegression(design: x, target: y.map { 3 * $0 }, levels: levels).coefficients) { 3 * base[$0, $1] })
    let mirrored = try QuantileRegression(design: x, target: y.map { -$0 }, levels: levels.reversed().map { 1 - $0 }).coefficients
    #expect(close(mirrored) { -base[2 - $0, $1] })
    let shifted = (0..<n).map { y[$0] + x[$0, 0] * 5 - x[$0, 2] * 2 }
    #expect(close(try QuantileRegression(design: x, target: shifted, levels: levels).coefficients) { base[$0, $1] + [5, 0, -2, 0][$1] })
    // Columns x0, x1 + 2 x0, 1e9 x2, x3 − x1.
    var z = x
    for i in 0..<n { (z[i, 1], z[i, 2], z[i, 3]) = (x[i, 1] + 2 * x[i, 0], 1e9 * x[i, 2], x[i, 3] - x[i, 1]) }
    let other = try QuantileRegression(design: z, target: y, levels: levels).coefficients
    #expect(
      close(other) { t, c in
        let slope1 = base[t, 1] + base[t, 3]
        return [base[t, 0] - 2 * slope1, slope1, base[t, 2] * 1e-9, base[t, 3]][c]
      })
  }

  @Test func hostileNumbersGiveFiniteAnswers() throws {
    func check(_ rows: [[Double]], _ y: [Double], _ note: Comment) throws {
      let x = Matrix(rows: rows.count, columns: rows[0].count, values: rows.flatMap { $0 })
      let solution = try QuantileRegression(design: x, target: y, levels: Levels.hub, threads: 2)
      #expect(solution.coefficients.values.allSatisfy { !$0.isNaN }, note)
    }
    try check([[1, 4]], [3], "one row")
    try check([[0], [0]], [1, 2], "a column of zeros")
    try check((0..<50).map { [1, Double($0)] }, [Double](repeating: 7, count: 50), "equal targets")
    try check((0..<50).map { _ in [1, 2, 3] }, (0..<50).map(Double.init), "constant columns")
    try check((0..<3).map { [1, Double($0), Double($0 * $0), 5, Double($0 % 2)] }, [1, 5, 2], "more columns than rows")
    try check((0..<60).map { [1, $0 % 7 == 0 ? 1e300 : Double($0)] }, (0..<60).map { $0 % 5 == 0 ? -1e300 : Double($0) }, "outliers of 1e300")
    try check((0..<60).map { [1, Double($0) * 1e150, Double($0 % 9) * 1e-150] }, (0..<60).map { Double($0 * $0) * 1e-150 }, "units of 1e±150")
    try check((0..<60).map { [1, Double($0 % 3 - 1) * 1.7e308] }, (0..<60).map { Double($0 % 5 - 2) * 8e307 }, "the largest doubles")
    try check((0..<60).map { [1, Double($0) * 5e-324] }, (0..<60).map { Double($0 % 5) * 5e-324 }, "the least doubles")
    try check((0..<3000).map { [1, Double($0 % 2), Double($0 % 3)] }, (0..<3000).map { Double($0 % 4) }, "nothing but ties")
  }

  @Test func rowsMustHaveWeight() {
    #expect(throws: Failure.self) {
      try QuantileRegression(design: Matrix(rows: 2, columns: 1, repeating: 1), target: [1, 2], weights: [0, 0], levels: [0.5])
    }
  }

  @Test func laterCollinearColumnsAreDropped() throws {
    var random = RandomStream(seed: 11)
    var x = randomDesign(5000, 5, tied: false, &random)
    let y = randomTarget(x, tied: false, &random)
    for i in 0..<x.rows { x[i, 3] = x[i, 1] - 2 * x[i, 2] + 4 }
    let solution = try QuantileRegression(design: x, target: y, levels: [0.5])
    #expect(solution.dropped == [3])
    #expect(solution.coefficients[0, 3] == 0)
  }
}
