import Glibc

/// What errors are multiplied by, so that differences and sums of the largest doubles stay finite.
@inlinable public var errorUnit: Double { 0x1p-60 }

/// Powers of two, by which numbers of any size are brought to where their sums and squares stay finite. Multiplying by one rounds nothing.
public enum PowerOfTwo {
  /// The binary exponent of `largest`, the greatest of some sizes; 0 where all of them are 0.
  public static func exponent(of largest: Double) -> Int { largest > 0 ? Int(largest.exponent) : 0 }

  /// What brings numbers of which `largest` > 0 is the greatest size to at most 2, as far as a power of two within 10^±301 does.
  public static func inverse(of largest: Double) -> Double { scalbn(1, Int32(-max(-1000, min(1000, Int(largest.exponent))))) }

  /// The same where sums of such numbers could leave the doubles; else 1.
  public static func inverseWhereExtreme(of largest: Double) -> Double { abs(exponent(of: largest)) > 500 ? inverse(of: largest) : 1 }

  /// Weights, of which only ratios matter, with the largest brought near 1: no sum, square or product with a score leaves the doubles for their
  /// size. Those of less than 10⁻³⁰⁸ of the largest round.
  public static func scaled(_ weights: [Double]) -> [Double] {
    guard let largest = weights.max(), largest > 0 else { return weights }
    let scale = inverse(of: largest)
    return weights.map { $0 * scale }
  }
}
