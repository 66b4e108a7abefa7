import Glibc
import MethodKit
import Quantiles

/// What base predictions tell of a row beside their quantiles: a centre and a width of all models together, and, as features, how each
/// model's median differs from the centre and how wide it is.
package struct PredictionFeatures {
  /// The median over the models of the quantile at the level nearest ½, which one absurd model does not move; where none has one, the median
  /// of the row's predictions, and 0 where there is none.
  package let centres: [Double]
  /// The median over the models of the distance between the levels nearest .1 and .9; 0 where there is one level.
  package let widths: [Double]
  let names: [String]
  let columns: [FeatureTable.Column]

  /// Cost: O(n·p).
  package init(_ predictions: BasePredictions) {
    let (n, p, m) = (predictions.rows, predictions.models.count, predictions.levels.count)
    func nearest(_ level: Double) -> Int {
      predictions.levels.indices.min { abs(predictions.levels[$0] - level) < abs(predictions.levels[$1] - level) }!
    }
    let middle = Isotonic.anchor(predictions.levels)
    let (low, high) = (nearest(0.1), nearest(0.9))
    var centres = [Double](repeating: 0, count: n)
    var widths = centres
    var medians = [[Double]](repeating: [Double](repeating: .nan, count: n), count: p)
    var spreads = medians
    for i in 0..<n {
      for j in 0..<p {
        let own = (i * p + j) * m
        medians[j][i] = predictions.values[own + middle]
        spreads[j][i] = abs(predictions.values[own + high] - predictions.values[own + low])
      }
      centres[i] = median(of: medians.map { $0[i] }) ?? median(of: predictions.values[i * p * m..<(i + 1) * p * m]) ?? 0
      widths[i] = median(of: spreads.map { $0[i] }) ?? 0
      for j in 0..<p { medians[j][i] = clamped(medians[j][i] - centres[i]) }
    }
    var names = ["median of the medians"]
    var columns: [FeatureTable.Column] = [.numeric(centres)]
    for j in 0..<p where p > 1 {
      names.append("median of \(predictions.models[j])")
      columns.append(.numeric(medians[j]))
    }
    for j in 0..<p where high > low {
      names.append("width of \(predictions.models[j])")
      columns.append(.numeric(spreads[j].map { $0.isNaN ? .nan : log(max(clamped($0), 1e-300)) }))
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

/// The median of the numbers that are there.
private func median(of values: some Sequence<Double>) -> Double? {
  let sorted = values.filter(\.isFinite).sorted()
  guard !sorted.isEmpty else { return nil }
  return sorted[(sorted.count - 1) / 2] / 2 + sorted[sorted.count / 2] / 2
}

/// Finite, or missing as it was.
private func clamped(_ value: Double) -> Double {
  value.isNaN ? value : max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, value))
}
