import Glibc
import Groundwork
import MethodKit
import Quantiles

/// The linear opinion pool: the answer's distribution function is the mean of the models' (Stone 1961; Lichtendahl, Grushka-Cockayne and
/// Winkler 2013, "Is it better to average probabilities or quantiles?"),
///
///     F(x) = (1/p) Σ_j F_j(x),  q(τ) = inf {x : F(x) ≥ τ}.
///
/// Its variance is no less than that of the average of quantiles: models that disagree make it doubt. A central interval may be narrower: of N(0, 1)
/// and N(0, 100) the 50 % interval is ±1.54, that of the average ±3.71. F_j is what `PiecewiseNormalDistribution` makes of the
/// quantiles that model j gives in a row, sorted where they cross; a level it does not give follows from the others. Where the models have the
/// same quantile at a level, that quantile is the answer, to the last bit.
///
/// A model that gives a single quantile in a row, or no finite one, has no distribution there: it is left out, and where no model has
/// one the answer is the mean, level by level. Cost: O(p·m·(p + log m)) a row.
public struct LinearPool: Aggregator {
  public static let description = MethodDescription(
    name: "pool", summary: "linear opinion pool: the mean of the models' distribution functions, inverted")
  public static let learns = false
  public static let complexity: Int? = 0

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator { FittedLinearPool() }
  public static var fitted: any FittedAggregator.Type { FittedLinearPool.self }
}

struct FittedLinearPool: FittedAggregator {
  init() {}

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let p = predictions.models.count
    let m = predictions.levels.count
    var result = Matrix(rows: predictions.rows, columns: m)
    var pool = Pool(levels: predictions.levels, models: p)
    predictions.values.withUnsafeBufferPointer { values in
      result.values.withUnsafeMutableBufferPointer { result in
        for i in 0..<predictions.rows {
          let row = values.baseAddress! + i * p * m
          let answer = UnsafeMutableBufferPointer(rebasing: result[i * m..<(i + 1) * m])
          if pool.read(row) { pool.invert(into: answer); continue }
          for t in 0..<m { answer[t] = weightedMean(count: p, level: predictions.levels[t], value: { row[$0 * m + t] }, weight: { _ in 1 }) }
        }
      }
    }
    return result
  }

  var weights: Matrix? { nil }
  func fits(_ inputs: CombinedInputs) -> Bool { true }
  func encode(into writer: inout ByteWriter) {}

  init(decoding reader: inout ByteReader) {}
  var summary: [(key: String, value: String)] { [] }
}

/// The pool of one row at a time.
private struct Pool {
  private let levels: [Double]
  private let scores: [Double]
  private var models: [PiecewiseNormalDistribution]
  /// Those of `models` that describe a distribution.
  private var present = 0
  private var hints: [Int]
  /// Quantiles of all models, increasing, each once.
  private var points: [Double] = []

  init(levels: [Double], models: Int) {
    self.levels = levels
    scores = levels.map(NormalDistribution.quantile)
    self.models = [PiecewiseNormalDistribution](repeating: PiecewiseNormalDistribution(), count: models)
    hints = [Int](repeating: 0, count: models)
  }

  /// Takes a row of p × m quantiles. False where no model describes a distribution.
  mutating func read(_ row: UnsafePointer<Double>) -> Bool {
    present = 0
    points.removeAll(keepingCapacity: true)
    for j in models.indices where models[present].read(row + j * levels.count, scores: scores) {
      points += models[present].quantiles
      present += 1
    }
    return present > 0
  }

  mutating func invert(into answer: UnsafeMutableBufferPointer<Double>) {
    for j in hints.indices { hints[j] = 0 }
    points.sort()
    var next = 0
    var last = -Double.infinity
    for t in levels.indices {
      let (low, high) = bracket(scores[t])
      if low == high {
        answer[t] = max(low, last)
      } else {
        // Levels increase, so the first point at or above a level's quantile is never before the last level's.
        while next < points.count, cumulative(points[next]) < levels[t] { next += 1 }
        if next < points.count, cumulative(points[next], fromLeft: true) < levels[t], points[next] >= low, points[next] <= high {
          answer[t] = points[next]
        } else {
          answer[t] = root(
            levels[t], low: next == 0 ? low : max(low, points[next - 1]), high: next == points.count ? high : min(high, points[next]))
        }
        answer[t] = max(answer[t], last)
      }
      last = answer[t]
    }
  }

  /// The least and the largest of the models' quantiles at a normal score: the pool's lies between.
  private func bracket(_ z: Double) -> (low: Double, high: Double) {
    var low = Double.infinity
    var high = -Double.infinity
    for j in 0..<present {
      let q = models[j].quantile(z)
      low = min(low, q)
      high = max(high, q)
    }
    return (low, high)
  }

  private mutating func cumulative(_ x: Double, fromLeft: Bool = false) -> Double {
    var sum = 0.0
    for j in 0..<present { sum += models[j].cumulative(x, fromLeft: fromLeft, hint: &hints[j]) }
    return sum / Double(present)
  }

  /// Where F, continuous between the two, reaches the level: false position with Illinois' weights, bisection where that is slow.
  private mutating func root(_ level: Double, low: Double, high: Double) -> Double {
    var (low, high) = (low, high)
    if low >= high { return high }
    // An infinite end has no interior beside it: F there has its limit already.
    if low == -.infinity { low = -.greatestFiniteMagnitude }
    if high == .infinity { high = .greatestFiniteMagnitude }
    var below = cumulative(low) - level
    var above = cumulative(high, fromLeft: true) - level
    if below >= 0 { return low }
    if above < 0 { return high }
    var side = 0
    for step in 0..<200 {
      let share = below / (below - above)
      var x = step % 8 == 7 || !(share > 0 && share < 1) ? low / 2 + high / 2 : low + share * (high - low)
      if !(x > low && x < high) { x = low / 2 + high / 2 }
      if !(x > low && x < high) || high / 2 - low / 2 <= 1e-16 * max(abs(low), abs(high)) { break }
      let value = cumulative(x) - level
      if abs(value) <= 5e-16 * level { return x }
      if value < 0 {
        (low, below) = (x, value)
        if side == -1 { above /= 2 }
        side = -1
      } else {
        (high, above) = (x, value)
        if side == 1 { below /= 2 }
        side = 1
      }
    }
    return high
  }
}
