import Aggregation
import Groundwork
import MethodKit
import TestSupport
import Testing

/// Damaged bytes are refused, or are a combination that answers; they never end the process.
@Suite struct DamagedCombinationTests {
  @Test func damageIsRefusedOrAnswers() throws {
    let training = referenceTable(rows: 30, models: 3, levels: 3, seed: 1)
    let inputs = CombinedInputs(
      models: training.predictions.models, levels: training.predictions.levels, features: training.features!.selecting([]))
    for type in aggregatorRegistry where type != Auto.self {
      let settings = type.usesFeatures ? quick.merging(["networks": "1", "steps": "5"]) { $1 } : [:]
      let fitted = try fit(type, training, settings)
      let whole = encoded(fitted)
      guard !whole.isEmpty else { continue }
      var random = DamageTrials.random(seed: 5)
      for _ in 0..<DamageTrials.count(400, of: type.description.name) {
        var reader = ByteReader(DamageTrials.damaged(whole, &random))
        guard let read = try? type.fitted.init(decoding: &reader, for: inputs) else { continue }
        let answer = read.answer(training.predictions, features: training.features)
        #expect(answer.rows == 30 && answer.columns == 3)
        _ = read.weightTable(training.predictions, features: training.features)
      }
    }
  }
}
