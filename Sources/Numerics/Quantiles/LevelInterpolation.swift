/// Takes quantiles from the levels a model gives to the levels a table of several models needs.
///
/// A level the model gives is copied. Between two of its levels τ₁ < τ < τ₂ the quantile is linear in the normal score,
///
///     q(τ) = (1 − f)·q(τ₁) + f·q(τ₂),  f = (Φ⁻¹(τ) − Φ⁻¹(τ₁)) / (Φ⁻¹(τ₂) − Φ⁻¹(τ₁)),
///
/// which is exact for every normal distribution and never leaves [q(τ₁), q(τ₂)]. Beyond its outermost levels a model has
/// said nothing, and the answer is NaN. Quantiles that cross are taken as they stand; a missing neighbour gives NaN.
///
/// Indices and fractions are found once; a row then costs one multiplication and addition a level.
public struct LevelInterpolation: Sendable {
  public let sourceCount: Int
  public let targetCount: Int
  /// Source indices around each target level, −1 where the level is out of range.
  private let lower: [Int32]
  private let upper: [Int32]
  private let fraction: [Double]

  /// Levels in (0, 1), in any order, matched as `Level`s; `source` holds none twice.
  public init(from source: [Double], to target: [Double]) {
    let order = source.indices.sorted { Level(source[$0]) < Level(source[$1]) }
    let known = order.map { Level(source[$0]) }
    var lower: [Int32] = []
    var upper: [Int32] = []
    var fraction: [Double] = []
    for level in target {
      let wanted = Level(level)
      let above = known.firstIndex { $0 >= wanted } ?? known.count
      if above < known.count, known[above] == wanted {
        lower.append(Int32(order[above]))
        upper.append(Int32(order[above]))
        fraction.append(0)
      } else if above == 0 || above == known.count {
        lower.append(-1)
        upper.append(-1)
        fraction.append(0)
      } else {
        let start = NormalDistribution.quantile(source[order[above - 1]])
        let end = NormalDistribution.quantile(source[order[above]])
        lower.append(Int32(order[above - 1]))
        upper.append(Int32(order[above]))
        fraction.append((NormalDistribution.quantile(level) - start) / (end - start))
      }
    }
    sourceCount = source.count
    targetCount = target.count
    self.lower = lower
    self.upper = upper
    self.fraction = fraction
  }

  /// True where the two sets of levels are the same in the same order: a row is then only copied.
  public var isIdentity: Bool {
    sourceCount == targetCount && lower.indices.allSatisfy { lower[$0] == upper[$0] && Int(lower[$0]) == $0 }
  }

  /// Writes the quantiles of one row at the target levels. `quantiles` holds `sourceCount` values, `result` has room for
  /// `targetCount`. Allocates nothing.
  public func apply(_ quantiles: UnsafeBufferPointer<Double>, into result: UnsafeMutableBufferPointer<Double>) {
    precondition(quantiles.count == sourceCount && result.count == targetCount)
    for t in 0..<targetCount {
      let below = Int(lower[t])
      guard below >= 0 else {
        result[t] = .nan
        continue
      }
      let start = quantiles[below]
      let end = quantiles[Int(upper[t])]
      result[t] = start == end || below == Int(upper[t]) ? start : LevelInterpolation.between(start, end, fraction[t])
    }
  }

  /// `apply` for an array: the quantiles of one row at the target levels.
  public func callAsFunction(_ quantiles: [Double]) -> [Double] {
    [Double](unsafeUninitializedCapacity: targetCount) { buffer, filled in
      quantiles.withUnsafeBufferPointer { apply($0, into: UnsafeMutableBufferPointer(rebasing: buffer[..<targetCount])) }
      filled = targetCount
    }
  }

  @inline(__always) private static func between(_ start: Double, _ end: Double, _ fraction: Double) -> Double {
    if start.isInfinite && end.isInfinite { return fraction < 0.5 ? start : end }
    let value = (1 - fraction) * start + fraction * end
    // Rounding may step over an end, and a quantile must not.
    return start < end ? min(max(value, start), end) : start > end ? min(max(value, end), start) : value
  }
}

extension Levels {
  /// Every level that any of the sets holds, increasing, each once.
  public static func union(_ sets: [[Double]]) -> [Double] {
    Set(sets.joined().map { Level($0) }).sorted().map(\.value)
  }
}
