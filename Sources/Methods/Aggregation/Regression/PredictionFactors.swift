import Glibc
import Groundwork
import LinearAlgebra
import Quantiles

/// The leading principal components of standardised predictions: what a few numbers say of p·m of them.
///
/// Columns are the predictions of every model at up to 120/p levels, spread evenly; neighbouring levels move together, so more would say
/// the same. A missing prediction is the mean of the row's other models at that level, or else the column's mean.
struct PredictionFactors: BinaryCodable, Sendable {
  let models: Int
  let levels: Int
  /// Indices of levels in use.
  let usedLevels: [Int]
  /// Of each column, models within levels: standardised is (x · unit − centre) · scale; scale 0 for columns that are constant.
  let units: [Double]
  let centres: [Double]
  let scales: [Double]
  /// Columns × factors.
  let loadings: Matrix

  var count: Int { loadings.columns }

  /// At most `limit` components, fewer where predictions have no more. Rows of weight zero do not count. O(n·d² + d³) for d ≤ 120 columns, or one a
  /// model.
  init(_ predictions: BasePredictions, rowWeights: [Double], limit: Int) {
    let (p, m) = (predictions.models.count, predictions.levels.count)
    let count = max(1, min(m, 120 / p))
    let usedLevels = (0..<count).map { (2 * $0 + 1) * m / (2 * count) }
    let rows = rowWeights.indices.filter { rowWeights[$0] > 0 }
    let d = p * count
    var values = Matrix(rows: rows.count, columns: d)
    let filled = FilledPredictions(predictions)
    predictions.values.withUnsafeBufferPointer { source in
      values.values.withUnsafeMutableBufferPointer { values in
        for (k, i) in rows.enumerated() {
          for (s, t) in usedLevels.enumerated() {
            filled.fill(source.baseAddress! + i * p * m, level: t, into: values.baseAddress! + k * d + s * p)
          }
        }
      }
    }
    var units = [Double](repeating: 1, count: d)
    var centres = [Double](repeating: 0, count: d)
    var scales = centres
    for c in 0..<d {
      var largest = 0.0
      for k in 0..<rows.count where !values[k, c].isNaN { largest = max(largest, abs(values[k, c])) }
      // Powers of two: squares stay finite, and digits as they are.
      if largest > 0 { units[c] = PowerOfTwo.inverse(of: largest) }
      var (sum, total) = (0.0, 0.0)
      for (k, i) in rows.enumerated() where !values[k, c].isNaN {
        sum += rowWeights[i] * (values[k, c] * units[c])
        total += rowWeights[i]
      }
      guard total > 0 else { continue }
      centres[c] = sum / total
      var square = 0.0
      for (k, i) in rows.enumerated() where !values[k, c].isNaN {
        let x = values[k, c] * units[c] - centres[c]
        square += rowWeights[i] * x * x
      }
      let deviation = (square / total).squareRoot()
      scales[c] = deviation > 1e-14 * max(1, abs(centres[c])) ? 1 / deviation : 0
    }
    self.init(models: p, levels: m, usedLevels: usedLevels, units: units, centres: centres, scales: scales, loadings: Matrix(rows: d, columns: 0))
    for (k, i) in rows.enumerated() {
      let root = rowWeights[i].squareRoot()
      for c in 0..<d { values[k, c] = root * standardised(values[k, c], c) }
    }
    let components = PrincipalComponents(of: values, count: limit)
    self.init(models: p, levels: m, usedLevels: usedLevels, units: units, centres: centres, scales: scales, loadings: components.loadings)
  }

  init(models: Int, levels: Int, usedLevels: [Int], units: [Double], centres: [Double], scales: [Double], loadings: Matrix) {
    self.models = models
    self.levels = levels
    self.usedLevels = usedLevels
    self.units = units
    self.centres = centres
    self.scales = scales
    self.loadings = loadings
  }

  /// The first `count` factors.
  func keeping(_ count: Int) -> PredictionFactors {
    var fewer = Matrix(rows: loadings.rows, columns: count)
    for r in 0..<loadings.rows { for c in 0..<count { fewer[r, c] = loadings[r, c] } }
    return PredictionFactors(models: models, levels: levels, usedLevels: usedLevels, units: units, centres: centres, scales: scales, loadings: fewer)
  }

  private func standardised(_ x: Double, _ c: Int) -> Double {
    let z = (x * units[c] - centres[c]) * scales[c]
    return z.isNaN ? 0 : max(-1e100, min(1e100, z))
  }

  /// n × k factors of rows; NaN in rows without any prediction.
  func callAsFunction(_ predictions: BasePredictions) -> Matrix {
    let (p, m, k) = (models, levels, count)
    let filled = FilledPredictions(predictions)
    var result = Matrix(rows: predictions.rows, columns: k)
    predictions.values.withUnsafeBufferPointer { source in
      result.values.withUnsafeMutableBufferPointer { result in
        loadings.values.withUnsafeBufferPointer { loadings in
          withUnsafeTemporaryAllocation(of: Double.self, capacity: p) { x in
            for i in 0..<predictions.rows {
              var present = 0
              for (s, t) in usedLevels.enumerated() {
                present += filled.fill(source.baseAddress! + i * p * m, level: t, into: x.baseAddress!)
                for j in 0..<p {
                  let z = standardised(x[j], s * p + j)
                  for c in 0..<k { result[i * k + c] += z * loadings[(s * p + j) * k + c] }
                }
              }
              if present == 0 && (0..<p * m).allSatisfy({ !source[i * p * m + $0].isFinite }) { for c in 0..<k { result[i * k + c] = .nan } }
            }
          }
        }
      }
    }
    return result
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(levels)
    writer.write(usedLevels)
    writer.write(units)
    writer.write(centres)
    writer.write(scales)
    writer.write(loadings.columns)
    writer.write(loadings.values)
  }

  init(decoding reader: inout ByteReader) throws {
    let models = try reader.readInt()
    let levels = try reader.readInt()
    let usedLevels = try reader.readArray(of: Int.self)
    let units = try reader.readArray(of: Double.self)
    let centres = try reader.readArray(of: Double.self)
    let scales = try reader.readArray(of: Double.self)
    let factors = try reader.readInt()
    let values = try reader.readArray(of: Double.self)
    guard (1..<1_000_000).contains(models), (1..<1_000_000).contains(levels), usedLevels.allSatisfy({ (0..<levels).contains($0) }),
      units.count == models * usedLevels.count, centres.count == units.count, scales.count == units.count,
      (0...units.count).contains(factors), values.count == units.count * factors,
      (units + centres + scales + values).allSatisfy(\.isFinite)
    else { throw ByteReader.damaged }
    self.init(
      models: models, levels: levels, usedLevels: usedLevels, units: units, centres: centres, scales: scales,
      loadings: Matrix(rows: units.count, columns: factors, values: values))
  }
}
