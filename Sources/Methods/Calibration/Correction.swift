/// The correction of one central interval, or of one level.
public struct Correction: Equatable, Sendable {
  /// nil where the interval has no such end.
  public let lowerLevel: Double?
  public let upperLevel: Double?
  /// The conformal quantile of the scores, in the scores' units; +∞ where the rows are too few.
  public let amount: Double
  /// What the amount does: "moved outwards by 2".
  public let effect: String
  /// Rows that had a score.
  public let rows: Int
  /// The fewest rows, of equal weights, for which the correction is finite.
  public let rowsNeeded: Int

  public init(lowerLevel: Double?, upperLevel: Double?, amount: Double, effect: String, rows: Int, rowsNeeded: Int) {
    self.lowerLevel = lowerLevel
    self.upperLevel = upperLevel
    self.amount = amount
    self.effect = effect
    self.rows = rows
    self.rowsNeeded = rowsNeeded
  }

  public var levels: [Double] { [lowerLevel, upperLevel].compactMap { $0 } }

  /// What leaving out one of the rows leaves of their number; the correction is not learnt anew.
  public var withoutOneRow: Correction {
    Correction(lowerLevel: lowerLevel, upperLevel: upperLevel, amount: amount, effect: effect, rows: max(0, rows - 1), rowsNeeded: rowsNeeded)
  }
}

/// The shortest text that reads back to the same double, without a fraction of zero.
func text(of amount: Double) -> String {
  let text = "\(amount)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
