import Groundwork
import Quantiles

/// How a level enters: as 2√3·(τ − ½), which has variance 1, and as its normal score, in which normal quantiles are linear.
package enum LevelInput {
  package static let count = 2

  package static func write(_ level: Double, to extras: UnsafeMutablePointer<Float>) {
    extras[0] = Float(3.4641016 * (level - 0.5))
    extras[1] = Float(max(-4, min(4, NormalDistribution.quantile(level))))
  }

  package static func level(_ extras: UnsafePointer<Float>) -> Double { Double(extras[0]) / 3.4641016 + 0.5 }
}

package struct LevelInputObjective: NetworkObjective {
  package init() {}

  package var outputs: Int { 1 }
  package var extraInputs: Int { LevelInput.count }
  package var judgements: Int { 5 }

  package func startingBiases(_ rows: NetworkTraining.Rows, training: [Int]) -> [Float] {
    [training.map { rows.target[$0] }.sorted()[(training.count - 1) / 2]]
  }

  package func drawExtras(_ extras: UnsafeMutablePointer<Float>, _ random: inout RandomStream) {
    LevelInput.write(0.002 + 0.996 * random.uniform(), to: extras)
  }

  /// Multiples of the golden ratio spread the levels evenly over the rows.
  package func judgedExtras(row: Int, _ k: Int, _ extras: UnsafeMutablePointer<Float>) {
    let point = Double(row * judgements + k) * 0.6180339887498949
    LevelInput.write(0.005 + 0.99 * (point - point.rounded(.down)), to: extras)
  }

  package func gradient(_ row: NetworkRow, outputs: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>, _ workspace: Void) {
    let level = Float(LevelInput.level(row.extras))
    gradient[0] = row.target >= outputs[0] ? -level : 1 - level
  }

  package func judge(_ row: NetworkRow, outputs: UnsafePointer<Float>, _ workspace: Void) -> Double {
    pinballLoss(level: LevelInput.level(row.extras), target: Double(row.target), quantile: Double(outputs[0]))
  }
}
