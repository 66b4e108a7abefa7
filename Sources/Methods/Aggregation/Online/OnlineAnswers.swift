import MethodKit
import Quantiles

/// What the online method answers to the rows of a whole table: each by weights that rows known before its time taught.
///
/// - Parameters:
///   - target: NaN where a row has none.
///   - times: when rows stand and teach; rows that are out by the same step teach together.
/// - Returns: n × m quantiles, NaN of a row without predictions.
///
/// Cost: that of `OnlineWeights` and of a pool a row.
public func onlineAnswers(_ predictions: BasePredictions, target: [Double], times: RowTimes) -> Matrix {
  let method = onlineAggregatorRegistry[0]
  // Every setting has a default.
  let settings = try! Settings(of: method.description)
  let (p, m) = (predictions.models.count, predictions.levels.count)
  let learner = OnlineWeights(method.plan(settings, levels: predictions.levels, families: 1))
  for _ in 0..<p { learner.addExpert() }
  learner.addGroup()
  let combiner = OnlineCombiner(method.combination(settings), levels: predictions.levels)
  var answers = Matrix(rows: predictions.rows, columns: m, repeating: .nan)
  var waiting: [Int: [OnlineLesson]] = [:]
  // Weights do not depend on the order of models in the table.
  let order = predictions.models.indices.sorted { predictions.models[$0].utf8.lexicographicallyPrecedes(predictions.models[$1].utf8) }
  for (step, rows) in Dictionary(grouping: 0..<predictions.rows, by: { times.steps[$0] }).sorted(by: { $0.key < $1.key }) {
    for due in waiting.keys.filter({ $0 <= step }).sorted() { learner.learn(waiting.removeValue(forKey: due)!) }
    for row in rows {
      let present = order.filter { j in (0..<m).contains { predictions.values[(row * p + j) * m + $0].isFinite } }
      if present.isEmpty { continue }
      let own = present.flatMap { j in predictions.values[(row * p + j) * m..<(row * p + j + 1) * m].map { $0.isFinite ? $0 : .nan } }
      let weights = learner.weights(groups: [0], models: present, predictions: own)
      answers.values.withUnsafeMutableBufferPointer { values in
        let answer = UnsafeMutableBufferPointer(rebasing: values[row * m..<(row + 1) * m])
        combiner.combine(own, models: present.count, weights: weights.final, into: answer)
      }
      guard !target[row].isNaN else { continue }
      waiting[times.known[row], default: []].append(
        OnlineLesson(
          groups: [0], models: present, losses: ModelLosses(own, models: present.count, target: target[row], learner.plan), target: target[row],
          weights: weights))
    }
  }
  return answers
}
