import Quantiles

/// What the mean pinball loss at one level is made of (Gneiting, Wolffram, Resin, Kraus, Bracher, Dimitriadis, Hagenmeyer, Jordan,
/// Lerch, Phipps, Schienle 2023, "Model diagnostics and forecast evaluation for quantiles", Annual Review of Statistics and Its
/// Application 10, §4.2):
///
///     S̄ = MCB − DSC + UNC,  MCB = S̄ − S̄_rc,  DSC = S̄_mg − S̄_rc,  UNC = S̄_mg
///
/// where S̄_rc is the mean loss of the forecasts recalibrated by isotonic quantile regression, and S̄_mg that of the one quantile of
/// all targets. In units of the target; MCB ≥ 0 is what recalibration would gain, DSC ≥ 0 what forecasts know beyond the marginal
/// quantile. MCB is +∞ where a forecast is infinite.
public struct QuantileScoreDecomposition: Sendable {
  public let rows: Int
  public let score: Double
  public let miscalibration: Double
  public let discrimination: Double
  public let uncertainty: Double

  /// - forecasts: the quantile at `level` of each row, finite or infinite; targets: as many, finite.
  /// Without rows every part is NaN. O(n log n).
  public init(level: Double, forecasts: [Double], targets: [Double]) {
    rows = targets.count
    guard rows > 0 else {
      (score, miscalibration, discrimination, uncertainty) = (.nan, .nan, .nan, .nan)
      return
    }
    let recalibrated = IsotonicQuantileRegression(level: level, forecasts: forecasts, targets: targets).fitted
    let marginal = orderStatistic(of: targets, rank: lowerQuantileRank(level: level, count: rows))
    var (own, toRecalibrated, fromMarginal, ofMarginal) = (ExactSum(), ExactSum(), ExactSum(), ExactSum())
    for i in targets.indices {
      let loss = pinballLoss(level: level, target: targets[i], quantile: forecasts[i])
      let best = pinballLoss(level: level, target: targets[i], quantile: recalibrated[i])
      let base = pinballLoss(level: level, target: targets[i], quantile: marginal)
      own.add(loss)
      toRecalibrated.add(loss)
      toRecalibrated.add(-best)
      fromMarginal.add(base)
      fromMarginal.add(-best)
      ofMarginal.add(base)
    }
    // Equal minima may differ in the last place of single losses.
    let count = Double(rows)
    score = own.rounded / count
    miscalibration = max(0, toRecalibrated.rounded / count)
    discrimination = max(0, fromMarginal.rounded / count)
    uncertainty = ofMarginal.rounded / count
  }
}
