import Quantiles

/// How the answer to a row did beside the row's models: what reports tell, and no weight depends on.
public struct AnswerRecord: Sendable {
  /// Mean over the levels that the answer has.
  let loss: Double
  /// Of each model: the answer's loss at its levels, and its own, sums over these divided by all levels.
  let ofModels: [Double]

  /// - Parameters:
  ///   - answer: m quantiles.
  ///   - predictions: p × m; NaN where a model does not predict a level.
  ///   - losses: those of these models.
  public init(_ answer: [Double], _ predictions: [Double], _ losses: ModelLosses, target: Double, _ plan: OnlineWeights.Plan) {
    let (p, m) = (losses.models, losses.levels)
    let isWhole = !losses.means.isEmpty && !answer.contains(where: \.isNaN)
    let answered = (0..<m).map { ModelLosses.loss(plan.levels[$0], target, answer[$0]) }
    let sum = answered.reduce(0) { $1.isNaN ? $0 : $0 + $1 }
    loss = sum / Double(m)
    var ofModels = [Double](repeating: 0, count: 2 * p)
    for j in 0..<p {
      if isWhole {
        (ofModels[2 * j], ofModels[2 * j + 1]) = (loss, losses.means[j])
        continue
      }
      var (mine, answers) = (0.0, 0.0)
      for t in 0..<m {
        let own = ModelLosses.loss(plan.levels[t], target, predictions[j * m + t])
        if own.isNaN { continue }
        mine += own
        answers += answered[t].isNaN ? own : answered[t]
      }
      (ofModels[2 * j], ofModels[2 * j + 1]) = (answers / Double(m), mine / Double(m))
    }
    self.ofModels = ofModels
  }

  /// An order of rows that does not depend on that in which they came; rows that are alike in it count alike.
  static func precedes(_ a: AnswerRecord, _ b: AnswerRecord) -> Bool {
    a.loss != b.loss ? a.loss < b.loss : a.ofModels.lexicographicallyPrecedes(b.ofModels)
  }
}

/// How the answers to a group's rows did beside its experts.
struct GroupRecord {
  /// Rows that taught, and the loss of the answers to them.
  var rows = 0
  var loss = 0.0
  /// Of each expert: rows in which it took part, the loss of the answers to these, and its own.
  var ofExperts: [Double] = []

  static let size = 3

  mutating func grow(to experts: Int) {
    let count = experts * GroupRecord.size
    if ofExperts.count < count { ofExperts += [Double](repeating: 0, count: count - ofExperts.count) }
  }

  mutating func add(_ row: AnswerRecord, of models: [Int]) {
    rows += 1
    loss += row.loss
    for (j, model) in models.enumerated() {
      let place = model * GroupRecord.size
      ofExperts[place] += 1
      ofExperts[place + 1] += row.ofModels[2 * j]
      ofExperts[place + 2] += row.ofModels[2 * j + 1]
    }
  }
}
