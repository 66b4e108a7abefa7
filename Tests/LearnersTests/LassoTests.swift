import Glibc
import Groundwork
import Learners
import MethodKit
import Quantiles
import Regression
import Testing

@Suite struct LassoTests {
  private func fit(
    _ features: FeatureTable, _ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.1, 0.5, 0.9], threads: Int = 2,
    _ settings: [(key: String, value: String)] = []
  ) throws -> any FittedLearner {
    try Lasso(settings: Settings(settings, of: Lasso.description)).fit(
      TrainingSet(features: features, target: target, weights: weights), levels: levels, context: FitContext(threads: threads))
  }

  private func loss(_ y: [Double], _ q: [Double], _ level: Double) -> Double {
    zip(y, q).reduce(0) { $0 + ($1.0 >= $1.1 ? level : level - 1) * ($1.0 - $1.1) }
  }

  /// quantreg 5's rq.fit.lasso counts half of λ Σ|β_j|; its objectives:
  ///
  ///     Rscript -e 'library(quantreg); n <- 200; p <- 8; X <- outer(1:n, 1:p, function(i,j) sin(i*j*1.37 + j))
  ///       y <- 2*X[,1] - X[,3] + sin((1:n)^2*0.61)*(1+0.5*X[,2])
  ///       for (tau in c(.1,.5,.75)) for (lam in c(4,30)) { f <- rq.fit.lasso(cbind(1,X), y, tau, c(0,rep(lam,p)))
  ///         b <- f$coefficients; u <- y - cbind(1,X)%*%b; cat(sprintf("%.10f\n", sum(u*(tau-(u<0))) + .5*lam*sum(abs(b[-1])))) }'
  @Test func objectivesAreThoseOfQuantreg() {
    let (n, p) = (200, 8)
    var x = Matrix(rows: n, columns: p)
    for i in 0..<n { for j in 0..<p { x[i, j] = sin(Double((i + 1) * (j + 1)) * 1.37 + Double(j + 1)) } }
    let y = (0..<n).map { i in 2 * x[i, 0] - x[i, 2] + sin(Double((i + 1) * (i + 1)) * 0.61) * (1 + 0.5 * x[i, 1]) }
    let problem = PenalisedQuantileRegression(design: x, target: y)
    let expected = [
      (0.1, 4.0, 24.0738321733), (0.1, 30, 58.6743093173), (0.5, 4, 69.9130075462), (0.5, 30, 106.6391070459), (0.75, 4, 53.8405168941),
      (0.75, 30, 90.8187359302),
    ]
    for (level, lambda, objective) in expected {
      let solution = problem.solve(level: level, penalties: [Double](repeating: lambda / 2, count: p))!
      let q = (0..<n).map { i in (0..<p).reduce(solution.intercept) { $0 + solution.coefficients[$1] * x[i, $1] } }
      let ours = loss(y, q, level) + lambda / 2 * solution.coefficients.reduce(0) { $0 + abs($1) }
      #expect(ours <= objective + 1e-9 && ours > objective - 1e-3)
      #expect(solution.certificate.holds)
    }
  }

  /// Ties, duplicated columns and more columns than rows: the certificate is the proof, whatever way the solver went.
  @Test func everySolutionIsCertifiedAndTheSameFromAnyNeighbour() {
    var random = RandomStream(seed: 5)
    for (n, p) in [(60, 5), (40, 90), (300, 30), (7, 3)] {
      var x = Matrix(rows: n, columns: p)
      for i in 0..<n { for j in 0..<p { x[i, j] = j % 3 == 0 ? Double(random.below(3)) - 1 : j % 7 == 4 ? x[i, j - 1] : random.uniform() * 2 - 1 } }
      let y = (0..<n).map { i in Double(random.below(6)) + x[i, 0] }
      let weights = (0..<n).map { _ in random.uniform() + 0.1 }
      let problem = PenalisedQuantileRegression(design: x, target: y, weights: weights)
      let levels = [0.05, 0.3, 0.5, 0.55, 0.9]
      for penalty in [0.05, 1, 8, 1e4] {
        let path = problem.solve(levels: levels, threads: 2, penalties: { _ in [Double](repeating: penalty, count: p) })!
        for (t, solution) in path.enumerated() {
          #expect(solution.certificate.holds)
          let cold = problem.solve(level: levels[t], penalties: [Double](repeating: penalty, count: p))!
          func objective(_ s: PenalisedQuantileRegression.Solution) -> Double {
            (0..<n).reduce(penalty * s.coefficients.reduce(0) { $0 + abs($1) }) { sum, i in
              let u = y[i] - (0..<p).reduce(s.intercept) { $0 + s.coefficients[$1] * x[i, $1] }
              return sum + weights[i] * (u >= 0 ? levels[t] : levels[t] - 1) * u
            }
          }
          #expect(abs(objective(solution) - objective(cold)) < 1e-9 * (1 + objective(cold)))
        }
      }
    }
  }

  @Test func noPenaltyIsLinear() throws {
    let features = table((0..<3).map { .numeric(noise(90, seed: $0)) }, rows: 90)
    let y = noise(90, seed: 9)
    let linear = try Linear(settings: Settings(of: Linear.description)).fit(
      TrainingSet(features: features, target: y), levels: [0.1, 0.5, 0.9], context: FitContext()
    ).predict(features)
    #expect(try fit(features, y, [("lambda", "0")]).predict(features) == linear)
    let nearly = try fit(features, y, [("lambda", "1e-9")]).predict(features)
    for (a, b) in zip(nearly.values, linear.values) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func aHugePenaltyLeavesQuantilesOfTheTarget() throws {
    let features = table((0..<4).map { .numeric(noise(101, seed: $0)) }, rows: 101)
    let y = noise(101, seed: 9)
    let answer = try fit(features, y, [("lambda", "1e6")]).predict(features)
    let sorted = y.sorted()
    for (t, level) in [0.1, 0.5, 0.9].enumerated() {
      #expect((0..<101).allSatisfy { answer[$0, t] == answer[0, t] })
      let own = loss(y, [Double](repeating: answer[0, t], count: 101), level)
      #expect(sorted.allSatisfy { own <= loss(y, [Double](repeating: $0, count: 101), level) + 1e-12 })
    }
  }

  @Test func thePivotalPenaltyFindsTheColumnsThatMatter() throws {
    let n = 400
    let columns = (0..<100).map { noise(n, seed: 100 + UInt64($0)) }
    let e = noise(n, seed: 7)
    let y = (0..<n).map { 3 * columns[4][$0] - 3 * columns[50][$0] + e[$0] }
    for penalty in ["pivotal", "cv"] {
      let model = try fit(table(columns.map { .numeric($0) }, rows: n), y, [("penalty", penalty), ("lambda", "1")])
      let chosen = Int(model.summary.first { $0.key == "columns" }!.value)!
      #expect(chosen >= 2 && (penalty == "cv" || chosen <= 4))
    }
  }

  /// Slopes of all levels tied together are composite quantile regression: levels differ by a constant.
  @Test func aHugeFusionLeavesParallelLevels() throws {
    let n = 200
    let columns = (0..<5).map { noise(n, seed: 20 + $0) }
    let e = noise(n, seed: 26)
    let y = (0..<n).map { 2 * columns[0][$0] + (1 + 0.8 * columns[1][$0]) * e[$0] }
    let features = table(columns.map { .numeric($0) }, rows: n)
    func spread(_ fusion: String) throws -> Double {
      let answer = try fit(features, y, [("fusion", fusion), ("lambda", "0.01")]).predict(features)
      let widths = (0..<n).map { answer[$0, 2] - answer[$0, 0] }
      return widths.max()! - widths.min()!
    }
    #expect(try spread("0") > 0.5)
    #expect(try spread("0.05") < spread("0"))
    #expect(try spread("1000") < 1e-9)
  }

  @Test func collinearColumnsAreFusedWithoutPenalty() throws {
    let x = noise(120, seed: 31)
    let z = noise(120, seed: 32)
    let e = noise(120, seed: 33)
    let y = (0..<120).map { i -> Double in x[i] - z[i] + e[i] * (1 + 0.5 * x[i]) }
    let two: [FeatureTable.Column] = [.numeric(x), .numeric(z)]
    let both = (0..<120).map { i -> Double in 2 * x[i] + 3 * z[i] }
    let three = two + [.numeric(both)]
    let settings = [(key: "lambda", value: "0"), (key: "fusion", value: "0.1")]
    let answer = try fit(table(two, rows: 120), y, settings).predict(table(two, rows: 120))
    let again = try fit(table(three, rows: 120), y, settings).predict(table(three, rows: 120))
    // The penalty of fusion differs a little, as it looks at the third column too.
    func medianLoss(_ answer: Matrix) -> Double { loss(y, (0..<120).map { answer[$0, 1] }, 0.5) }
    #expect(abs(medianLoss(again) - medianLoss(answer)) < 0.01 * medianLoss(answer))
  }

  @Test func oneLevelHasNothingToFuseWith() throws {
    let features = table((0..<3).map { .numeric(noise(90, seed: $0)) }, rows: 90)
    let y = noise(90, seed: 9)
    for lambda in ["0", "0.3"] {
      let alone = try fit(features, y, levels: [0.4], [("lambda", lambda)]).predict(features)
      #expect(try fit(features, y, levels: [0.4], [("lambda", lambda), ("fusion", "2")]).predict(features) == alone)
    }
  }

  @Test func answersDoNotDependOnThreads() throws {
    let n = 150
    let features = table((0..<20).map { .numeric(noise(n, seed: 30 + $0)) }, rows: n)
    let y = noise(n, seed: 40)
    for settings in [[("penalty", "cv")], [("lambda", "0.1")], [("fusion", "0.2"), ("lambda", "0.1")]] {
      #expect(try fit(features, y, threads: 1, settings).predict(features) == fit(features, y, threads: 2, settings).predict(features))
    }
  }

  @Test func rowsOfWeightZeroTeachNothing() throws {
    let x = noise(60, seed: 2)
    let y = noise(60, seed: 3)
    let half = try fit(table([.numeric(Array(x[..<30]))], rows: 30), Array(y[..<30]), weights: [Double](repeating: 2, count: 30))
    let weighted = try fit(
      table([.numeric(Array(x[..<30]) + [Double](repeating: .nan, count: 30))], rows: 60), y, weights: (0..<60).map { $0 < 30 ? 2 : 0 })
    let new = table([.numeric([0.3, .nan])], rows: 2)
    #expect(half.predict(new) == weighted.predict(new))
    #expect(throws: Failure.self) { try fit(table([.numeric(x)], rows: 60), y, weights: x.map { _ in 0 }) }
  }

  @Test func hostileTablesGetFiniteAnswers() throws {
    let huge = Double.greatestFiniteMagnitude
    let tables: [(FeatureTable, [Double])] = [
      (table([], rows: 3), [1, 2, 3]),
      (table([.numeric([5])], rows: 1), [huge]),
      (table([.numeric([5, 5, 5]), .numeric([.nan, .nan, .nan])], rows: 3), [1e-300, 2e-300, -huge]),
      (table([.numeric([huge, -huge, 0, .nan]), .numeric([5e-324, 0, 1e-310, 0])], rows: 4), [1e150, -1e150, 0, 7]),
      (table([.numeric([1e150, 2e150, 3e150, 5e150, 4e150])], rows: 5), [1e-150, 2e-150, 3e-150, 5e-150, 9e-150]),
      (
        table([.categorical(codes: (0..<600).map { Int32($0) }, categories: (0..<600).map { "c\($0)" }), .numeric(noise(600, seed: 60))], rows: 600),
        noise(600, seed: 61)
      ),
      (table((0..<40).map { .numeric(noise(6, seed: 70 + $0)) }, rows: 6), [0, 0, 0, 0, 0, 0]),
      (table((0..<40).map { .numeric(noise(6, seed: 70 + $0)) }, rows: 6), [0, 1, 0, 2, 3, 1]),
    ]
    for (features, y) in tables {
      for settings in [[], [("penalty", "cv")], [("lambda", "1e-6")], [("fusion", "1")], [("fusion", "1e6"), ("lambda", "0")]] {
        let model = try fit(features, y, levels: [0.001, 0.5, 0.999], settings)
        #expect(model.predict(features).values.allSatisfy { $0.isFinite })
      }
    }
  }

  @Test func whatIsWrittenReadsBackAndDamageIsAFailure() throws {
    let n = 40
    let features = table(
      [
        .numeric((0..<n).map { $0 % 7 == 0 ? .nan : Double($0) }),
        .categorical(codes: (0..<n).map { Int32($0 % 4) - 1 }, categories: ["p", "q", "r"]),
      ], rows: n)
    let model = try fit(features, noise(n, seed: 80), [("lambda", "0.01")])
    var writer = ByteWriter()
    model.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let again = try Lasso.fitted.init(decoding: &reader)
    #expect(reader.isAtEnd)
    #expect(again.predict(features) == model.predict(features))
    for length in 0..<writer.bytes.count {
      var reader = ByteReader(Array(writer.bytes[..<length]))
      #expect(throws: Failure.self) { _ = try Lasso.fitted.init(decoding: &reader) }
    }
  }
}
