import Aggregation

/// What models say of a row.
struct PredictedRow {
  /// Numbers of the models that predict it, in the order of their names.
  var models: [Int]
  /// p × m.
  var predictions: [Double]
  /// The quantiles as they came, where some are infinite.
  var unbounded: [Double]?
  /// What the models lose; nil while the target is to come.
  var losses: ModelLosses?
}

/// The answer to a row. What it is combined of is known when the row's turn comes; the quantiles follow, before its block is committed.
final class RowAnswer {
  let predicted: PredictedRow
  /// What it is answered with; nil where no model predicts it.
  let weights: RowWeightsOfModels?
  /// m quantiles; empty until they are combined, which the row's own worker does.
  private(set) var quantiles: [Double]
  /// nil while the target is to come.
  private var record: AnswerRecord?
  private let isOfThisRun: Bool
  /// Whether its row came before.
  let isCopy: Bool

  init(_ predicted: PredictedRow, _ weights: RowWeightsOfModels?, isCopy: Bool = false) {
    (self.predicted, self.weights, self.isCopy, quantiles, isOfThisRun) = (predicted, weights, isCopy, [], true)
  }

  /// One of an earlier run.
  init(_ predicted: PredictedRow, _ weights: RowWeightsOfModels?, quantiles: [Double]) {
    (self.predicted, self.weights, self.quantiles, isOfThisRun, isCopy) = (predicted, weights, quantiles, false, false)
  }

  /// What its row is written from when it comes again, perhaps while another worker combines the first.
  var copy: RowAnswer { isOfThisRun ? RowAnswer(predicted, weights, isCopy: true) : self }

  func combine(_ quantiles: [Double], target: Double, _ plan: OnlineWeights.Plan) {
    self.quantiles = quantiles
    if let losses = predicted.losses { record = AnswerRecord(quantiles, predicted.predictions, losses, target: target, plan) }
  }

  /// How it did.
  func record(_ target: Double, _ plan: OnlineWeights.Plan) -> AnswerRecord {
    record ?? AnswerRecord(quantiles, predicted.predictions, losses(target, plan), target: target, plan)
  }

  func losses(_ target: Double, _ plan: OnlineWeights.Plan) -> ModelLosses {
    predicted.losses ?? ModelLosses(predicted.predictions, models: predicted.models.count, target: target, plan)
  }
}
