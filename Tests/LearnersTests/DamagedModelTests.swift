import Groundwork
import Learners
import MethodKit
import TestSupport
import Testing

/// Damaged bytes are refused, or are a model that answers with numbers; they never end the process.
@Suite struct DamagedModelTests {
  /// Models that hold little, so that every number of a file is met.
  private static let small = ["trees": "3", "features": "10", "steps": "20", "networks": "1", "hidden": "4", "layers": "1", "lambda": "0.01"]

  @Test(arguments: learnerRegistry.map { $0.description.name })
  func damageIsRefusedOrAnswers(_ name: String) throws {
    let learner = learnerRegistry.first { $0.description.name == name }!
    let features = table(
      [
        .numeric((0..<40).map { $0 % 7 == 0 ? .nan : Double($0) }), .numeric(noise(40, seed: 3)),
        .categorical(codes: (0..<40).map { Int32($0 % 4) - 1 }, categories: ["p", "q", "r"]),
      ], rows: 40)
    let known = learner.description.settings.map(\.name)
    let settings = DamagedModelTests.small.filter { known.contains($0.key) }.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    let levels = [0.1, 0.5, 0.9]
    let model = try learner.init(settings: Settings(settings, of: learner.description))
      .fit(TrainingSet(features: features, target: noise(40, seed: 80)), levels: levels, context: FitContext())
    var writer = ByteWriter()
    model.encode(into: &writer)
    let noRows = features.selecting([])
    var random = DamageTrials.random(seed: 12)
    var refused = 0
    let trials = DamageTrials.count(600, of: name)
    for _ in 0..<trials {
      var reader = ByteReader(DamageTrials.damaged(writer.bytes, &random))
      do {
        #expect(try learner.fitted.init(decoding: &reader, for: noRows, levels: levels).predict(features).values.allSatisfy(\.isFinite))
      } catch { refused += 1 }
    }
    #expect(refused > trials / 20)
  }
}
