import MethodKit
import Quantiles

/// Intervals around a point prediction, the median m (Lei, G'Sell, Rinaldo, Tibshirani, Wasserman 2018, "Distribution-Free
/// Predictive Inference for Regression", §2.2 and §5.2):
///
///     E_i = |y_i − m_i| / s_i,
///
/// and every interval becomes [m − Q s, m + Q s], in place of what was predicted for it. With `scale=none` s is 1 and a median is
/// all a row needs: its other quantiles may be missing, and are filled in. With `scale=width` s is the width of the predicted
/// interval.
public struct ResidualIntervals: BandMeasure {
  public static let description = MethodDescription(
    name: "residual", summary: "intervals around the median from its absolute errors: a point prediction is enough",
    settings: [
      SettingDescription(
        "scale", .choice(["none", "width"]), default: "none", "what errors are divided by: nothing, or the width of the predicted interval")
    ])
  public static let ordersFirst = true
  public let bounds: [ConformalBound]
  public let order: OutwardOrder
  private let median: Int
  private let isScaled: Bool

  public static func makesIntervals(_ settings: Settings) -> Bool { settings.choice("scale") == "none" }

  public init(levels: [Double], settings: Settings) throws {
    median = try requiredMedian(levels, Self.description)
    isScaled = settings.choice("scale") == "width"
    bounds = centralIntervals(levels)
    order = OutwardOrder(levels: levels)
  }

  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand {
    let middle = row[median]
    guard isScaled else { return IntervalBand(lower: middle, upper: middle) }
    let width = row[bound.upper!] - row[bound.lower!]
    if width.isNaN { return IntervalBand(lower: .nan, upper: .nan) }
    // An interval without an end stays without: no multiple of its width is finite.
    if width == .infinity { return IntervalBand(lower: -.infinity, upper: .infinity) }
    return IntervalBand(lower: middle, lowerScale: width, upper: middle, upperScale: width)
  }

  public static func effect(of threshold: String) -> String { "put at \(threshold) times the scale around the median" }
}
