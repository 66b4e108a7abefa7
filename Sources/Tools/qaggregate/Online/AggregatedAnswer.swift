import Aggregation
import Groundwork

/// What is kept of a row that was answered.
struct AggregatedAnswer {
  /// One a family.
  let groups: [Int]
  let answer: RowAnswer

  private var models: [Int] { answer.predicted.models }
  private var predictions: [Double] { answer.predicted.predictions }

  init(groups: [Int], answer: RowAnswer) {
    self.groups = groups
    self.answer = answer
  }

  /// What it teaches; nil where no model predicted it.
  func lesson(_ target: Double, _ plan: OnlineWeights.Plan) -> OnlineLesson? {
    answer.weights.map { OnlineLesson(groups: groups, models: models, losses: answer.losses(target, plan), target: target, weights: $0) }
  }

  /// What it adds to the records; nil where no model predicted it.
  func record(_ target: Double, _ plan: OnlineWeights.Plan) -> (groups: [Int], models: [Int], record: AnswerRecord)? {
    answer.weights.map { _ in (groups, models, answer.record(target, plan)) }
  }

  /// Whether another row has the same predictions of the models that both have.
  func isSame(_ otherModels: [Int], _ others: [Double], of table: Set<Int>, levels m: Int) -> Bool {
    for (j, model) in models.enumerated() where table.contains(model) {
      guard let k = otherModels.firstIndex(of: model) else { return false }
      for t in 0..<m {
        let (a, b) = (predictions[j * m + t], others[k * m + t])
        if a != b, !(a.isNaN && b.isNaN) { return false }
      }
    }
    return true
  }

  // MARK: Files

  func encode(into writer: inout ByteWriter, placeOfGroup: [Int: Int], placeOfModel: [Int: Int]) {
    writer.write(groups.map { placeOfGroup[$0]! })
    writer.write(models.map { placeOfModel[$0]! })
    writer.write(predictions)
    writer.write(answer.quantiles)
    answer.weights?.encode(into: &writer)
  }

  /// Reads what `encode` wrote: groups of each family, models and levels as many as there are.
  init(decoding reader: inout ByteReader, groupsOfFamily: [[Int]], models count: Int, _ plan: OnlineWeights.Plan) throws {
    let m = plan.levels.count
    let places = try reader.readArray(of: Int.self)
    let models = try reader.readArray(of: Int.self)
    let predictions = try reader.readArray(of: Double.self)
    let answer = try reader.readArray(of: Double.self)
    var groups: [Int] = []
    var first = 0
    guard places.count == groupsOfFamily.count else { throw ByteReader.damaged }
    for (place, own) in zip(places, groupsOfFamily) {
      guard own.indices.contains(place - first) else { throw ByteReader.damaged }
      groups.append(own[place - first])
      first += own.count
    }
    guard models.allSatisfy((0..<count).contains), Set(models).count == models.count, predictions.count == models.count * m, answer.count == m,
      predictions.allSatisfy({ !$0.isInfinite }),
      models.indices.allSatisfy({ j in predictions[j * m..<(j + 1) * m].contains { !$0.isNaN } })
    else { throw ByteReader.damaged }
    let weights = models.isEmpty ? nil : try RowWeightsOfModels(decoding: &reader, models: models.count, plan)
    self.groups = groups
    self.answer = RowAnswer(PredictedRow(models: models, predictions: predictions), weights, quantiles: answer)
  }
}
