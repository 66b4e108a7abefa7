import Groundwork
import Quantiles

/// What the mean pinball loss at one level is made of (Gneiting, Wolffram, Resin, Kraus, Bracher, Dimitriadis, Hagenmeyer, Jordan,
/// Lerch, Phipps, Schienle 2023, "Model diagnostics and forecast evaluation for quantiles", Annual Review of Statistics and Its
/// Application 10, §4.2):
///
///     S̄ = MCB − DSC + UNC,  MCB = S̄ − S̄_rc,  DSC = S̄_mg − S̄_rc,  UNC = S̄_mg
///
/// where S̄ is the mean loss, weighted where rows have weights, S̄_rc that of the forecasts recalibrated by isotonic quantile regression, and S̄_mg
/// that of the one quantile of all targets. In units of the target; MCB ≥ 0 is what recalibration would have gained on these very rows, which
/// flatters it (see `recalibrationGain`), DSC ≥ 0 what forecasts know beyond the marginal quantile. MCB is +∞ where a forecast is infinite.
public struct QuantileScoreDecomposition: Sendable {
  public let rows: Int
  public let score: Double
  public let miscalibration: Double
  public let discrimination: Double
  public let uncertainty: Double

  /// - forecasts: the quantile at `level` of each row, finite or infinite; targets: as many, finite.
  /// - weights: as many, finite and positive; nil is equal weights.
  /// Without rows every part is NaN. O(n log n).
  public init(level: Double, forecasts: [Double], targets: [Double], weights: [Double]? = nil) {
    rows = targets.count
    guard rows > 0 else {
      (score, miscalibration, discrimination, uncertainty) = (.nan, .nan, .nan, .nan)
      return
    }
    let weights = weights.map(PowerOfTwo.scaled)
    let recalibrated = IsotonicQuantileRegression(level: level, forecasts: forecasts, targets: targets, weights: weights).fitted
    // Where all forecasts are the same, what they are recalibrated to is the quantile of all targets.
    let same = [Double](repeating: 0, count: rows)
    let marginal = IsotonicQuantileRegression(level: level, forecasts: same, targets: targets, weights: weights).fitted[0]
    var (own, toRecalibrated, fromMarginal, ofMarginal, total) = (ExactSum(), ExactSum(), ExactSum(), ExactSum(), ExactSum())
    for i in targets.indices {
      let weight = weights?[i] ?? 1
      let loss = pinballLoss(level: level, target: targets[i], quantile: forecasts[i])
      let best = pinballLoss(level: level, target: targets[i], quantile: recalibrated[i])
      let base = pinballLoss(level: level, target: targets[i], quantile: marginal)
      own.add(product: weight, loss)
      toRecalibrated.add(product: weight, loss)
      toRecalibrated.add(product: weight, -best)
      fromMarginal.add(product: weight, base)
      fromMarginal.add(product: weight, -best)
      ofMarginal.add(product: weight, base)
      total.add(weight)
    }
    // Equal minima may differ in the last place of single losses.
    score = own.divided(by: total)
    miscalibration = max(0, toRecalibrated.divided(by: total))
    discrimination = max(0, fromMarginal.divided(by: total))
    uncertainty = ofMarginal.divided(by: total)
  }
}
