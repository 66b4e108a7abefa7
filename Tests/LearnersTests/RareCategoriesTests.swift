import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

/// A category of few rows is its own target again: what is learnt of it helps no other row.
@Suite struct RareCategoriesTests {
  private static let n = 600

  /// Mean score of new rows of y = 2x + noise, where every row of training has a name of its own, and new ones others.
  private func score(_ learner: String, named: Bool) throws -> Double {
    let n = RareCategoriesTests.n
    var random = RandomStream(seed: 70)
    let x = (0..<2 * n).map { _ in 2 * random.uniform() - 1 }
    let y = x.map { 2 * $0 + 0.3 * (random.uniform() - 0.5) }
    func rowsOf(_ rows: Range<Int>) -> FeatureTable {
      // Codes are those of training, where new names have none.
      let codes = rows.map { $0 < n ? Int32($0) : Int32(n) }
      let names = FeatureTable.Column.categorical(codes: codes, categories: (0..<n).map { "row \($0)" })
      return table((named ? [names] : []) + [.numeric(rows.map { x[$0] })], rows: n)
    }
    let description = learnerRegistry.first { $0.description.name == learner }!
    let fitted = try description.init(settings: try Settings(of: description.description))
      .fit(TrainingSet(features: rowsOf(0..<n), target: Array(y[..<n]), weights: nil), levels: [0.1, 0.5, 0.9], context: FitContext())
    let answer = fitted.predict(rowsOf(n..<2 * n))
    return meanScore(answer, Array(y[n...]), levels: [0.1, 0.5, 0.9])
  }

  @Test(arguments: ["linear", "forest", "extratrees", "boost"])
  func aNameForEveryRowTeachesNothing(_ learner: String) throws {
    let (with, without) = (try score(learner, named: true), try score(learner, named: false))
    #expect(with < 1.3 * without, "\(learner): \(with) with names, \(without) without")
  }
}
