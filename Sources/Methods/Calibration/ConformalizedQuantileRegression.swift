import MethodKit
import Quantiles

/// Conformalized quantile regression (Romano, Patterson, Candès 2019, "Conformalized Quantile Regression", §4), for all central
/// intervals at once.
///
/// For the pair of levels (α/2, 1 − α/2) with quantiles (ℓ_i, u_i),
///
///     E_i = max(ℓ_i − y_i, y_i − u_i),
///
/// and the interval becomes [ℓ − Q, u + Q]. The median and levels without a partner are not corrected but take part in the order.
public struct ConformalizedQuantileRegression: BandMeasure {
  public static let description = MethodDescription(
    name: "cqr", summary: "split conformal: both ends of a central interval move by one amount")
  public static let ordersFirst = false
  public let bounds: [ConformalBound]
  public let order: OutwardOrder

  public init(levels: [Double], settings: Settings) {
    bounds = centralIntervals(levels)
    order = OutwardOrder(levels: levels)
  }

  @inline(__always)
  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand {
    IntervalBand(lower: row[bound.lower!], upper: row[bound.upper!])
  }

  public static func effect(of threshold: String) -> String { "moved outwards by \(threshold)" }
}
