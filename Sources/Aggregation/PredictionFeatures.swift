import Glibc
import Methods
import Quantiles

/// What base predictions tell of a row beside their quantiles: a centre and a width of all models together, and, as features, how each
/// model's median differs from the centre and how wide it is.
struct PredictionFeatures {
  /// The mean over the models that are there of the quantile at the level nearest ½; 0 where none is.
  let centres: [Double]
  /// The mean over the models of the distance between the levels nearest .1 and .9; 0 where there is one level.
  let widths: [Double]
  let names: [String]
  let columns: [FeatureTable.Column]

  /// Cost: O(n·p).
  init(_ predictions: BasePredictions) {
    let (n, p, m) = (predictions.rows, predictions.models.count, predictions.levels.count)
    func nearest(_ level: Double) -> Int { predictions.levels.indices.min { abs(predictions.levels[$0] - level) < abs(predictions.levels[$1] - level) }! }
    let middle = Isotonic.anchor(predictions.levels)
    let (low, high) = (nearest(0.1), nearest(0.9))
    var centres = [Double](repeating: 0, count: n)
    var widths = centres
    var medians = [[Double]](repeating: [Double](repeating: .nan, count: n), count: p)
    var spreads = medians
    for i in 0..<n {
      var present = 0.0
      for j in 0..<p {
        let own = (i * p + j) * m
        let median = predictions.values[own + middle]
        let width = abs(predictions.values[own + high] - predictions.values[own + low])
        guard median.isFinite, width.isFinite else { continue }
        present += 1
        medians[j][i] = median
        spreads[j][i] = width
        // A running mean does not overflow where a sum would.
        centres[i] += (median - centres[i]) / present
        widths[i] += (width - widths[i]) / present
      }
      for j in 0..<p { medians[j][i] = max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, medians[j][i] - centres[i])) }
    }
    var names = ["mean of the medians"]
    var columns: [FeatureTable.Column] = [.numeric(centres)]
    for j in 0..<p where p > 1 {
      names.append("median of \(predictions.models[j])")
      columns.append(.numeric(medians[j]))
    }
    for j in 0..<p where high > low {
      names.append("width of \(predictions.models[j])")
      columns.append(.numeric(spreads[j].map { $0.isNaN ? .nan : log(max($0, 1e-300)) }))
    }
    self.centres = centres
    self.widths = widths
    self.names = names
    self.columns = columns
  }

  /// The network's inputs before they are encoded.
  func inputs(_ features: FeatureTable?, _ seen: LocalSettings.Inputs) -> FeatureTable {
    let given = seen == .predictions ? nil : features
    let own = seen != .features
    return FeatureTable(
      names: (given?.names ?? []) + (own ? names : []), columns: (given?.columns ?? []) + (own ? columns : []), rows: centres.count)
  }
}
