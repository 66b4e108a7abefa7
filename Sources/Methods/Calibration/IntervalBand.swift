import Quantiles

/// Sets [a − t·s, b + t·s′]: ends that move in proportion to t.
///
/// The score of y is max((a − y)/s, (y − b)/s′). Where a scale is zero, infinite or unknown its end stays for every t, so it
/// scores −∞ with the target inside and +∞ with the target outside.
struct IntervalBand {
  var lower: Double
  var lowerScale = 1.0
  var upper: Double
  var upperScale = 1.0

  static func moves(_ scale: Double) -> Bool { scale > 0 && scale < .infinity }

  func score(_ target: Double, _ bound: ConformalBound) -> Double {
    let below = bound.lower == nil ? -.infinity : IntervalBand.excess(lower - target, lowerScale)
    let above = bound.upper == nil ? -.infinity : IntervalBand.excess(target - upper, upperScale)
    return below.isNaN || above.isNaN ? .nan : max(below, above)
  }

  private static func excess(_ distance: Double, _ scale: Double) -> Double {
    if distance.isNaN || moves(scale) { return distance / scale }
    return distance <= 0 ? -.infinity : .infinity
  }

  /// Writes the ends at threshold t into the row.
  func write(_ row: UnsafeMutableBufferPointer<Double>, _ bound: ConformalBound, _ threshold: Double) {
    let shift = threshold == -.infinity ? 0 : threshold
    if let end = bound.lower, !lower.isNaN {
      row[end] = shift == .infinity ? -.infinity : IntervalBand.moves(lowerScale) ? lower - shift * lowerScale : lower
    }
    if let end = bound.upper, !upper.isNaN {
      row[end] = shift == .infinity ? .infinity : IntervalBand.moves(upperScale) ? upper + shift * upperScale : upper
    }
  }
}

/// A measure whose sets are bands.
protocol BandMeasure: ConformityMeasure {
  func band(_ row: UnsafePointer<Double>, _ bound: ConformalBound) -> IntervalBand
}

extension BandMeasure {
  @inline(__always)
  public func score(_ row: UnsafePointer<Double>, target: Double, bound k: Int) -> Double { band(row, bounds[k]).score(target, bounds[k]) }

  public func move(_ row: UnsafeMutableBufferPointer<Double>, to thresholds: UnsafePointer<Double>) {
    for (k, bound) in bounds.enumerated() { band(row.baseAddress!, bound).write(row, bound, thresholds[k]) }
  }
}

/// The central intervals of all pairs of levels.
func centralIntervals(_ levels: [Double]) -> [ConformalBound] { LevelPairs(levels).pairs.map { ConformalBound($0, of: levels) } }
