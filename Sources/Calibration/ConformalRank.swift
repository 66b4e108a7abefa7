import Quantiles

/// Ranks of conformal quantiles, in whole numbers: levels are multiples of 10⁻⁹, so no rounding of α can move a rank.
public enum ConformalRank {
  private static let one = 1_000_000_000

  /// ⌈(1 − α)(n + 1)⌉ with α = 2τ, `lowerKey` being `Levels.key(τ)`, 0 < τ < ½. A rank above n means +∞.
  public static func rank(lowerKey: Int, rows: Int) -> Int {
    let product = (one - 2 * lowerKey).multipliedFullWidth(by: rows + 1)
    let (quotient, remainder) = one.dividingFullWidth(product)
    return remainder == 0 ? quotient : quotient + 1
  }

  /// The fewest rows for which the rank is not above their number: ⌈1/α⌉ − 1. `level` is either end of the pair.
  public static func minimumRows(_ level: Double) -> Int {
    let key = Levels.key(level)
    return minimumRows(lowerKey: min(key, one - key))
  }

  static func minimumRows(lowerKey: Int) -> Int { (one + 2 * lowerKey - 1) / (2 * lowerKey) - 1 }
}
