import Groundwork

/// The law of row weights, which are finite and not negative: rows of weight zero teach nothing, some row must have weight, and only ratios
/// of weights matter. They are divided by the largest before anything is summed, so that no sum overflows.
public enum RowWeights {
  /// The rows with weight, in their order; all of them where rows have no weights. Throws a `Failure` where there is none.
  public static func used(_ weights: [Double]?, rows: Int) throws -> [Int] {
    let used = (0..<rows).filter { (weights?[$0] ?? 1) > 0 }
    guard !used.isEmpty else { throw none }
    return used
  }

  private static var none: Failure { Failure(.badData, "no training row has a positive weight", remedy: "give some rows weight") }

  /// Shares of the largest, which must be above zero, none less than `least`: with that their inverses, squares or floats are numbers too.
  public static func shares(_ weights: [Double], atLeast least: Double = 0) -> [Double] {
    let largest = weights.max()!
    return weights.map { max($0 / largest, least) }
  }

  /// Shares of the largest divided by their mean.
  public static func withMeanOne(_ weights: [Double], atLeast least: Double = 0) -> [Double] {
    let shares = shares(weights, atLeast: least)
    let mean = shares.reduce(0, +) / Double(shares.count)
    return shares.map { $0 / mean }
  }

  /// Weights divided by their sum, equal ones where rows have none. Throws a `Failure` where no row has weight.
  public static func withSumOne(_ weights: [Double]?, rows: Int) throws -> [Double] {
    guard let weights else { return [Double](repeating: 1 / Double(rows), count: rows) }
    guard weights.contains(where: { $0 > 0 }) else { throw none }
    let shares = shares(weights)
    let sum = shares.reduce(0, +)
    return shares.map { $0 / sum }
  }
}
