import Groundwork
import MethodKit
import Quantiles

/// Weights of `GlobalFine`, and how good they are in training.
public struct FittedGlobalFine: FittedAggregator {
  public typealias PairWeight = (pair: Int, weight: Double)

  public let models: [String]
  /// Of each level the pairs with weight, increasing, as places j · m + ν among the p·m quantiles of a row. Weights sum to one.
  public let pairWeights: [[PairWeight]]
  public let shrinkage: Double
  /// (1/Σω) Σ_i ω_i Σ_τ ψ_τ in training, shrinkage included, in units of the target.
  public let objective: Double
  /// What `objective` may lie above the optimum at most.
  public let gap: Double

  init(models: [String], pairWeights: [[PairWeight]], shrinkage: Double, objective: Double, gap: Double) {
    self.models = models
    self.pairWeights = pairWeights
    self.shrinkage = shrinkage
    self.objective = objective
    self.gap = gap
  }

  private var levels: Int { pairWeights.count }

  /// Where a pair is missing, the weights of those present are divided by their sum; where that is zero, the models present at that
  /// level count equally.
  public func answer(_ predictions: BasePredictions, features: FeatureTable?) -> Matrix {
    let (p, m) = (models.count, levels)
    precondition(predictions.models.count == p && predictions.levels.count == m)
    var result = Matrix(rows: predictions.rows, columns: m)
    predictions.values.withUnsafeBufferPointer { values in
      for i in 0..<predictions.rows {
        let row = values.baseAddress! + i * p * m
        for (t, pairs) in pairWeights.enumerated() {
          let level = predictions.levels[t]
          if pairs.contains(where: { !row[$0.pair].isNaN }) {
            result.values[i * m + t] = weightedMean(count: pairs.count, level: level, value: { row[pairs[$0].pair] }, weight: { pairs[$0].weight })
          } else {
            result.values[i * m + t] = weightedMean(count: p, level: level, value: { row[$0 * m + t] }, weight: { _ in 1 })
          }
        }
      }
    }
    return result
  }

  /// Weights summed over the levels they take from.
  public var weights: Matrix? {
    var table = Matrix(rows: models.count, columns: levels)
    for (t, pairs) in pairWeights.enumerated() { for (pair, weight) in pairs { table[pair / levels, t] += weight } }
    return table
  }

  public func fits(_ inputs: CombinedInputs) -> Bool { inputs.areOf(models) && levels == inputs.levels.count }

  public func encode(into writer: inout ByteWriter) {
    writer.write(models)
    writer.write(pairWeights.map(\.count))
    writer.write(pairWeights.flatMap { $0.map(\.pair) })
    writer.write(pairWeights.flatMap { $0.map(\.weight) })
    writer.write(shrinkage)
    writer.write(objective)
    writer.write(gap)
  }

  public init(decoding reader: inout ByteReader) throws {
    let models = try reader.readStrings()
    let counts = try reader.readArray(of: Int.self)
    let pairs = try reader.readArray(of: Int.self)
    let weights = try reader.readArray(of: Double.self)
    let shrinkage = try reader.readDouble()
    let objective = try reader.readDouble()
    let gap = try reader.readDouble()
    guard !models.isEmpty, Set(models).count == models.count, !counts.isEmpty, counts.allSatisfy({ $0 > 0 && $0 <= pairs.count }),
      counts.reduce(0, { $0 &+ $1 }) == pairs.count, weights.count == pairs.count,
      pairs.allSatisfy({ $0 >= 0 && $0 < models.count * counts.count }), weights.allSatisfy({ $0 > 0 && $0 <= 1 + 1e-6 }),
      shrinkage >= 0, objective >= 0, gap >= 0
    else { throw ByteReader.damaged }
    var table: [[PairWeight]] = []
    var next = 0
    for count in counts {
      let own = (next..<next + count).map { (pair: pairs[$0], weight: weights[$0]) }
      guard abs(own.reduce(0) { $0 + $1.weight } - 1) <= 1e-6, zip(own, own.dropFirst()).allSatisfy({ $0.pair < $1.pair }) else {
        throw ByteReader.damaged
      }
      table.append(own)
      next += count
    }
    self.init(models: models, pairWeights: table, shrinkage: shrinkage, objective: objective, gap: gap)
  }

  public var summary: [(key: String, value: String)] {
    let means = zip(models, weights!.rowMeans).filter { $0.1 > 0 }
    return [("objective", "\(objective)"), ("gap", "\(gap)"), ("shrinkage", "\(shrinkage)")] + means.map { ("mean weight " + $0.0, "\($0.1)") }
  }
}

extension Matrix {
  /// The mean of every row.
  var rowMeans: [Double] { (0..<rows).map { row($0).reduce(0, +) / Double(columns) } }
}
