import Aggregation
import Groundwork

/// What is kept of a row that was answered.
struct AggregatedAnswer {
  /// One a family.
  let groups: [Int]
  /// Numbers of the models that predicted it, in the order of their names.
  let models: [Int]
  /// p × m.
  let predictions: [Double]
  /// m quantiles.
  let answer: [Double]
  /// What it was answered with; nil where no model predicted it.
  let weights: RowWeightsOfModels?

  /// What it teaches; nil where no model predicted it.
  func lesson(_ target: Double) -> OnlineLesson? {
    weights.map { OnlineLesson(groups: groups, models: models, predictions: predictions, answer: answer, target: target, weights: $0) }
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
    writer.write(answer)
    weights?.encode(into: &writer)
  }

  init(groups: [Int], models: [Int], predictions: [Double], answer: [Double], weights: RowWeightsOfModels?) {
    self.weights = weights
    self.groups = groups
    self.models = models
    self.predictions = predictions
    self.answer = answer
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
    (self.groups, self.models, self.predictions, self.answer) = (groups, models, predictions, answer)
    guard models.allSatisfy((0..<count).contains), Set(models).count == models.count, predictions.count == models.count * m, answer.count == m,
      predictions.allSatisfy({ !$0.isInfinite }),
      models.indices.allSatisfy({ j in predictions[j * m..<(j + 1) * m].contains { !$0.isNaN } })
    else { throw ByteReader.damaged }
    weights = models.isEmpty ? nil : try RowWeightsOfModels(decoding: &reader, models: models.count, plan)
  }
}
