import Quantiles

/// Absolute error of the median, |y − q_½|, in units of y; NaN without the level ½.
public struct MedianError: Score {
  public static let description = ScoreDescription(
    name: "ae_median", summary: "absolute error of the median", direction: .less,
    lines: [.init([("ae_median", .target)], "absolute error of the median")])

  private let median: Int?

  public let columns = ["ae_median"]

  public init(levels: [Double], intervals: [Interval]) {
    median = levels.firstIndex { Level($0).isMedian }
  }

  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    values[0] = median.map { abs(target - quantiles[$0]) } ?? .nan
  }
}
