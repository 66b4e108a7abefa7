import Glibc
import Groundwork
import Methods
import Quantiles

/// A normal distribution whose mean and spread are networks of the features (Nix and Weigend 1994): q_τ(x) = μ(x) + σ(x)·Φ⁻¹(τ).
///
/// Trained on the negative log-likelihood log σ + (y − μ)² / 2σ², each row's derivative times σ^2β with β = ½, which keeps rows of large spread
/// in play (Seitzer, Tavakoli, Antic, Martius 2022, "On the pitfalls of heteroscedastic uncertainty estimation", ICLR).
public struct GaussianNetwork: Learner {
  public static let description = MethodDescription(
    name: "cgn", summary: "network that gives the mean and the spread of a normal distribution", settings: NetworkTraining.settings)

  private let plan: NetworkTraining

  public init(settings: Settings) { plan = NetworkTraining(settings) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try fitNetworks(plan, .gaussian, training, levels: levels, GaussianObjective(), context: context)
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedLearner { try FittedNetworks.decode(&reader) }
}

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
    for (level, score) in zip(Levels.hub, GaussianObjective.scores) { sum += pinballLoss(level: level, target: Double(row.target), quantile: mean + spread * score) }
    return sum / Double(Levels.hub.count)
  }
}
