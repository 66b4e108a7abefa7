import Groundwork
import MethodKit
import Quantiles

/// Weights of a global method, and how good they are in training.
public struct FittedGlobalWeights: FittedAggregator {
  public let table: ModelWeights
  /// (1/Σω) Σ_i ω_i Σ_τ ψ_τ in training, penalties included, in units of the target.
  public let objective: Double
  /// What `objective` may lie above the optimum at most.
  public let gap: Double

  init(table: ModelWeights, objective: Double, gap: Double) {
    self.table = table
    self.objective = objective
    self.gap = gap
  }

  /// Weights learnt with a penalty on crossing quantiles.
  init(_ training: AggregationTraining, start: Matrix, crossing: CrossingSettings, context: FitContext) throws {
    let fit = try PenalisedWeightFit(training, start: start, settings: crossing, context: context)
    let predictions = training.predictions
    self.init(
      table: ModelWeights(models: predictions.models, levels: predictions.levels.count, table: fit.weights), objective: fit.objective, gap: fit.gap)
    context.note("objective \(objective) with penalty, duality gap \(gap), \(fit.terms) penalty terms")
  }

  public func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix { table.answer(predictions) }
  public var weights: Matrix? { table.expanded }

  public func fits(_ inputs: CombinedInputs) -> Bool { inputs.areOf(table.models) && table.levels == inputs.levels.count }

  public func encode(into writer: inout ByteWriter) {
    table.encode(into: &writer)
    writer.write(objective)
    writer.write(gap)
  }

  public init(decoding reader: inout ByteReader) throws {
    table = try ModelWeights(decoding: &reader)
    objective = try reader.readDouble()
    gap = try reader.readDouble()
    guard objective >= 0, gap >= 0 else { throw ByteReader.damaged }
  }

  public var summary: [(key: String, value: String)] {
    let word = table.table.columns == 1 ? "weight " : "mean weight "
    return [("objective", "\(objective)"), ("gap", "\(gap)")]
      + zip(table.models, table.table.rowMeans).filter { $0.1 > 0 }.map { (word + $0.0, "\($0.1)") }
  }
}
