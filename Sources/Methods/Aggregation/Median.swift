import Groundwork
import MethodKit
import Quantiles

/// The median of the models present at each row and level, the mean of the middle two where their number is even.
/// No single model, however wrong, can carry the answer away. O(p²) a value, which for p models is less than a sort.
public struct Median: Aggregator {
  public static let description = MethodDescription(name: "median", summary: "the median of the models, level by level")
  public static let learns = false
  public static let complexity: Int? = 0

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    FittedMedian()
  }

  public static var fitted: any FittedAggregator.Type { FittedMedian.self }
}

struct FittedMedian: FittedAggregator {
  init() {}

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let p = predictions.models.count
    let m = predictions.levels.count
    var result = Matrix(rows: predictions.rows, columns: m)
    var sorted = [Double](repeating: 0, count: p)
    predictions.values.withUnsafeBufferPointer { values in
      sorted.withUnsafeMutableBufferPointer { sorted in
        for i in 0..<predictions.rows {
          for t in 0..<m {
            var present = 0
            for j in 0..<p {
              let v = values[(i * p + j) * m + t]
              if v.isNaN { continue }
              var k = present
              while k > 0, sorted[k - 1] > v {
                sorted[k] = sorted[k - 1]
                k -= 1
              }
              sorted[k] = v
              present += 1
            }
            result.values[i * m + t] = FittedMedian.middle(sorted, present, level: predictions.levels[t])
          }
        }
      }
    }
    return result
  }

  private static func middle(_ sorted: UnsafeMutableBufferPointer<Double>, _ count: Int, level: Double) -> Double {
    if count == 0 { return .nan }
    let low = sorted[(count - 1) / 2]
    let high = sorted[count / 2]
    if low == high { return low }
    if low == -.infinity && high == .infinity { return level < 0.5 ? low : high }
    let sum = low + high
    return sum.isFinite ? sum / 2 : low / 2 + high / 2
  }

  var weights: Matrix? { nil }
  func fits(_ inputs: CombinedInputs) -> Bool { true }
  func encode(into writer: inout ByteWriter) {}

  init(decoding reader: inout ByteReader) {}
  var summary: [(key: String, value: String)] { [] }
}
