import Groundwork
import Quantiles

/// Weights of p models, the same for every row: what every global method learns and answers with.
///
/// ĝ_w(x; τ_t) = Σ_j w_jt ĝ_j(x; τ_t). Where a model is missing, the weights of those present are divided by their sum;
/// where that sum is zero, those present count equally.
public struct ModelWeights: BinaryCodable, Equatable, Sendable {
  public let models: [String]
  /// The number of levels m of the fit.
  public let levels: Int
  /// p × m, or p × 1 for weights that are the same at each level. Columns sum to one.
  public let table: Matrix

  public init(models: [String], levels: Int, table: Matrix) {
    precondition(table.rows == models.count && (table.columns == 1 || table.columns == levels))
    self.models = models
    self.levels = levels
    self.table = table
  }

  /// p × m, as `FittedAggregator.weights` shows them.
  public var expanded: Matrix {
    guard table.columns == 1, levels != 1 else { return table }
    var wide = Matrix(rows: table.rows, columns: levels)
    for j in 0..<table.rows { for t in 0..<levels { wide[j, t] = table[j, 0] } }
    return wide
  }

  /// The weighted mean of every row and level: n × m. Models are found by name; one that was not in the fit counts for
  /// nothing unless it is alone. Cost: O(n·p·m).
  public func answer(_ predictions: BasePredictions) -> Matrix {
    let p = predictions.models.count
    let m = predictions.levels.count
    precondition(table.columns == 1 || table.columns == m)
    let position = Dictionary(models.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var weights = Matrix(rows: p, columns: table.columns)
    for (j, name) in predictions.models.enumerated() {
      guard let row = position[name] else { continue }
      for t in 0..<table.columns { weights[j, t] = table[row, t] }
    }
    var result = Matrix(rows: predictions.rows, columns: m)
    let step = table.columns == 1 ? 0 : 1
    let width = table.columns
    predictions.values.withUnsafeBufferPointer { values in
      weights.values.withUnsafeBufferPointer { weights in
        for i in 0..<predictions.rows {
          for t in 0..<m {
            result.values[i * m + t] = weightedMean(
              count: p, level: predictions.levels[t], value: { values[(i * p + $0) * m + t] },
              weight: { weights[$0 * width + t * step] })
          }
        }
      }
    }
    return result
  }

  public func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(levels)
    writer.write(table.columns)
    writer.write(table.values)
  }

  public init(decoding reader: inout ByteReader) throws {
    let models = try reader.readStrings()
    let levels = try reader.readInt()
    let columns = try reader.readInt()
    let values = try reader.readArray(of: Double.self)
    guard !models.isEmpty, levels >= 1, levels < 1_000_000, columns == 1 || columns == levels,
      values.count == models.count * columns, Set(models).count == models.count,
      values.allSatisfy({ $0 >= 0 && $0 <= 1 + 1e-6 })
    else { throw ByteReader.damaged }
    let table = Matrix(rows: models.count, columns: columns, values: values)
    for t in 0..<columns {
      let sum = (0..<models.count).reduce(0.0) { $0 + table[$1, t] }
      guard abs(sum - 1) <= 1e-6 else { throw ByteReader.damaged }
    }
    self.init(models: models, levels: levels, table: table)
  }
}

/// Σ w_j v_j / Σ w_j over the values that are not NaN; their plain mean where those weights sum to zero; NaN where there
/// is none. Never overflows. An infinite value with weight makes the mean infinite; of opposite infinities the outward
/// one at that level wins.
@inline(__always)
func weightedMean(count: Int, level: Double, value: (Int) -> Double, weight: (Int) -> Double) -> Double {
  var sum = 0.0
  var present = 0
  var total = 0.0
  for j in 0..<count {
    let v = value(j)
    if v.isNaN { continue }
    present += 1
    let w = weight(j)
    if w > 0 {
      sum += w * v
      total += w
    }
  }
  if present == 0 { return .nan }
  if present == count && abs(total - 1) < 1e-9 && sum.isFinite { return sum }
  if total > 0 && sum.isFinite && total > 1e-100 { return sum / total }
  // Rare rows: no weight on what is present, infinite values, or weights too small to divide by.
  let equal = !(total > 1e-100)
  sum = 0
  total = equal ? Double(present) : total
  for j in 0..<count {
    let v = value(j)
    if v.isNaN { continue }
    let w = (equal ? 1 : weight(j)) / total
    if w > 0 { sum += w * v }
  }
  return sum.isNaN ? (level < 0.5 ? -.infinity : .infinity) : sum
}
