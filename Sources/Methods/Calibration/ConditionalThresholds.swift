import Groundwork
import LinearAlgebra
import Quantiles
import Regression

/// The thresholds of one bound at any row of a design: `AugmentedQuantileRegression`, or order statistics where that is the same.
///
/// Where distinct rows of the design are linearly independent, as those of one categorical column are, the dual constraint holds
/// for each of them by itself, and T is the conformal quantile of the scores at the same row of the design: Mondrian calibration.
final class ConditionalThresholds: Sendable {
  private let coverage: Level
  /// Position of each labelled row among those with a score, −1 for none.
  private let position: [Int]
  /// Where every distinct row of the design stands by itself: its scores, increasing.
  private let cells: [[Double]: [Double]]?
  private let space: RowSpace
  private let scores: [Double]
  private let regression: Once<AugmentedQuantileRegression?>

  /// `design` is n × d; scores that are NaN are left out. O(n d²).
  init(_ design: [Double], columns d: Int, scores: [Double], coverage: Level, space shared: RowSpace? = nil) {
    let n = scores.count
    self.coverage = coverage
    let used = scores.indices.filter { !scores[$0].isNaN }
    var position = [Int](repeating: -1, count: n)
    for (k, i) in used.enumerated() { position[i] = k }
    self.position = position
    let space = shared ?? RowSpace(used.count == n ? design : used.flatMap { design[$0 * d..<($0 + 1) * d] }, columns: d)
    self.space = space
    let present = used.map { scores[$0] + 0 }
    self.scores = present
    var cells: [[Double]: [Double]] = [:]
    for i in used where cells.count <= space.rank { cells[Array(design[i * d..<(i + 1) * d]), default: []].append(scores[i] + 0) }
    self.cells = cells.count == space.rank ? cells.mapValues { $0.sorted() } : nil
    regression = Once { try? AugmentedQuantileRegression(space, scores: present, coverage: coverage) }
  }

  /// The space of the design where all rows have a score, to be shared by bounds of which the same is true.
  var sharedSpace: RowSpace? { position.contains(-1) ? nil : space }

  var rows: Int { scores.count }

  /// Makes now what would be made when it is first needed.
  func prepare() { if cells == nil, rows > 0 { _ = regression.value } }

  /// T(φ), +∞ where φ is no combination of the rows that taught.
  func threshold(at row: [Double]) -> Double {
    if let scores = cells?[row] { return ConditionalThresholds.quantile(scores, rows: scores.count, coverage) }
    guard rows > 0, let coordinates = space.coordinates(row) else { return .infinity }
    return regression.value?.threshold(at: coordinates) ?? .infinity
  }

  /// T of the other rows at labelled row i, `row` being that of the design.
  func threshold(at row: [Double], withoutRow i: Int) -> Double {
    if position[i] < 0 { return threshold(at: row) }
    if let scores = cells?[row] {
      let threshold = ConditionalThresholds.quantile(scores, rows: scores.count - 1, coverage)
      if self.scores[position[i]] > threshold || threshold == .infinity { return threshold }
      return scores[ConformalRank.rank(coverage: coverage, rows: scores.count - 1)]
    }
    return regression.value?.threshold(withoutRow: position[i]) ?? .infinity
  }

  /// The conformal quantile that so many rows ask for, among `scores`, increasing.
  private static func quantile(_ scores: [Double], rows: Int, _ coverage: Level) -> Double {
    let rank = ConformalRank.rank(coverage: coverage, rows: rows)
    return rank > rows ? .infinity : scores[rank - 1]
  }

  /// The conformal quantile of all scores, whatever the row.
  var marginalThreshold: Double { ConditionalThresholds.quantile(scores.sorted(), rows: rows, coverage) }
}

/// A value that is made when it is first needed.
private final class Once<Value>: @unchecked Sendable {
  private let monitor = Monitor()
  private var make: (() -> Value)?
  private var made: Value?

  init(_ make: @escaping () -> Value) { self.make = make }

  var value: Value {
    monitor.locked {
      if let made { return made }
      let value = make!()
      make = nil
      made = value
      return value
    }
  }
}
