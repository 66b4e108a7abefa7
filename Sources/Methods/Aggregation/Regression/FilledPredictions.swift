import MethodKit
import Groundwork

/// What regressions on predictions, which need every one of them, put where a model is missing: the mean of the row's other models at that
/// level. Infinite predictions count as missing; where no model predicts the level nothing can stand in, and the answer is NaN.
struct FilledPredictions {
  let models: Int
  let levels: Int

  init(_ predictions: BasePredictions) {
    models = predictions.models.count
    levels = predictions.levels.count
  }

  /// Writes the p predictions at level t of a row of p × m to `result`, `stride` apart. Returns how many were there.
  @discardableResult
  func fill(_ row: UnsafePointer<Double>, level t: Int, into result: UnsafeMutablePointer<Double>, stride: Int = 1) -> Int {
    var present = 0
    for j in 0..<models {
      let value = row[j * levels + t]
      result[j * stride] = value.isFinite ? value : .nan
      if value.isFinite { present += 1 }
    }
    if present == models { return present }
    let mean = weightedMean(count: models, level: 0.5, value: { result[$0 * stride] }, weight: { _ in 1 })
    for j in 0..<models where result[j * stride].isNaN { result[j * stride] = mean }
    return present
  }

  /// What to say of the training rows that lack some predictions; nil where none does. Models that predict no row are named apart.
  static func message(_ training: AggregationTraining, _ context: FitContext) -> String? {
    let (p, m) = (training.predictions.models.count, training.predictions.levels.count)
    let values = training.predictions.values
    // A level that a model never gives is no gap in its rows.
    let isGiven = (0..<p * m).map { k in (0..<training.target.count).contains { values[$0 * p * m + k].isFinite } }
    var rows = 0
    var isLacking = [Bool](repeating: false, count: p)
    for i in training.target.indices {
      let lacking = (0..<p).filter { j in (0..<m).contains { isGiven[j * m + $0] && !values[i * p * m + j * m + $0].isFinite } }
      for j in lacking { isLacking[j] = true }
      if !lacking.isEmpty { rows += 1 }
    }
    guard rows > 0 else { return nil }
    let names = (0..<p).filter { isLacking[$0] }.map { training.predictions.models[$0] }
    return
      """
      \(counted(rows, "training row lacks", "training rows lack")) predictions (of \(context.list(names))): \
      the mean of the other models stood in for them
      """
  }
}
