/// Mean pinball loss over the levels, (1/m) Σ_τ ψ_τ(y − q_τ), in units of y (Koenker and Bassett 1978): half of `wis`.
/// O(m) a row.
public struct MeanPinballLoss: Score {
  public static let description = ScoreDescription(
    name: "pinball", summary: "pinball loss, mean over levels", direction: .less,
    lines: [.init([("pinball", .target)], "pinball loss, mean over levels: wis / 2")])

  private let levels: [Double]

  public let columns = ["pinball"]

  public init(levels: [Double], intervals: [Interval]) { self.levels = levels }

  public func evaluate(quantiles: UnsafePointer<Double>, target: Double, into values: UnsafeMutablePointer<Double>) {
    values[0] = pinballSum(levels: levels, quantiles: quantiles, target: target) / Double(levels.count)
  }
}
