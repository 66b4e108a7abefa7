import Quantiles

/// Means of columns of scores over rows, exact until the last step: any order of rows, and any split into parts that are merged,
/// give the same means bit for bit.
///
/// A mean is the correctly rounded sum over the correctly rounded total weight. A value that is NaN, which is missing, makes its
/// column's mean NaN. Weights may have any size, of which only ratios matter: a power of two in all of them changes no bit.
public struct ScoreAccumulator: Sendable {
  /// Number of rows.
  public private(set) var rows = 0
  private var unweightedRows = 0
  private var weight = ExactSum()
  private var sums: [ExactSum]

  public init(columns: Int) { sums = [ExactSum](repeating: ExactSum(), count: columns) }

  public var columns: Int { sums.count }

  /// Adds a row with one value a column. Some 3 ns a column.
  public mutating func add(_ values: UnsafePointer<Double>) {
    rows += 1
    unweightedRows += 1
    sums.withUnsafeMutableBufferPointer { sums in
      for k in 0..<sums.count { sums[k].add(values[k]) }
    }
  }

  /// Adds a row that counts `weight` ≥ 0 times; one of weight zero is not counted at all.
  public mutating func add(_ values: UnsafePointer<Double>, weight: Double) {
    if weight == 0 { return }
    rows += 1
    self.weight.add(weight)
    sums.withUnsafeMutableBufferPointer { sums in
      for k in 0..<sums.count { sums[k].add(product: weight, values[k]) }
    }
  }

  /// Adds a row with one value a column.
  public mutating func add(_ values: [Double]) {
    precondition(values.count == columns)
    rows += 1
    unweightedRows += 1
    for k in 0..<columns { sums[k].add(values[k]) }
  }

  /// Adds the rows of another accumulator with as many columns.
  public mutating func merge(_ other: ScoreAccumulator) {
    precondition(columns == other.columns)
    rows = saturatingSum(rows, other.rows)
    unweightedRows = saturatingSum(unweightedRows, other.unweightedRows)
    weight.add(other.weight)
    for k in 0..<columns { sums[k].add(other.sums[k]) }
  }

  private func saturatingSum(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
  }

  private var exactWeight: ExactSum {
    var total = weight
    total.add(Double(unweightedRows))
    return total
  }

  /// Total weight: the number of rows where none has a weight.
  public var totalWeight: Double { exactWeight.rounded }

  /// Mean of column k; NaN where there is no row or the column is missing.
  public func mean(_ k: Int) -> Double { sums[k].divided(by: exactWeight) }

  /// The number of rows of equal weight that tell as much as these, (Σw)² / Σw² (Kish 1965), where column k holds the weights of rows themselves.
  public func effectiveRows(weights k: Int) -> Double {
    let total = exactWeight
    guard let exponent = total.exponent else { return .nan }
    let sum = total.rounded(timesTwoTo: -exponent)
    return sum / (sums[k].rounded(timesTwoTo: -2 * exponent) / sum)
  }

  /// The mean of every column.
  public var means: [Double] {
    let total = exactWeight
    let rounded = total.rounded
    return sums.map { sum in
      let own = sum.rounded
      return own.isNormal && rounded.isNormal ? own / rounded : sum.divided(by: total)
    }
  }
}

// MARK: - Partial results

extension ScoreAccumulator {
  /// Rows that a partial result may claim: what a double counts exactly.
  private static let mostRows = 1 << 53

  /// The exact state as text, a field for the number of rows, one for their weight and one a column (see `ExactSum.text`);
  /// the same for equal states.
  public var fields: [String] { ["\(rows)", exactWeight.text] + sums.map(\.text) }

  /// Reads what `fields` gives; nil for anything else.
  public init?(fields: [String]) {
    guard fields.count >= 2, let rows = Int(fields[0]), (0...ScoreAccumulator.mostRows).contains(rows), "\(rows)" == fields[0],
      let weight = ExactSum(fields[1]), weight.isFinite, rows > 0 ? weight.rounded > 0 : weight.rounded == 0
    else { return nil }
    let sums = fields.dropFirst(2).compactMap { ExactSum($0) }
    guard sums.count == fields.count - 2 else { return nil }
    self.rows = rows
    self.weight = weight
    self.sums = sums
  }
}
