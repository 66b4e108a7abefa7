import Quantiles

/// Coverage and width of central prediction intervals: for each interval (ℓ, u), whether ℓ ≤ y ≤ u, and u − ℓ, in units of y
/// and negative where the ends cross. NaN where the levels lack an end.
public struct IntervalCoverage: Score {
  public static let description = ScoreDescription(
    name: "interval_coverage", summary: "coverage and width of central intervals", direction: .nearerNominal,
    lines: [
      .init([("interval_coverage_90", .none), ("interval_width_90", .target)], "share of targets within the 90 % interval, and its width")
    ])

  private let ends: [(lower: Int, upper: Int)?]

  public let columns: [String]

  public init(levels: [Double], intervals: [Interval]) {
    ends = intervals.map { $0.indices(in: levels) }
    columns = intervals.flatMap { ["interval_coverage_\($0.name)", "interval_width_\($0.name)"] }
  }

  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    var k = 0
    for end in ends {
      if let end {
        let lower = quantiles[end.lower]
        let upper = quantiles[end.upper]
        values[k] = lower <= target && target <= upper ? 1 : 0
        values[k + 1] = lower == upper ? 0 : upper - lower
      } else {
        values[k] = .nan
        values[k + 1] = .nan
      }
      k += 2
    }
  }
}
