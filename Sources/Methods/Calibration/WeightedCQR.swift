import MethodKit
import Quantiles

/// `ConformalizedQuantileRegression` with weights (Tibshirani, Barber, Candès, Ramdas 2019, "Conformal Prediction Under Covariate
/// Shift"), under a name of its own that needs weights, so that none are forgotten.
///
/// Under covariate shift the weights are likelihood ratios of the rows to be answered to those that taught, and the coverage stays
/// at least 1 − α. Weights that fall with age follow a drift (Barber et al. 2023, "Conformal prediction beyond exchangeability").
public struct WeightedCQR: BandMeasure {
  public static let description = MethodDescription(
    name: "weighted",
    summary: "cqr where new rows are unlike the old: covariate shift: weights are likelihood ratios (-w); --decay: drift; it needs one of them")
  public static let ordersFirst = false
  public static let needsWeights = true
  private let plain: ConformalizedQuantileRegression

  public init(levels: [Double], settings: Settings) { plain = ConformalizedQuantileRegression(levels: levels, settings: settings) }

  public var bounds: [ConformalBound] { plain.bounds }
  public var order: OutwardOrder { plain.order }

  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand { plain.band(row, bound) }

  public static func effect(of threshold: String) -> String { ConformalizedQuantileRegression.effect(of: threshold) }
}
