import Groundwork
import MethodKit
import Quantiles

/// The empirical quantiles of the target (`weightedQuantiles`), the same for every row: the baseline that every skill
/// score divides by. Features are not looked at.
public struct Marginal: Learner {
  public static let description = MethodDescription(
    name: "marginal", summary: "empirical quantiles of the target, whatever the features: the baseline of skill scores")

  public init(settings: Settings) {}

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    let order = try RowWeights.used(training.weights, rows: training.target.count)
      .sorted { training.target[$0] < training.target[$1] }
    return FittedMarginal(
      rows: order.count,
      quantiles: weightedQuantiles(
        sortedValues: order.map { training.target[$0] }, weights: training.weights.map { weights in order.map { weights[$0] } }, levels: levels))
  }

  public static var fitted: any FittedLearner.Type { FittedMarginal.self }
}

struct FittedMarginal: FittedLearner {
  let rows: Int
  let quantiles: [Double]

  var summary: [(key: String, value: String)] { [("rows", "\(rows)")] }

  func predict(_ features: FeatureTable) -> Matrix {
    var answer = Matrix(rows: features.rows, columns: quantiles.count)
    for i in 0..<features.rows {
      answer.values.replaceSubrange(i * quantiles.count..<(i + 1) * quantiles.count, with: quantiles)
    }
    return answer
  }

  func fits(_ features: FeatureTable, levels: [Double]) -> Bool { quantiles.count == levels.count }

  func encode(into writer: inout ByteWriter) {
    writer.write(rows)
    writer.write(quantiles)
  }
}

extension FittedMarginal {
  init(decoding reader: inout ByteReader) throws {
    rows = try reader.readCounter()
    quantiles = try reader.readArray(of: Double.self)
    guard rows >= 1, quantiles.allSatisfy(\.isFinite) else { throw ByteReader.damaged }
  }
}
