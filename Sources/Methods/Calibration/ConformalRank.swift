import Quantiles

/// Ranks of conformal quantiles, in whole numbers: levels are multiples of 10⁻⁹, so no rounding of α can move a rank.
public enum ConformalRank {
  static let one = 1_000_000_000

  /// ⌈(1 − α)(n + 1)⌉, `coverageKey` being 1 − α in units of 10⁻⁹, 0 < α < 1. A rank above n means +∞.
  public static func rank(coverageKey: Int, rows: Int) -> Int {
    let (quotient, remainder) = one.dividingFullWidth(coverageKey.multipliedFullWidth(by: rows + 1))
    return remainder == 0 ? quotient : quotient + 1
  }

  /// The fewest rows for which the rank is not above their number: ⌈1/α⌉ − 1.
  public static func minimumRows(coverageKey: Int) -> Int { (2 * one - coverageKey - 1) / (one - coverageKey) - 1 }
}
