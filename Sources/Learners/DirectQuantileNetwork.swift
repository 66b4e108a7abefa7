import Groundwork
import Methods
import Quantiles

/// One network with an output a level, trained on the sum of the pinball losses of all levels; the quantiles of each network are put in increasing
/// order before networks are averaged, so that no two cross.
public struct DirectQuantileNetwork: Learner {
  public static let description = MethodDescription(
    name: "dqr", summary: "network that gives the quantiles of all levels at once", settings: NetworkTraining.settings)

  private let plan: NetworkTraining

  public init(settings: Settings) { plan = NetworkTraining(settings) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    try fitNetworks(plan, .levels, training, levels: levels, DirectObjective(levels: levels), context: context)
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedLearner { try FittedNetworks.decode(&reader) }
}

package struct DirectObjective: NetworkObjective {
  package let levels: [Double]
  private let below: [Float]

  package init(levels: [Double]) {
    self.levels = levels
    below = levels.map { -Float($0) / Float(levels.count) }
  }

  package var outputs: Int { levels.count }

  package func startingBiases(_ rows: NetworkTraining.Rows, training: [Int]) -> [Float] {
    let sortedTarget = training.map { rows.target[$0] }.sorted()
    return levels.map { sortedTarget[Int($0 * Double(sortedTarget.count - 1))] }
  }

  package func gradient(_ row: NetworkRow, outputs: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>, _ workspace: Void) {
    let share = 1 / Float(below.count)
    below.withUnsafeBufferPointer { below in
      for t in 0..<below.count { gradient[t] = row.target >= outputs[t] ? below[t] : below[t] + share }
    }
  }

  package func judge(_ row: NetworkRow, outputs: UnsafePointer<Float>, _ workspace: Void) -> Double {
    var sum = 0.0
    for t in levels.indices { sum += pinballLoss(level: levels[t], target: Double(row.target), quantile: Double(outputs[t])) }
    return sum / Double(levels.count)
  }
}
