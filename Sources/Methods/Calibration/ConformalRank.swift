import Quantiles

/// Ranks of conformal quantiles, in whole numbers: levels are multiples of 10⁻⁹, so no rounding of α can move a rank.
public enum ConformalRank {
  /// ⌈(1 − α)(n + 1)⌉, `coverage` being 1 − α, 0 < α < 1. A rank above n means +∞.
  public static func rank(coverage: Level, rows: Int) -> Int {
    let (quotient, remainder) = Level.one.dividingFullWidth(coverage.key.multipliedFullWidth(by: rows + 1))
    return remainder == 0 ? quotient : quotient + 1
  }

  /// The fewest rows for which the rank is not above their number: ⌈1/α⌉ − 1.
  public static func minimumRows(coverage: Level) -> Int {
    let miscoverage = coverage.complement.key
    return (Level.one + miscoverage - 1) / miscoverage - 1
  }
}
