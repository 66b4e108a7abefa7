import Quantiles

/// The sum of the pinball losses of all levels, with an output a level.
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
