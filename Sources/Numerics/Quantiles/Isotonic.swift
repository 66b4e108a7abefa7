/// Operators that make the quantiles of one row non-decreasing in the level ("Flexible Model Aggregation for Quantile
/// Regression", §4.2).
///
/// Each changes a row in place, leaves a non-decreasing row as it is, takes ±∞, and returns whether the row changed. NaN must
/// not be passed in. `sort` and `pava` never increase Σ_τ ψ_τ(y − q_τ) for any y, nor the ℓ_p distance to any monotone truth
/// (Propositions 1 and 2); `minMax` has no such guarantee. Sums that weigh levels unequally, as a quadrature over them does, may rise.
public enum IsotonicOperator: String, CaseIterable, Sendable {
  case sort, pava, minmax

  public var summary: String {
    switch self {
    case .sort: "sort the quantiles of a row"
    case .pava: "nearest non-decreasing row in Euclidean distance (pool adjacent violators)"
    case .minmax: "from the median, running maximum upwards and running minimum downwards"
    }
  }

  /// Applies the operator; `anchor` (see `Isotonic.anchor`) matters to `minmax` alone.
  @discardableResult
  public func apply(to row: UnsafeMutableBufferPointer<Double>, anchor: Int) -> Bool {
    switch self {
    case .sort: Isotonic.sort(row)
    case .pava: Isotonic.pava(row)
    case .minmax: Isotonic.minMax(row, anchor: anchor)
    }
  }

  /// Makes the numbers of a row that are there non-decreasing in their level; those that are NaN stay where they are. O(m log m).
  public func apply(toPresent row: UnsafeMutableBufferPointer<Double>, levels: [Double]) {
    let present = row.indices.filter { !row[$0].isNaN }
    guard !present.isEmpty else { return }
    if present.count == row.count {
      apply(to: row, anchor: Isotonic.anchor(levels))
      return
    }
    for (i, value) in zip(present, applied(to: present.map { row[$0] }, anchor: Isotonic.anchor(present.map { levels[$0] }))) { row[i] = value }
  }

  /// `row` made non-decreasing.
  public func applied(to row: [Double], anchor: Int = 0) -> [Double] {
    var result = row
    _ = result.withUnsafeMutableBufferPointer { apply(to: $0, anchor: anchor) }
    return result
  }
}

/// The operators of `IsotonicOperator` as functions; their files hold them, one each.
public enum Isotonic {
  /// The index from which `minMax` sweeps: the level nearest 0.5, the lower one on a tie. `levels` must not be empty.
  public static func anchor(_ levels: [Double]) -> Int {
    levels.indices.min { Level(levels[$0]).distance(to: .median) < Level(levels[$1]).distance(to: .median) }!
  }

  /// Index of the first element below its predecessor, or `row.count` where there is none. O(m).
  @inlinable public static func firstViolation(_ row: UnsafeBufferPointer<Double>) -> Int {
    var i = 1
    while i < row.count {
      if row[i] < row[i - 1] { return i }
      i += 1
    }
    return row.count
  }
}

/// Whether the present quantiles of a row, by increasing level, decrease.
public func crosses(_ row: UnsafeBufferPointer<Double>) -> Bool {
  var last = -Double.infinity
  for value in row {
    if value < last { return true }
    if !value.isNaN { last = value }
  }
  return false
}
