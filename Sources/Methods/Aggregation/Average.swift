import Groundwork
import MethodKit
import Quantiles

/// The mean of the models present at each row and level: Vincent's average of quantile functions with equal weights
/// (Vincent 1912; Ratcliff 1979). For a location-scale family the answer is of that family.
public struct Average: Aggregator {
  public static let description = MethodDescription(name: "average", summary: "the mean of the models, level by level")
  public static let learns = false
  public static let complexity: Int? = 0

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    FittedAverage(training.predictions)
  }

  public static var fitted: any FittedAggregator.Type { FittedAverage.self }
}

struct FittedAverage: FittedAggregator {
  let models: Int
  let levels: Int

  init(_ predictions: BasePredictions) {
    models = predictions.models.count
    levels = predictions.levels.count
  }

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let p = predictions.models.count
    let m = predictions.levels.count
    var result = Matrix(rows: predictions.rows, columns: m)
    predictions.values.withUnsafeBufferPointer { values in
      for i in 0..<predictions.rows {
        for t in 0..<m {
          result.values[i * m + t] = mean(count: p, level: predictions.levels[t]) { values[(i * p + $0) * m + t] }
        }
      }
    }
    return result
  }

  /// Equal values give that value exactly, which 1/p for each would not.
  @inline(__always) private func mean(count: Int, level: Double, _ value: (Int) -> Double) -> Double {
    var sum = 0.0
    var present = 0
    for j in 0..<count {
      let v = value(j)
      if v.isNaN { continue }
      sum += v
      present += 1
    }
    if present == 0 { return .nan }
    return sum.isFinite ? sum / Double(present) : weightedMean(count: count, level: level, value: value, weight: { _ in 1 })
  }

  var weights: Matrix? { Matrix(rows: models, columns: levels, repeating: 1 / Double(models)) }

  func fits(_ inputs: CombinedInputs) -> Bool { models == inputs.models.count && levels == inputs.levels.count }

  func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(levels)
  }

  init(decoding reader: inout ByteReader) throws {
    models = try reader.readInt()
    levels = try reader.readInt()
    guard (1..<1_000_000).contains(models), (1..<1_000_000).contains(levels) else { throw ByteReader.damaged }
  }

  var summary: [(key: String, value: String)] { [("models", "\(models)")] }
}
