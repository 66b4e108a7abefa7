import Groundwork
import Quantiles

/// Scores with weights, and their conformal quantile for a row of any weight (Tibshirani, Barber, Candès, Ramdas 2019, "Conformal
/// Prediction Under Covariate Shift", §2.2, eq. 8).
///
/// The row to be answered puts its own weight w at +∞: for coverage 1 − α
///
///     Q(w) = inf { q : Σ w_i [E_i ≤ q] ≥ (1 − α) (Σ w_i + w) },
///
/// +∞ where no q is enough. Equal weights give the rank ⌈(1 − α)(n + 1)⌉ of split conformal prediction, and only ratios of weights
/// matter. With w_i the likelihood ratio of the rows to be answered to the rows that taught, the coverage is at least 1 − α; with
/// weights that do not depend on the data it falls short by at most their share of the drift (Barber, Candès, Ramdas, Tibshirani
/// 2023, "Conformal prediction beyond exchangeability", Theorem 2).
struct WeightedScores: BinaryCodable, Sendable {
  /// Increasing, each once.
  private let scores: [Double]
  /// Weight of all scores up to each.
  private let cumulative: [Double]
  /// Rows that had a score and a weight above zero.
  let rows: Int
  /// A power of two that brings weights near 1, so that sums of the largest do not overflow; and that for rows to be answered.
  private let scale: Double
  private let rowScale: Double

  private struct Entry {
    let score: Double
    let weight: Double
  }

  /// Scores that are NaN are left out. O(n log n).
  init(_ values: [Double], weights: [Double], unit: Double = 1) {
    var entries = values.indices.filter { !values[$0].isNaN && weights[$0] > 0 }.map { Entry(score: values[$0] + 0, weight: weights[$0]) }
    // By weight among equals, so that sums of weights do not depend on the order of rows.
    entries.sort { $0.score < $1.score || $0.score == $1.score && $0.weight < $1.weight }
    var scores: [Double] = []
    var cumulative: [Double] = []
    var total = 0.0
    scale = PowerOfTwo.inverseWhereExtreme(of: entries.reduce(0) { max($0, $1.weight) })
    rowScale = scale * unit
    for entry in entries {
      total += entry.weight * scale
      if scores.last == entry.score {
        cumulative[cumulative.count - 1] = total
      } else {
        scores.append(entry.score)
        cumulative.append(total)
      }
    }
    self.scores = scores
    self.cumulative = cumulative
    rows = entries.count
  }

  /// Q(w), with a score of some weight taken out where `removed` tells one. O(log n).
  func threshold(coverage: Level, weight: Double, removed: (score: Double, weight: Double)? = nil) -> Double {
    let first =
      removed.map { removed in removed.score.isNaN ? scores.count : partitionPoint(0..<scores.count) { scores[$0] >= removed.score } } ?? scores.count
    let less = first < scores.count ? removed!.weight * scale : 0
    let total = max(0, (cumulative.last ?? 0) - less) + weight * rowScale
    guard total > 0 else { return .infinity }
    // Both sides in units of 10⁻⁹, which are whole numbers where weights are. Sums of other weights are rounded, and an exact tie
    // must not depend on that: coverage gives way by 10⁻¹² at most.
    let needed = Double(coverage.key) * total * (1 - 1e-12)
    let one = Double(Level.one)
    let k = partitionPoint(0..<scores.count) { (cumulative[$0] - ($0 >= first ? less : 0)) * one >= needed }
    return k < scores.count ? scores[k] : .infinity
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(scores)
    writer.write(cumulative)
    writer.write(rows)
    writer.write(rowScale)
  }

  init(decoding reader: inout ByteReader) throws {
    scores = try reader.readArray(of: Double.self)
    cumulative = try reader.readArray(of: Double.self)
    rows = try reader.readCounter()
    rowScale = try reader.readDouble()
    scale = rowScale
    guard scale > 0, scale.isFinite, scores.count == cumulative.count, rows >= scores.count, zip(scores, scores.dropFirst()).allSatisfy({ $0 < $1 }),
      scores.allSatisfy({ !$0.isNaN }),
      cumulative.allSatisfy({ $0 >= 0 && $0.isFinite }), zip(cumulative, cumulative.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw ByteReader.damaged }
  }
}
