import Glibc
import Groundwork

/// Bernstein online aggregation of K numbers (Wintenberger 2017, "Optimal learning with Bernstein online aggregation", §3.3), by gradients.
///
/// With p the weights, x̄ = Σ p_k x_k the answer, g the slope of the loss there and r_k = g (x_k − x̄),
///
///     V_k ← V_k + r_k²,   E ← the power of two that is at least twice every |r| so far,
///     L_k ← L_k + ½ (r_k (1 + η_k r_k) + E [η_k r_k > ½]),
///     η_k ← min(1/E, √(log K/V_k)),   p_k ∝ η_k exp(−η_k L_k),
///
/// the η_k on the second line being those before the row. One E for all experts, rather than one each, makes weights independent of units.
/// O(K) a row.
struct BernsteinAggregation: BinaryCodable, Sendable {
  private var weights: [Double]
  private var rates: [Double]
  private var squares: [Double]
  private var losses: [Double]
  private var range = 0.0

  var experts: Int { weights.count }

  init(experts: Int) {
    weights = [Double](repeating: 1 / Double(experts), count: experts)
    rates = [Double](repeating: 0, count: experts)
    squares = rates
    losses = rates
  }

  /// x̄, which is exactly the number where all are the same, as they are where scores are whole numbers.
  func mean(_ values: UnsafeMutableBufferPointer<Double>) -> Double {
    let first = values[0].isFinite ? values[0] : 0
    var mean = 0.0
    for k in weights.indices where weights[k] > 0 { mean += weights[k] * (values[k] - first) }
    return first + mean
  }

  /// Learns from the slopes of losses at the means of values, added up. Values that are not finite teach nothing.
  mutating func learn(_ rows: [(values: Slice<UnsafeBufferPointer<Double>>, mean: Double, slope: Double)]) {
    let finite = rows.filter { $0.mean.isFinite && $0.values.allSatisfy(\.isFinite) }
    if finite.isEmpty { return }
    let excesses = weights.indices.map { k in finite.reduce(0) { $0 + $1.slope * ($1.values[k] - $1.mean) } }
    var largest = 0.0
    for excess in excesses { largest = max(largest, abs(excess)) }
    if 2 * largest > range { range = largest.binade == largest ? 2 * largest : 4 * largest.binade }
    guard range > 0, range.isFinite else { return }
    let logarithm = log(Double(weights.count))
    var highest = -Double.infinity
    for k in weights.indices {
      let excess = excesses[k]
      let scaled = rates[k] * excess
      losses[k] += (excess * (1 + scaled) + (scaled > 0.5 ? range : 0)) / 2
      squares[k] += excess * excess
      rates[k] = min(1 / range, squares[k] > 0 ? (logarithm / squares[k]).squareRoot() : .infinity)
      highest = max(highest, -rates[k] * losses[k])
    }
    var total = 0.0
    for k in weights.indices {
      weights[k] = rates[k] * exp(-rates[k] * losses[k] - highest)
      total += weights[k]
    }
    for k in weights.indices { weights[k] = total > 0 ? weights[k] / total : 1 / Double(weights.count) }
  }

  func encode(into writer: inout ByteWriter) {
    for values in [weights, rates, squares, losses] { writer.write(values) }
    writer.write(range)
  }

  init(decoding reader: inout ByteReader) throws {
    weights = try reader.readArray(of: Double.self)
    rates = try reader.readArray(of: Double.self)
    squares = try reader.readArray(of: Double.self)
    losses = try reader.readArray(of: Double.self)
    range = try reader.readDouble()
    guard [weights, rates, squares, losses].allSatisfy({ $0.count == weights.count && $0.allSatisfy { !$0.isNaN } }),
      weights.allSatisfy({ $0 >= 0 && $0 <= 1 + 1e-9 }), range >= 0
    else { throw ByteReader.damaged }
  }
}
