import Groundwork
import MethodKit
import Testing

import Learners

@Suite struct ForestEncodingTests {
  @Test func aModelReadBackAnswersTheSame() throws {
    let training = mixedTable(rows: 300)
    let weighted = TrainingSet(features: training.features, target: training.target, weights: (0..<300).map { Double(1 + $0 % 3) })
    for model in [try fitForest(training), try fitForest(weighted)] {
      var reader = ByteReader(bytes(model))
      let back = try Forest.fitted.init(decoding: &reader)
      #expect(reader.isAtEnd)
      #expect(back.predict(training.features) == model.predict(training.features))
    }
  }

  @Test func aCutShortModelIsAFailure() throws {
    let all = bytes(try fitForest(mixedTable(rows: 40), [("trees", "3")]))
    for length in stride(from: 0, to: all.count, by: 7) {
      var reader = ByteReader(Array(all[..<length]))
      #expect(throws: Failure.self) { try Forest.fitted.init(decoding: &reader) }
    }
  }
}
