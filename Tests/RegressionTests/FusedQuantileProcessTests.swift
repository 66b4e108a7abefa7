import Glibc
import Quantiles
import Regression
import Testing

@Suite struct FusedQuantileProcessTests {
  private let levels = [0.1, 0.3, 0.5, 0.7, 0.9]
  private let design: Matrix
  private let target: [Double]

  init() {
    var x = Matrix(rows: 80, columns: 4)
    for i in 0..<80 { for j in 0..<4 { x[i, j] = sin(Double((i + 1) * (j + 1)) * 1.37 + Double(j + 1)) } }
    design = x
    target = (0..<80).map { i in 2 * x[i, 0] - x[i, 2] + sin(Double((i + 1) * (i + 1)) * 0.61) * (1 + 0.5 * x[i, 1]) }
  }

  private func process(penalty: Double, fusion: Double, weights: [Double]? = nil, threads: Int = 1) -> FusedQuantileProcess {
    FusedQuantileProcess(
      design: design, target: target, weights: weights, levels: levels, penalties: levels.map { _ in penalty },
      fusions: levels.dropFirst().map { _ in fusion }, threads: threads)
  }

  /// What is minimised, summed plainly.
  private func objective(_ b: Matrix, penalty: Double, fusion: Double) -> Double {
    var sum = 0.0
    for t in levels.indices {
      for i in 0..<80 {
        sum += pinballLoss(level: levels[t], target: target[i], quantile: (0..<4).reduce(b[t, 0]) { $0 + design[i, $1] * b[t, $1 + 1] })
      }
      for j in 1...4 {
        sum += penalty * abs(b[t, j])
        if t > 0 { sum += fusion * abs(b[t, j] - b[t - 1, j]) }
      }
    }
    return sum
  }

  /// Minima by scripts/reference/fused-lasso.py (scipy's HiGHS).
  @Test func minimaAreThoseOfALinearProgram() {
    let expected = [(0.5, 0.5, 87.8804660514), (3, 2, 133.2909984056), (1, 20, 104.8992758638), (1, 1e6, 104.8992758638), (15, 4, 217.1097419980)]
    for (penalty, fusion, minimum) in expected {
      let answer = process(penalty: penalty, fusion: fusion)
      #expect(abs(objective(answer.coefficients, penalty: penalty, fusion: fusion) - minimum) < 1e-7)
      #expect(abs(answer.objective - minimum) < 1e-7)
      #expect(answer.gap <= FusedQuantileProcess.tolerance)
    }
  }

  @Test func slopesOfLevelsThatAreTiedAreEqualToTheBit() {
    let b = process(penalty: 1, fusion: 1e6).coefficients
    for t in 1..<5 { for j in 1...4 { #expect(b[t, j] == b[0, j]) } }
    for t in 1..<5 { #expect(b[t, 0] > b[t - 1, 0]) }
    let none = process(penalty: 1e4, fusion: 1).coefficients
    for t in 0..<5 { for j in 1...4 { #expect(none[t, j] == 0) } }
  }

  @Test func withoutFusionEveryLevelIsItsOwnLasso() {
    let alone = PenalisedQuantileRegression(design: design, target: target)
    let b = process(penalty: 2, fusion: 1e-9).coefficients
    for (t, level) in levels.enumerated() {
      let solution = alone.solve(level: level, penalties: [2, 2, 2, 2])!
      #expect(abs(b[t, 0] - solution.intercept) < 1e-6)
      for j in 0..<4 { #expect(abs(b[t, j + 1] - solution.coefficients[j]) < 1e-6) }
    }
  }

  @Test func theAnswerDoesNotDependOnThreads() {
    let weights = (0..<80).map { 0.5 + Double($0 % 3) / 2 }
    #expect(
      process(penalty: 1, fusion: 1, weights: weights, threads: 1).coefficients
        == process(penalty: 1, fusion: 1, weights: weights, threads: 3).coefficients)
  }
}
