import Aggregation
import Glibc
import Groundwork
import Learners
import NetworkModels
import Quantiles
import Testing

/// The loss of local weights against a plain version in double precision.
@Suite struct MixtureObjectiveTests {
  struct Example: CustomTestStringConvertible {
    let name: String
    var levels = 9
    var knots = 4
    var offsets: [Double] = [0]
    var shifts = false
    var missing = false
    var control = CrossingControl.none
    var testDescription: String { name }
  }

  static let examples = [
    Example(name: "coarse", knots: 1), Example(name: "knots"), Example(name: "a knot a level", knots: 0),
    Example(name: "fine in offsets", offsets: [-0.4, -0.1, 0, 0.1, 0.4]), Example(name: "fine, every level", knots: 0, offsets: []),
    Example(name: "fine, every level, knots", offsets: []), Example(name: "one level", levels: 1, offsets: [-0.1, 0, 0.1]),
    Example(name: "two levels", levels: 2, offsets: []), Example(name: "shift", shifts: true),
    Example(name: "missing models", offsets: [-0.2, 0, 0.2], missing: true),
    Example(name: "missing models, every level", knots: 0, offsets: [], missing: true),
    Example(name: "penalty", control: .penalty(weight: 0.7, margin: 0)),
    Example(name: "penalty with a margin", knots: 0, control: .penalty(weight: 2, margin: 0.3)),
    Example(name: "adaptive penalty", shifts: true, control: .adaptivePenalty(weight: 1, margins: (0..<9).map { 0.1 * Float($0 * $0) / 9 })),
    Example(name: "sort", control: .isotonic(.sort)), Example(name: "pava", offsets: [-0.2, 0, 0.2], control: .isotonic(.pava)),
    Example(name: "minmax", missing: true, control: .isotonic(.minmax)),
  ]

  /// One row of three models and what a network might put out.
  private struct Row {
    let example: Example
    let levels: [Double]
    let target: Double
    /// p × m, centred and scaled.
    let values: [[Double]]
    let unit: Double

    private func score(_ t: Int) -> Double { NormalDistribution.quantile(levels[t]) }

    /// x at t of the line through (a, x_a) and (b, x_b) in the normal score.
    private func line(_ z: Double, _ a: Int, _ b: Int, _ x: (Int) -> Double) -> Double {
      x(a) + (z - score(a)) / (score(b) - score(a)) * (x(b) - x(a))
    }

    /// The base quantile of model j that place o mixes into level t.
    private func source(_ j: Int, _ o: Int, _ t: Int) -> Double {
      if example.offsets.isEmpty { return values[j][o] }
      let offset = example.offsets[o]
      if offset == 0 || levels.count == 1 { return values[j][t] }
      let z = score(t) + offset
      let above = (1..<levels.count).first { score($0) > z } ?? levels.count - 1
      return line(z, above - 1, above) { values[j][$0] }
    }

    func quantiles(_ shape: MixtureShape, _ outputs: [Double]) -> [Double] {
      let K = shape.knots.count
      return levels.indices.map { t in
        var sum = 0.0
        var total = 0.0
        for s in 0..<shape.sources {
          let value = source(s / shape.places, s % shape.places, t)
          if value.isNaN { continue }
          func logit(_ k: Int) -> Double { outputs[s * K + k] }
          let above = shape.knots.firstIndex { $0 >= t } ?? K - 1
          let own: Double =
            if K == 1 || shape.knots[above] == t {
              logit(above)
            } else {
              logit(above - 1) + (score(t) - score(shape.knots[above - 1])) / (score(shape.knots[above]) - score(shape.knots[above - 1]))
                * (logit(above) - logit(above - 1))
            }
          sum += exp(own) * value
          total += exp(own)
        }
        return sum / total + (shape.shifts ? outputs[shape.logits] * unit : 0)
      }
    }

    func pinball(_ q: [Double]) -> Double {
      levels.indices.reduce(0) { $0 + pinballLoss(level: levels[$1], target: target, quantile: q[$1]) } / Double(levels.count)
    }

    func loss(_ shape: MixtureShape, _ outputs: [Double]) -> Double {
      let q = quantiles(shape, outputs)
      func penalty(_ margin: (Int, Int) -> Double) -> Double {
        var sum = 0.0
        for u in q.indices { for t in 0..<u { sum += max(0, q[t] - q[u] + margin(t, u)) } }
        return sum / Double(q.count)
      }
      switch example.control {
      case .none: return pinball(q)
      case .penalty(let weight, let margin): return pinball(q) + Double(weight) * penalty { _, _ in Double(margin) }
      case .adaptivePenalty(let weight, let margins): return pinball(q) + Double(weight) * penalty { Double(margins[$1]) - Double(margins[$0]) }
      case .isotonic(let operation): return pinball(operation.applied(to: q, anchor: Isotonic.anchor(levels)))
      }
    }
  }

  /// Central differences of the plain loss err by some 1e-9, the gradients in floats by some 1e-6 of the numbers in them.
  @Test(arguments: examples)
  func gradientsAreThoseOfFiniteDifferences(_ example: Example) {
    let (p, m, n) = (3, example.levels, 12)
    var random = RandomStream(seed: 5)
    let levels = (1...m).map { Double($0) / Double(m + 1) }
    // Their quantiles cross.
    var values = (0..<n * p * m).map { k in 50 + 4 * NormalDistribution.quantile(levels[k % m]) + 6 * (random.uniform() - 0.5) }
    if example.missing {
      for i in stride(from: 0, to: n, by: 2) {
        for t in 0..<m { values[(i * p + i / 2 % p) * m + t] = .nan }
        values[(i * p + (i / 2 + 1) % p) * m + m / 2] = .nan
      }
    }
    let target = (0..<n).map { _ in 50 + 10 * (random.uniform() - 0.5) }
    let predictions = predictions(levels, rows: n, models: p, values)
    let seen = PredictionFeatures(predictions)
    let shape = MixtureShape(models: p, levels: levels, knots: example.knots, offsets: example.offsets, shifts: example.shifts)
    let scale = 3.0
    let objective = MixtureObjective(
      shape: shape, control: example.control, rows: MixtureRows(predictions, seen, shape, scale: scale),
      biases: [Float](repeating: 0, count: shape.outputs))
    let space = objective.workspace()
    for i in 0..<n {
      let row = Row(
        example: example, levels: levels, target: (target[i] - seen.centres[i]) / scale,
        values: (0..<p).map { j in (0..<m).map { (values[(i * p + j) * m + $0] - seen.centres[i]) / scale } }, unit: seen.widths[i] / scale)
      let outputs = (0..<shape.outputs).map { _ in Float(2 * random.uniform() - 1) }
      var gradient = [Float](repeating: .nan, count: shape.outputs)
      withUnsafePointer(to: Float(0)) { nothing in
        let networkRow = NetworkRow(index: i, target: Float(row.target), extras: nothing)
        objective.gradient(networkRow, outputs: outputs, into: &gradient, space)
        #expect(abs(objective.judge(networkRow, outputs: outputs, space) - row.pinball(row.quantiles(shape, outputs.map(Double.init)))) < 2e-5)
      }
      for k in outputs.indices {
        var (up, down) = (outputs.map(Double.init), outputs.map(Double.init))
        up[k] += 1e-6
        down[k] -= 1e-6
        let difference = (row.loss(shape, up) - row.loss(shape, down)) / 2e-6
        #expect(abs(Double(gradient[k]) - difference) < 2e-5 * (1 + abs(difference)), "row \(i), output \(k)")
      }
    }
  }
}
