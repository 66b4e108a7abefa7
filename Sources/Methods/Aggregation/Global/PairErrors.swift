import Groundwork
import LinearAlgebra
import MethodKit

/// Errors of all pairs (model j, level ν) on training rows: what every output level of a fine combination chooses its weights from.
struct PairErrors: Sendable {
  /// A column's place among the p·m quantiles of a row: j · m + ν.
  let pairs: [Int]
  let modelOfColumn: [Int]
  /// Weights of the rows, summing to one.
  let rowWeights: [Double]
  /// Where the rows stand in time, if that is told.
  let times: RowTimes?
  /// (ĝ_j(x_i; ν) − y_i) · `errorUnit` · scale: row i, column c at `values[i * pairs.count + c]`.
  let values: [Double]

  var rows: Int { rowWeights.count }
  var columns: Int { pairs.count }

  private init(pairs: [Int], modelOfColumn: [Int], rowWeights: [Double], times: RowTimes?, values: [Double]) {
    self.pairs = pairs
    self.modelOfColumn = modelOfColumn
    self.rowWeights = rowWeights
    self.times = times
    self.values = values
  }

  /// The pairs `pairs` on the rows `rows`. A missing prediction is the mean of the row's other models at that level; a row where none stands
  /// in is left out. O(n·p·m).
  /// Targets are moved by up to `jitter`, after scaling, each by its own amount: targets and predictions that tie make vertices where many
  /// residuals vanish at once, and walks that stall there.
  init(_ training: AggregationTraining, rows: [Int], rowWeights: [Double], pairs: [Int], scale: Double, jitter: Double = 0) {
    var random = RandomStream(seed: 1, stream: 0x7135)
    let (p, m) = (training.predictions.models.count, training.predictions.levels.count)
    let filled = FilledPredictions(training.predictions)
    var kept: [Double] = []
    var keptRows: [Int] = []
    var values: [Double] = []
    values.reserveCapacity(rows.count * pairs.count)
    training.predictions.values.withUnsafeBufferPointer { source in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: p * m) { row in
        for i in rows {
          let own = source.baseAddress! + i * p * m
          if pairs.allSatisfy({ own[$0].isFinite }) {
            for k in 0..<p * m { row[k] = own[k] }
          } else {
            for t in 0..<m { filled.fill(own, level: t, into: row.baseAddress! + t, stride: m) }
            if pairs.contains(where: { row[$0].isNaN }) { continue }
          }
          let y = training.target[i] * errorUnit
          let shift = jitter * (2 * random.uniform() - 1)
          for k in pairs { values.append((row[k] * errorUnit - y) * scale + shift) }
          kept.append(rowWeights[i])
          keptRows.append(i)
        }
      }
    }
    let sum = kept.reduce(0, +)
    self.init(
      pairs: pairs, modelOfColumn: pairs.map { $0 / m }, rowWeights: kept.map { $0 / sum }, times: training.times?.selecting(keptRows),
      values: values)
  }

  func selecting(rows: [Int]) -> PairErrors {
    let c = columns
    let sum = rows.reduce(0) { $0 + rowWeights[$1] }
    return PairErrors(
      pairs: pairs, modelOfColumn: modelOfColumn, rowWeights: rows.map { rowWeights[$0] / sum }, times: times?.selecting(rows),
      values: rows.flatMap { values[$0 * c..<($0 + 1) * c] })
  }

  func selecting(columns kept: [Int]) -> PairErrors {
    let c = columns
    return PairErrors(
      pairs: kept.map { pairs[$0] }, modelOfColumn: kept.map { modelOfColumn[$0] }, rowWeights: rowWeights, times: times,
      values: (0..<rows).flatMap { r in kept.map { values[r * c + $0] } })
  }

  /// The programme of some columns at one output level.
  func program(_ active: [Int], level: Double, costs: [Double]) -> SimplexPinballProgram {
    let size = SimplexPinballProgram.blockTerms
    let (a, c) = (active.count, columns)
    let blocks = (rows + size - 1) / size
    var errors = [Double](repeating: 0, count: blocks * a * size)
    values.withUnsafeBufferPointer { values in
      errors.withUnsafeMutableBufferPointer { errors in
        for r in 0..<rows {
          let base = r / size * a * size + r % size
          for (k, column) in active.enumerated() { errors[base + k * size] = values[r * c + column] }
        }
      }
    }
    return SimplexPinballProgram(
      models: a, errors: errors, high: rowWeights.map { $0 * level }, low: rowWeights.map { $0 * (1 - level) }, costs: costs)
  }

  /// Eᵀz of every column, z first put into its box.
  func correlations(_ z: [Double], level: Double) -> [Double] {
    var inside = z
    for r in 0..<rows { inside[r] = min(max(z[r], -rowWeights[r] * (1 - level)), rowWeights[r] * level) }
    return transposedProduct(values, rows: rows, columns: columns, inside)
  }
}
