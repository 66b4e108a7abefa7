import Glibc

/// The transform x ↦ log(x + a) of counts and other non-negative quantities, under which scores tell of relative errors and
/// growth rates (Bosse et al. 2023, "Scoring epidemiological forecasts on transformed scales"). It is increasing, so the quantiles
/// of the transformed outcome are the transformed quantiles.
public struct LogShift: Sendable, Equatable {
  /// a ≥ 0, finite.
  public let offset: Double

  /// nil for an offset that is negative or not finite.
  public init?(offset: Double) {
    guard offset >= 0, offset.isFinite else { return nil }
    self.offset = offset
  }

  /// Why `value` has no image: it is negative, as for `log_shift` of R's scoringutils, or zero without an offset. nil where it has one.
  public func refusal(of value: Double) -> String? {
    if value < 0 { return "is negative" }
    return value + offset == 0 ? "has no logarithm without an offset" : nil
  }

  /// log(value + offset), for values that `refusal` lets pass; +∞ for +∞.
  public func callAsFunction(_ value: Double) -> Double { log(value + offset) }
}
