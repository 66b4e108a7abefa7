import Glibc
import Groundwork
import MethodKit
import Quantiles

/// What is boosted: coded rows, reduced responses, and the levels.
struct BoostProblem: Sendable {
  let codes: [UInt16]
  let rows: Int
  let columns: Int
  let responses: [Float]
  let weights: [Float]?
  let levels: [Double]
}

/// One sequence of trees, grown on the rows that teach; the held-out rows follow along, to tell when to stop.
final class BoostRun {
  let start: [Float]
  private let problem: BoostProblem
  private let settings: BoostSettings
  private let teaching: [Int32]
  private let held: [Int32]
  private let context: FitContext
  private let grower: HistogramTreeGrower
  /// Level-major quantiles of all rows.
  private var quantiles: [Float]

  init(_ problem: BoostProblem, _ settings: BoostSettings, teaching: [Int32], held: [Int32], context: FitContext) {
    self.problem = problem
    self.settings = settings
    self.teaching = teaching
    self.held = held
    self.context = context
    grower = HistogramTreeGrower(
      codes: problem.codes, rows: problem.rows, columns: problem.columns, weights: problem.weights, limits: settings.limits)
    let order = teaching.map { Int($0) }.sorted { problem.responses[$0] < problem.responses[$1] }
    start = weightedQuantiles(
      sortedValues: order.map { Double(problem.responses[$0]) }, weights: problem.weights.map { w in order.map { Double(w[$0]) } },
      levels: problem.levels
    ).map(Float.init)
    quantiles = start.flatMap { [Float](repeating: $0, count: problem.rows) }
  }

  /// Grows trees, at most `limit`. `best`: with how many of them the held-out loss was least; all where no rows are held out.
  func grow(trees limit: Int? = nil, progress: (Double) -> Void) -> (trees: [BoostedTree], best: Int) {
    let limit = limit ?? settings.trees
    var trees: [BoostedTree] = []
    var best = 0
    var least = held.isEmpty ? 0 : loss(held)
    for t in 0..<limit {
      var random = RandomStream(seed: context.seed, stream: UInt64(t))
      trees.append(step(t, &random))
      if !held.isEmpty {
        let now = loss(held)
        if now < least {
          least = now
          best = t + 1
        }
        if t + 1 - best >= settings.patience { break }
      }
      progress(Double(t + 1) / Double(limit))
    }
    return (trees, held.isEmpty ? trees.count : best)
  }

  /// Mean pinball loss over rows and levels.
  func loss(_ rows: [Int32]) -> Double {
    var sum = 0.0
    var total = 0.0
    for row in rows { total += Double(problem.weights?[Int(row)] ?? 1) }
    for (k, level) in problem.levels.enumerated() {
      let level = Float(level)
      quantiles.withUnsafeBufferPointer { quantiles in
        let q = quantiles.baseAddress! + k * problem.rows
        for row in rows {
          let r = problem.responses[Int(row)] - q[Int(row)]
          sum += Double((problem.weights?[Int(row)] ?? 1) * (r < 0 ? (level - 1) * r : level * r))
        }
      }
    }
    return sum / total / Double(problem.levels.count)
  }

