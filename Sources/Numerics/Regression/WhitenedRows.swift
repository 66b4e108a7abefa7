/// Rows of a regression in coordinates where the columns are orthonormal up to √n: Q = √n · X R⁻¹, y scaled by a power of two.
/// Row norms are then leverages, no column is badly scaled, and least squares is one product.
package struct WhitenedRows {
  let rows: Int
  let columns: Int
  /// n × p, row-major.
  var design: [Double]
  var target: [Double]
  var weight: [Double]
  /// Euclidean norm of each row of `design`.
  var norm: [Double]

  package init(columns: Int, design: [Double], target: [Double], weight: [Double]) {
    rows = target.count
    self.columns = columns
    self.design = design
    self.target = target
    self.weight = weight
    norm = [Double](repeating: 0, count: rows)
    for i in 0..<rows {
      var square = 0.0
      for c in 0..<columns { square += design[i * columns + c] * design[i * columns + c] }
      norm[i] = square.squareRoot()
    }
  }

  /// These rows, with weights multiplied.
  func selecting(_ picked: [(row: Int, factor: Double)]) -> WhitenedRows {
    var part = [Double](repeating: 0, count: picked.count * columns)
    for (k, pick) in picked.enumerated() {
      for c in 0..<columns { part[k * columns + c] = design[pick.row * columns + c] }
    }
    return WhitenedRows(
      columns: columns, design: part, target: picked.map { target[$0.row] }, weight: picked.map { weight[$0.row] * $0.factor })
  }

  var meanWeight: Double { weight.reduce(0, +) / Double(rows) }
}
