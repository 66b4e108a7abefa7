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

  @Test func aDamagedModelIsAFailureOrAnswersFinitely() throws {
    let training = mixedTable(rows: 40)
    let all = bytes(try fitForest(training, [("trees", "3")]))
    var random = RandomStream(seed: 8)
    var refused = 0
    for _ in 0..<3000 {
      var damaged = all
      for _ in 0...random.below(3) { damaged[random.below(all.count)] = UInt8(random.below(256)) }
      var reader = ByteReader(damaged)
      do {
        let model = try Forest.fitted.init(decoding: &reader) as! FittedForest
        guard model.binning.columns.count == 4 else { continue }
        let answer = model.predict(training.features).values
        #expect(answer.allSatisfy { $0.isFinite })
      } catch { refused += 1 }
    }
    #expect(refused > 500)
  }
}
