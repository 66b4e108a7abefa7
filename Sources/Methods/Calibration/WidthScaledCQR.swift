import MethodKit
import Quantiles

/// Conformalized quantile regression with scores scaled by the interval's width (Sesia, Candès 2020, "A comparison of some
/// conformal quantile regression methods", §2, CQR-r):
///
///     E_i = max(ℓ_i − y_i, y_i − u_i)/(u_i − ℓ_i),
///
/// and the interval becomes [ℓ − Q (u − ℓ), u + Q (u − ℓ)]. Rows are put in order first, so no scale is negative.
public struct WidthScaledCQR: BandMeasure {
  public static let description = MethodDescription(name: "cqr-r", summary: "both ends move in proportion to the interval's width")
  public static let ordersFirst = true
  public let bounds: [ConformalBound]
  public let order: OutwardOrder

  public init(levels: [Double], settings: Settings) {
    bounds = centralIntervals(levels)
    order = OutwardOrder(levels: levels)
  }

  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand {
    let (lower, upper) = (row[bound.lower!], row[bound.upper!])
    return IntervalBand(lower: lower, lowerScale: upper - lower, upper: upper, upperScale: upper - lower)
  }

  public static func effect(of threshold: String) -> String { "moved outwards by \(threshold) of their distance" }
}