  private func step(_ t: Int, _ random: inout RandomStream) -> BoostedTree {
    var sample = teaching
    if settings.sample < 1 {
      var wanted = max(1, Int((settings.sample * Double(teaching.count)).rounded()))
      sample = []
      sample.reserveCapacity(wanted)
      for (i, row) in teaching.enumerated() where random.below(teaching.count - i) < wanted {
        sample.append(row)
        wanted -= 1
      }
    }
    var active = Array(0..<problem.columns)
    let some = max(1, Int((settings.columns * Double(problem.columns)).rounded()))
    if some < problem.columns {
      random.shuffle(&active)
      active = active[..<some].sorted()
    }
    let grown = grower.grow(signal: signal(t, &random), sample: sample, active: active)
    let leaves = grown.tree.leafCount
    let width = problem.levels.count
    let rows = problem.rows
    var leafOf = [Int32](repeating: 0, count: rows)
    if leaves > 1 {
      problem.codes.withUnsafeBufferPointer { codes in
        leafOf.withUnsafeMutableBufferPointer {
          grown.tree.findLeaves(codes: codes.baseAddress!, rows: rows, columns: problem.columns, into: $0.baseAddress!)
        }
      }
    }
    var steps = [Float](repeating: 0, count: leaves * width)
    let threads = rows * width > 100_000 ? context.threads : 1
    steps.withDisjointSlots { steps in
      quantiles.withDisjointSlots { all in
        parallelFor(width, threads: threads) { [problem, settings, leafOf] k in
          let q = all[k * rows..<(k + 1) * rows]
          let ofLevel = problem.leafSteps(grown, level: problem.levels[k], UnsafeBufferPointer(q), settings)
          for leaf in 0..<leaves { steps[leaf * width + k] = ofLevel[leaf] }
          leafOf.withUnsafeBufferPointer { leafOf in
            ofLevel.withUnsafeBufferPointer { ofLevel in for i in 0..<rows { q[i] += ofLevel[Int(leafOf[i])] } }
          }
        }
      }
    }
    return BoostedTree(tree: grown.tree, steps: steps)
  }

  /// What tree t fits: one signal for all levels. With q_k(x_i) the current quantiles and r_i = y_i − mean_k q_k(x_i),
  /// turns are taken by
  ///
  /// - −Σ_k ∂ψ_k/∂q_k, the gradient of moving all levels together, which bends to no outlier;
  /// - r_i cut at three times its mean size, which tells near from far and so finds structure sooner where noise is small;
  /// - every third tree −∂ψ_k/∂q_k of one level k drawn at random, which finds structure that this level alone has (random
  ///   sampling of outputs: Iosipoi, Vakhrushev 2022, "SketchBoost").
  private func signal(_ t: Int, _ random: inout RandomStream) -> [Float] {
    let rows = problem.rows
    let levels = problem.levels
    let oneLevel = t % 3 == 2
    let gradient = oneLevel || t % 2 == 0
    let drawn = random.below(levels.count)
    var signal = [Float](repeating: 0, count: rows)
    quantiles.withUnsafeBufferPointer { quantiles in
      problem.responses.withUnsafeBufferPointer { y in
        signal.withUnsafeMutableBufferPointer { signal in
          for k in oneLevel ? drawn..<drawn + 1 : levels.indices {
            let q = quantiles.baseAddress! + k * rows
            if gradient {
              let above = Float(levels[k])
              let below = Float(levels[k] - 1)
              for i in 0..<rows { signal[i] += y[i] < q[i] ? below : above }
            } else {
              let share = 1 / Float(levels.count)
              for i in 0..<rows { signal[i] += share * (y[i] - q[i]) }
            }
          }
          guard !gradient else { return }
          var size: Float = 0
          for i in teaching { size += abs(signal[Int(i)]) }
          let most = 3 * size / Float(teaching.count)
          for i in 0..<rows { signal[i] = max(-most, min(most, signal[i])) }
        }
      }
    }
    return signal
  }
}

extension BoostProblem {
  /// What each leaf adds to the quantiles `q` of all rows at one level.
  fileprivate func leafSteps(
    _ grown: HistogramTreeGrower.Grown, level: Double, _ q: UnsafeBufferPointer<Float>, _ settings: BoostSettings
  ) -> [Float] {
    let largest = zip(grown.starts, grown.starts.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) }
    let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, largest))
    defer { memory.deallocate() }
    return (0..<grown.tree.leafCount).map { leaf in
      let members = grown.starts[leaf]..<grown.starts[leaf + 1]
      if let weights = weights {
        let residuals = grown.rows[members].map { (residual: responses[Int($0)] - q[Int($0)], weight: weights[Int($0)]) }
        return settings.rate * cautiousQuantile(residuals, level: level, caution: settings.caution)
      }
      responses.withUnsafeBufferPointer { responses in
        grown.rows.withUnsafeBufferPointer { rows in
          var next = memory
          for i in members {
            let row = Int(rows[i])
            next.pointee = responses[row] - q[row]
            next += 1
          }
        }
      }
      let residuals = UnsafeMutableBufferPointer(start: memory, count: members.count)
      return settings.rate * cautiousQuantile(residuals, level: level, caution: settings.caution)
    }
  }
}
