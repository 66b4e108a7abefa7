import Groundwork
import MethodKit
import Quantiles

/// Conformalized quantile regression with scores scaled by the distance to the median m (Kivaranovic, Johnson, Leeb 2020,
/// "Adaptive, Distribution-Free Prediction Intervals for Deep Networks", §3):
///
///     E_i = max((ℓ_i − y_i)/(m_i − ℓ_i), (y_i − u_i)/(u_i − m_i)),
///
/// and the interval becomes [ℓ − Q (m − ℓ), u + Q (u − m)]: wide sides move far. Rows are put in order first, so no scale is
/// negative. Needs the level ½.
public struct MedianScaledCQR: BandMeasure {
  public static let description = MethodDescription(
    name: "cqr-m", summary: "each end moves in proportion to its distance to the median, which it needs")
  public static let ordersFirst = true
  public let bounds: [ConformalBound]
  public let order: OutwardOrder
  private let median: Int

  public init(levels: [Double], settings: Settings) throws {
    median = try requiredMedian(levels, Self.description)
    bounds = centralIntervals(levels)
    order = OutwardOrder(levels: levels)
  }

  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand {
    let (lower, middle, upper) = (row[bound.lower!], row[median], row[bound.upper!])
    // A row without its median has no score and is not moved.
    if middle.isNaN { return IntervalBand(lower: .nan, upper: .nan) }
    return IntervalBand(lower: lower, lowerScale: middle - lower, upper: upper, upperScale: upper - middle)
  }

  public static func effect(of threshold: String) -> String { "moved outwards by \(threshold) of their distances to the median" }
}

/// Index of the level ½; throws where it is not there.
func requiredMedian(_ levels: [Double], _ method: MethodDescription) throws -> Int {
  if let median = LevelPairs(levels).median { return median }
  throw Failure(.badData, "\(method.name) needs the level 0.5, which is not there", remedy: "predict it, or choose another --method")
}
