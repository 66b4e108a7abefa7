import Glibc
import Quantiles

/// The linear pool of one row at a time, with weights of its models or with equal ones.
struct PooledDistributions {
  private let levels: [Double]
  private let scores: [Double]
  private var models: [PiecewiseNormalDistribution] = []
  private var weights: [Double] = []
  private var total = 0.0
  /// Those of `models` that describe a distribution and have a weight.
  private var present = 0
  private var hints: [Int] = []
  /// Quantiles of all models, increasing, each once.
  private var points: [Double] = []

  /// A model with less than this share of the largest weight has no say.
  private static let leastShare = 1e-9

  init(levels: [Double]) {
    self.levels = levels
    scores = levels.map(NormalDistribution.quantile)
  }

  /// Takes a row of p × m quantiles. False where no model describes a distribution.
  mutating func read(_ row: UnsafePointer<Double>, models count: Int, weights given: [Double]? = nil) -> Bool {
    while models.count < count {
      models.append(PiecewiseNormalDistribution())
      hints.append(0)
      weights.append(1)
    }
    (present, total) = (0, 0)
    points.removeAll(keepingCapacity: true)
    let least = PooledDistributions.leastShare * (given?.max() ?? 0)
    for j in 0..<count {
      let weight = given?[j] ?? 1
      guard weight > least || given == nil, models[present].read(row + j * levels.count, scores: scores) else { continue }
      points += models[present].quantiles
      weights[present] = weight
      total += weight
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
    for j in 0..<present { sum += weights[j] * models[j].cumulative(x, fromLeft: fromLeft, hint: &hints[j]) }
    return sum / total
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
