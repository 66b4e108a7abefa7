import Glibc

/// Numbers of at most so many decimals, as `--digits` writes them: for tools whose answers must keep an order or a side that rounding them
/// one by one, beside numbers that keep their text, would lose. All three are non-decreasing; numbers too large to have decimals stay.
public struct DecimalRounding: Sendable {
  private let scale: Double

  /// `digits` from 0 to 17.
  public init(digits: Int) { scale = pow(10, Double(digits)) }

  public func nearest(_ value: Double) -> Double { rounded(value, .toNearestOrAwayFromZero) }
  public func down(_ value: Double) -> Double { rounded(value, .down) }
  public func up(_ value: Double) -> Double { rounded(value, .up) }

  private func rounded(_ value: Double, _ rule: FloatingPointRoundingRule) -> Double {
    let scaled = value * scale
    guard abs(scaled) < 0x1p52 else { return value }
    // What is written with so many decimals already may be a bit off its own multiple.
    let whole = scaled.rounded()
    return (whole / scale == value ? whole : scaled.rounded(rule)) / scale
  }
}
