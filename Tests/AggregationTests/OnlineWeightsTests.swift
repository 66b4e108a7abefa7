import Aggregation
import Glibc
import Groundwork
import MethodKit
import TestSupport
import Testing

extension OnlineWeights {
  fileprivate func lesson(groups: [Int], models: [Int], predictions: [Double], target: Double, _ weights: RowWeightsOfModels) -> OnlineLesson {
    let losses = ModelLosses(predictions, models: models.count, target: target, plan)
    return OnlineLesson(groups: groups, models: models, losses: losses, target: target, weights: weights)
  }
}

/// Laws of weights that are learnt row after row.
@Suite struct OnlineWeightsTests {
  /// A learner of `experts` models at the level ½, whose loss is half the size of the error.
  private static func learner(_ method: String, experts: Int, families: Int = 1, levels: [Double] = [0.5], _ settings: [String: String] = [:]) throws
    -> OnlineWeights
  {
    let found = onlineAggregatorRegistry.first { $0.description.name == method }!
    let learner = OnlineWeights(
      found.plan(try Settings(settings.map { ($0.key, $0.value) }, of: found.description), levels: levels, families: families))
    for _ in 0..<experts { learner.addExpert() }
    return learner
  }

  /// Answers a row with these losses of models, and teaches it. Returns the loss of the weights.
  @discardableResult
  private static func step(_ learner: OnlineWeights, groups: [Int], models: [Int], losses: [Double]) -> Double {
    let predictions = losses.map { 2 * $0 }
    let weights = learner.weights(groups: groups, models: models, predictions: predictions)
    let answer = zip(weights.final, predictions).reduce(0) { $0 + $1.0 * $1.1 }
    learner.learn([learner.lesson(groups: groups, models: models, predictions: predictions, target: 0, weights)])
    return zip(weights.final, losses).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Sequences that others would choose to hurt: losses in [1, 2] of so many models at a step, given the weights before it.
  private static let adversaries: [(name: String, losses: @Sendable (_ step: Int, _ weights: [Double], _ random: inout RandomStream) -> [Double])] = [
    ("the leader always errs", { _, weights, _ in weights.map { $0 == weights.max() ? 2 : 1 } }),
    ("two take turns", { step, weights, _ in weights.indices.map { $0 % 2 == step % 2 ? 2 : 1 } }),
    ("one changes at half", { step, weights, random in weights.indices.map { ($0 == 0) == (step < 400) ? 1 : 1.2 + 0.8 * random.uniform() } }),
    ("one is better by little", { _, weights, random in weights.indices.map { 1 + ($0 == 1 ? 0.9 : 1) * random.uniform() } }),
    ("what has most weight errs by its weight", { _, weights, _ in weights.map { 1 + $0 } }),
  ]

  /// Theorem 1 of Luo and Schapire (2015) twice: for what AdaNormalHedge loses to a model, and for what the second layer loses to that learner.
  private static func bound(_ steps: Int, experts: Int, learners: Int) -> Double {
    let size = 2.5 + 1.5 * log(1 + Double(steps))
    func one(_ count: Int) -> Double { (3 * Double(steps + 1) * log(size * Double(count))).squareRoot() + 1 }
    return one(experts) + one(learners)
  }

  /// In units of the median model's loss, which each step has, and over the rows of a group in which a model was awake.
  @Test(arguments: adversaries.indices)
  func regretIsWithinTheBoundOnEveryGroup(_ kind: Int) throws {
    let (steps, experts) = (800, 6)
    let learner = try Self.learner("online", experts: experts, families: 2)
    for _ in 0..<4 { learner.addGroup() }
    var random = RandomStream(seed: 3)
    var regret = [[Double]](repeating: [Double](repeating: 0, count: experts), count: 4)
    var counts = [Int](repeating: 0, count: 4)
    for step in 0..<steps {
      let own = 1 + random.below(3)
      let models = (0..<experts).filter { _ in random.below(5) > 0 }
      if models.count < 2 { continue }
      let before = learner.weights(groups: [0, own], models: models, predictions: models.map { _ in 1 }).final
      let losses = Self.adversaries[kind].losses(step, before, &random)
      let answered = Self.step(learner, groups: [0, own], models: models, losses: losses)
      let sorted = losses.sorted()
      let unit = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
      for group in [0, own] {
        counts[group] += 1
        for (j, model) in models.enumerated() { regret[group][model] += (answered - losses[j]) / unit }
      }
    }
    for group in 0..<4 {
      let limit = Self.bound(counts[group], experts: experts, learners: 4 * 9)
      for model in 0..<experts { #expect(regret[group][model] <= limit, "\(Self.adversaries[kind].name): group \(group), model \(model)") }
    }
  }

  @Test(arguments: ["online", "ewa", "boa"])
  func aModelThatIsAlwaysRightGetsAllWeight(_ method: String) throws {
    let learner = try Self.learner(method, experts: 5)
    learner.addGroup()
    for k in 1...400 { Self.step(learner, groups: [0], models: Array(0..<5), losses: [1, 2, 0, 0.5, Double(k % 3)]) }
    let weights = learner.weights(groups: [0], models: Array(0..<5), predictions: [1, 1, 1, 1, 1]).final
    #expect(weights[2] > (method == "boa" ? 0.9 : 0.999))
    #expect(abs(weights.reduce(0, +) - 1) < 1e-12)
  }

  /// Gains add up as the formulas say: two models with losses 1 and 2, of which the median is 1.5, gain ±(½)/1.5 at first.
  @Test func exponentialWeightsAreByHand() throws {
    let learner = try Self.learner("ewa", experts: 2, ["rate": "0.5"])
    learner.addGroup()
    Self.step(learner, groups: [0], models: [0, 1], losses: [1, 2])
    let first = learner.weights(groups: [0], models: [0, 1], predictions: [1, 1]).final
    let ratio = exp(0.5 * (1 / 1.5))
    #expect(abs(first[0] - ratio / (1 + ratio)) < 1e-15)
  }

  @Test func aModelThatSleepsNeitherGainsNorLoses() throws {
    let learner = try Self.learner("ewa", experts: 3)
    learner.addGroup()
    for _ in 0..<3 { Self.step(learner, groups: [0], models: [0, 1, 2], losses: [1, 2, 3]) }
    let before = learner.weights(groups: [0], models: [0, 1, 2], predictions: [1, 1, 1]).final
    let two = learner.weights(groups: [0], models: [0, 1], predictions: [1, 1]).final
    #expect(abs(two[0] / two[1] - before[0] / before[1]) < 1e-12)
    for _ in 0..<5 { Self.step(learner, groups: [0], models: [2], losses: [1]) }
    let after = learner.weights(groups: [0], models: [0, 1, 2], predictions: [1, 1, 1]).final
    for j in 0..<3 { #expect(abs(after[j] - before[j]) < 1e-12) }
  }

  /// A row of two levels, of which a model predicts one: it is measured there.
  @Test func aModelTakesPartAtTheLevelsThatItPredicts() throws {
    let learner = try Self.learner("ewa", experts: 2, levels: [0.25, 0.75])
    learner.addGroup()
    for _ in 0..<50 {
      // The second predicts one level, and there as the first does: it neither gains nor loses.
      let predictions = [1, 2, 1, .nan]
      let weights = learner.weights(groups: [0], models: [0, 1], predictions: predictions)
      learner.learn([learner.lesson(groups: [0], models: [0, 1], predictions: predictions, target: 5, weights)])
    }
    #expect(learner.weights(groups: [0], models: [0, 1], predictions: [1, 2, 1, 2]).final == [0.5, 0.5])
  }

  @Test func rowsOfAStepTeachAlikeInAnyOrder() throws {
    func states(_ order: [Int]) throws -> [UInt8] {
      let learner = try Self.learner("online", experts: 3, families: 2, levels: [0.1, 0.5, 0.9], ["levels": "each"])
      for _ in 0..<3 { learner.addGroup() }
      var random = RandomStream(seed: 9)
      for _ in 0..<20 {
        let lessons = (0..<4).map { k -> OnlineLesson in
          let predictions = (0..<9).map { Double($0 % 3) + random.uniform() }
          let groups = [0, 1 + k % 2]
          let weights = learner.weights(groups: groups, models: [0, 1, 2], predictions: predictions)
          return learner.lesson(groups: groups, models: [0, 1, 2], predictions: predictions, target: random.uniform(), weights)
        }
        learner.learn(order.map { lessons[$0] })
      }
      var writer = ByteWriter()
      for group in 0..<3 { learner.encode(group: group, experts: [0, 1, 2], into: &writer) }
      return writer.bytes
    }
    #expect(try states([0, 1, 2, 3]) == states([3, 1, 0, 2]))
  }

  /// Damaged bytes are refused, or are groups that answer and learn; they never end the process.
  @Test(arguments: ["online", "ewa", "boa"])
  func damageIsRefusedOrAnswers(_ method: String) throws {
    func fresh() throws -> OnlineWeights { try Self.learner(method, experts: 3) }
    let learner = try fresh()
    learner.addGroup()
    for k in 0..<5 { Self.step(learner, groups: [0], models: [0, 1, 2], losses: [1, 2, Double(k)]) }
    var writer = ByteWriter()
    learner.encode(group: 0, experts: [0, 1, 2], into: &writer)
    learner.weights(groups: [0], models: [0, 1, 2], predictions: [1, 2, 3]).encode(into: &writer)
    var random = DamageTrials.random(seed: 7)
    for _ in 0..<DamageTrials.count(600, of: "online \(method)") {
      var reader = ByteReader(DamageTrials.damaged(writer.bytes, &random))
      let read = try fresh()
      guard (try? read.addGroup(decoding: &reader)) != nil,
        let weights = try? RowWeightsOfModels(decoding: &reader, models: 3, read.plan)
      else { continue }
      read.learn([read.lesson(groups: [0], models: [0, 1, 2], predictions: [1, 2, 3], target: 1, weights)])
      let next = read.weights(groups: [0], models: [0, 1, 2], predictions: [1, 2, 3]).final
      #expect(next.allSatisfy { $0 >= 0 && $0 <= 1 + 1e-9 })
    }
  }
}
