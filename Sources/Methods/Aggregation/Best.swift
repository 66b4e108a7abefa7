import Groundwork
import MethodKit
import Quantiles

/// The single model with the lowest mean weighted interval score on the training rows.
///
/// Models that miss some rows or levels are compared by their mean *regret*: at each term (row, level) a model predicts,
/// its pinball loss less the smallest loss any model has there, so that skipping hard rows gains nothing. Where nothing is
/// missing this is the order of the mean score itself. A model that predicts fewer than half of the terms that the
/// fullest model predicts ranks behind all that do. Ties go to the earlier model.
///
/// Each row and level is answered by the first model of that order that predicts it. Cost: O(n·p·m).
public struct Best: Aggregator {
  public static let description = MethodDescription(
    name: "best", summary: "the one model with the lowest weighted interval score in training")
  public static let learns = true
  public static let complexity: Int? = 10

  public init(settings: Settings) {}

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let models = training.predictions.models
    let losses = TrainingLosses(training, rowWeights: try training.normalisedWeights(), threads: context.threads)
    guard losses.anyTerms > 0 else { throw noPredictions }
    let fullest = losses.terms.max() ?? 0
    let isSparse = losses.terms.map { 2 * $0 < fullest }
    let order = models.indices.sorted {
      if isSparse[$0] != isSparse[$1] { return isSparse[$1] }
      let (a, b) = (losses.meanRegret($0), losses.meanRegret($1))
      return a != b ? a < b : $0 < $1
    }
    let sparse = models.indices.filter { isSparse[$0] }.map { models[$0] }
    if !sparse.isEmpty {
      context.warn("used only where the others predict nothing, as fewer than half as many rows have predictions: \(context.list(sparse))")
    }
    let score = 2 * losses.meanLoss(order[0]) / errorUnit
    context.note("best: \(models[order[0]]), weighted interval score \(score) on its \(losses.terms[order[0]]) training terms")
    return FittedBest(models: models, levels: training.predictions.levels.count, order: order, score: score)
  }

  public static var fitted: any FittedAggregator.Type { FittedBest.self }
}

struct FittedBest: FittedAggregator {
  let models: [String]
  let levels: Int
  /// Model indices, best first.
  let order: [Int]
  /// Mean weighted interval score of the best in training.
  let score: Double

  func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let p = predictions.models.count
    let m = predictions.levels.count
    let position = Dictionary(predictions.models.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    let ranked = order.compactMap { position[models[$0]] }
    let unknown = predictions.models.indices.filter { !ranked.contains($0) }
    let columns = ranked + unknown
    var result = Matrix(rows: predictions.rows, columns: m, repeating: .nan)
    predictions.values.withUnsafeBufferPointer { values in
      for i in 0..<predictions.rows {
        for t in 0..<m {
          for j in columns where !values[(i * p + j) * m + t].isNaN {
            result.values[i * m + t] = values[(i * p + j) * m + t]
            break
          }
        }
      }
    }
    return result
  }

  var weights: Matrix? {
    var table = Matrix(rows: models.count, columns: levels)
    for t in 0..<levels { table[order[0], t] = 1 }
    return table
  }

  func fits(_ inputs: CombinedInputs) -> Bool { inputs.areOf(models) && levels == inputs.levels.count }

  func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(levels)
    writer.write(order)
    writer.write(score)
  }

  var summary: [(key: String, value: String)] { [("model", models[order[0]]), ("wis", "\(score)")] }
}

extension FittedBest {
  init(decoding reader: inout ByteReader) throws {
    models = try reader.readStrings()
    levels = try reader.readInt()
    order = try reader.readArray(of: Int.self)
    score = try reader.readDouble()
    guard !models.isEmpty, (1..<1_000_000).contains(levels), order.sorted() == Array(models.indices),
      Set(models).count == models.count, score >= 0
    else { throw ByteReader.damaged }
  }
}
