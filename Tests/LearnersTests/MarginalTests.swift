import Groundwork
import Learners
import MethodKit
import Quantiles
import Testing

@Suite struct MarginalTests {
  private let features = FeatureTable(names: ["x"], columns: [.numeric([3, .nan, 1, 0])], rows: 4)

  private func fit(_ target: [Double], weights: [Double]? = nil, levels: [Double] = [0.25, 0.5, 0.9]) throws -> any FittedLearner {
    try Marginal(settings: Settings(of: Marginal.description))
      .fit(TrainingSet(features: features, target: target, weights: weights), levels: levels, context: FitContext())
  }

  @Test func everyRowGetsTheEmpiricalQuantiles() throws {
    // Rscript -e 'print(quantile(c(4,1,3,2),c(.25,.5,.9)))'
    let answer = try fit([4, 1, 3, 2]).predict(features)
    #expect(answer.rows == 4)
    for i in 0..<4 { for (q, e) in zip(answer.row(i), [1.75, 2.5, 3.7]) { #expect(abs(q - e) < 1e-12) } }
  }

  @Test func rowsOfWeightZeroTeachNothing() throws {
    let answer = try fit([4, 1, 3, 2], weights: [1, 0, 1, 0], levels: [0.5]).predict(features)
    #expect(abs(answer[0, 0] - 3.5) < 1e-12)
    #expect(throws: Failure.self) { try fit([4, 1, 3, 2], weights: [0, 0, 0, 0]) }
  }

  @Test func aModelReadBackAnswersTheSame() throws {
    let model = try fit([4, 1, 3, 2])
    var writer = ByteWriter()
    model.encode(into: &writer)
    var reader = ByteReader(writer.bytes)
    let back = try Marginal.fitted.init(decoding: &reader)
    #expect(back.predict(features) == model.predict(features))
    #expect(reader.isAtEnd)
  }
}
