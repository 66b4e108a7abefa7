import Glibc
import Quantiles

/// The linear pool of one row at a time, with weights of its models or with equal ones. One for each thread.
final class PooledDistributions {
  private let levels: [Double]
  private let scores: [Double]
  /// Memory of the models' quantiles, of their scores, and of `points`.
  private var memory = UnsafeMutablePointer<Double>.allocate(capacity: 1)
  private var models: [PiecewiseNormalDistribution] = []
  private var weights: [Double] = []
  private var total = 0.0
  /// Those of `models` that describe a distribution and have a weight.
  private var present = 0
  private var hints: [Int] = []
  /// Quantiles of all models, increasing.
  private var points: UnsafeMutableBufferPointer<Double>
  private var pointCount = 0

  /// A model with less than this share of the largest weight has no say.
  private static let leastShare = 1e-9

  init(levels: [Double]) {
    self.levels = levels
    scores = levels.map(NormalDistribution.quantile)
    points = UnsafeMutableBufferPointer(start: memory, count: 0)
  }

  deinit { memory.deallocate() }

  private func makeRoom(models count: Int) {
    let size = count * levels.count
    memory.deallocate()
    memory = .allocate(capacity: max(1, 3 * size))
    memory.initialize(repeating: 0, count: 3 * size)
    models = (0..<count).map { j in
      PiecewiseNormalDistribution(quantiles: memory + j * levels.count, scores: memory + size + j * levels.count)
    }
    points = UnsafeMutableBufferPointer(start: memory + 2 * size, count: size)
    hints = [Int](repeating: 0, count: count)
    weights = [Double](repeating: 1, count: count)
  }

  /// Takes a row of p × m quantiles. False where no model describes a distribution.
  func read(_ row: UnsafePointer<Double>, models count: Int, weights given: [Double]? = nil) -> Bool {
    if models.count < count { makeRoom(models: count) }
    (present, total, pointCount) = (0, 0, 0)
    let least = PooledDistributions.leastShare * (given?.max() ?? 0)
    for j in 0..<count {
      let weight = given?[j] ?? 1
      guard weight > least || given == nil, scores.withUnsafeBufferPointer({ models[present].read(row + j * levels.count, scores: $0) }) else {
        continue
      }
      for k in 0..<models[present].count { points[pointCount + k] = models[present].quantiles[k] }
      pointCount += models[present].count
      weights[present] = weight
      total += weight
      present += 1
    }
    return present > 0
  }

  func invert(into answer: UnsafeMutableBufferPointer<Double>) {
    for j in hints.indices { hints[j] = 0 }
    var points = UnsafeMutableBufferPointer(rebasing: self.points[..<pointCount])
    points.sort()
    var next = 0
    var last = -Double.infinity
    for t in levels.indices {
      let (low, high) = bracket(scores[t])
      if low == high {
        answer[t] = max(low, last)
      } else {
        // Levels increase, so the first point at or above a level's quantile is never before the last level's.
        next = firstPoint(reaching: levels[t], from: next, in: points)
        if next < points.count, points[next] >= low, points[next] <= high, cumulative(points[next], fromLeft: true) < levels[t] {
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

  /// The first point, not before one, where F reaches a level: in steps that double, then by halves.
  private func firstPoint(reaching level: Double, from start: Int, in points: UnsafeMutableBufferPointer<Double>) -> Int {
    var (low, high, step) = (start, start, 1)
    while high < points.count, cumulative(points[high]) < level {
      low = high + 1
      high += step
      step *= 2
    }
    high = min(high, points.count)
    while low < high {
      let middle = (low + high) / 2
      if cumulative(points[middle]) < level { low = middle + 1 } else { high = middle }
    }
    return low
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

  private func cumulative(_ x: Double, fromLeft: Bool = false) -> Double {
    var sum = 0.0
    models.withUnsafeBufferPointer { models in
      weights.withUnsafeBufferPointer { weights in
        hints.withUnsafeMutableBufferPointer { hints in
          for j in 0..<present { sum += weights[j] * models[j].cumulative(x, fromLeft: fromLeft, hint: &hints[j]) }
        }
      }
    }
    return sum / total
  }

  /// Where F, continuous between the two, reaches the level: false position with Illinois' weights, bisection where that is slow.
  private func root(_ level: Double, low: Double, high: Double) -> Double {
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
