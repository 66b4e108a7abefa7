import Glibc
import Quantiles

/// Outputs μ and s with σ = floor + exp(s), s held in a range where nothing overflows.
package struct GaussianObjective: NetworkObjective {
  package init() {}

  package var outputs: Int { 2 }

  /// Standard deviations of the target; a smaller spread would let one row outweigh all others.
  static let floor = 1e-3
  private static let scores = Levels.hub.map(NormalDistribution.quantile)

  package static func spread(_ s: Double) -> Double { floor + exp(max(-20, min(20, s))) }

  package func startingBiases(_ rows: NetworkTraining.Rows, training: [Int]) -> [Float] { [0, 0] }

  package func gradient(_ row: NetworkRow, outputs: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>, _ workspace: Void) {
    let s = Double(outputs[1])
    let spread = GaussianObjective.spread(s)
    let z = (Double(row.target) - Double(outputs[0])) / spread
    // d/dμ = −z/σ and d/dσ = (1 − z²)/σ, times σ^(2β) = σ.
    gradient[0] = Float(-z)
    gradient[1] = Float((1 - z * z) * (spread - GaussianObjective.floor))
  }

  package func judge(_ row: NetworkRow, outputs: UnsafePointer<Float>, _ workspace: Void) -> Double {
    let (mean, spread) = (Double(outputs[0]), GaussianObjective.spread(Double(outputs[1])))
    var sum = 0.0
    for (level, score) in zip(Levels.hub, GaussianObjective.scores) {
      sum += pinballLoss(level: level, target: Double(row.target), quantile: mean + spread * score)
    }
    return sum / Double(Levels.hub.count)
  }
}
