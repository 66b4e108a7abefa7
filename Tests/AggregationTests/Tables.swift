import Aggregation
import Groundwork
import MethodKit
import Quantiles

/// The tables of scripts/reference/global.py.
func referenceTable(rows: Int, models: Int, levels count: Int, seed: Int, weights: [Double]? = nil) -> AggregationTraining {
  var state = seed
  func uniform() -> Double {
    state = (1_103_515_245 * state + 12345) % (1 << 31)
    return Double(state) / Double(1 << 31)
  }
  let levels = (1...count).map { Double($0) / Double(count + 1) }
  var target: [Double] = []
  var values: [Double] = []
  for i in 0..<rows {
    target.append(10 * uniform())
    for j in 0..<models {
      let width = 1 + 0.3 * Double(j)
      let centre = target[i] + width * (uniform() - 0.5) + 0.4 * (Double(j) - 1.5)
      let spread = 1 + uniform()
      values += levels.map { centre + 4 * spread * ($0 - 0.5) }
    }
  }
  return table(levels, target, values, weights: weights)
}

/// Models named a, b, c, …
func table(_ levels: [Double], _ target: [Double], _ values: [Double], weights: [Double]? = nil) -> AggregationTraining {
  let models = values.count / levels.count / max(target.count, 1)
  let names = (0..<models).map { $0 < 26 ? String(UnicodeScalar(UInt8(97 + $0))) : "m\($0)" }
  return AggregationTraining(
    predictions: BasePredictions(models: names, levels: levels, rows: target.count, values: values), target: target,
    weights: weights, features: numbered(target.count))
}

/// One feature, the number of the row.
func numbered(_ rows: Int) -> FeatureTable { FeatureTable(names: ["row"], columns: [.numeric((0..<rows).map(Double.init))], rows: rows) }

/// The ways of combining that learn, each with settings that let networks train in a moment. `auto`, which picks one of them, has tests of its own.
let learningMethods: [(type: any Aggregator.Type, settings: [String: String])] = aggregatorRegistry.filter { $0.learns && $0 != Auto.self }.map {
  ($0, $0.usesFeatures ? quick : [:])
}

let localMethods: [any Aggregator.Type] = [LocalCoarse.self, LocalMedium.self, LocalFine.self]

let quick = ["networks": "2", "hidden": "4", "layers": "1", "steps": "60", "own": "none"]

func predictions(_ levels: [Double], rows: Int, models: Int, _ values: [Double]) -> BasePredictions {
  table(levels, [Double](repeating: 0, count: rows), values).predictions
}

extension AggregationTraining {
  var models: Int { predictions.models.count }
  var levels: [Double] { predictions.levels }

  func value(_ i: Int, _ j: Int, _ t: Int) -> Double { predictions.values[(i * models + j) * levels.count + t] }

  func mapping(target: (Double) -> Double = { $0 }, _ value: (Int, Int, Int, Double) -> Double) -> AggregationTraining {
    var values = predictions.values
    for i in 0..<self.target.count {
      for j in 0..<models {
        for t in levels.indices { values[(i * models + j) * levels.count + t] = value(i, j, t, self.value(i, j, t)) }
      }
    }
    return AggregationTraining(
      predictions: BasePredictions(models: predictions.models, levels: levels, rows: self.target.count, values: values),
      target: self.target.map(target), weights: weights, features: features)
  }

  /// The mean over rows, weighted, of the pinball loss summed over levels: the plain version.
  func loss(_ answer: Matrix) -> Double {
    var sum = 0.0
    var total = 0.0
    for i in target.indices {
      let weight = weights?[i] ?? 1
      total += weight
      for (t, level) in levels.enumerated() {
        sum += weight * pinballLoss(level: level, target: target[i], quantile: answer[i, t])
      }
    }
    return sum / total
  }
}

func fit(
  _ method: any Aggregator.Type, _ training: AggregationTraining, _ settings: [String: String] = [:], threads: Int = 1,
  warn: @escaping (String) -> Void = { _ in }
) throws -> any FittedAggregator {
  let written = settings.map { (key: $0.key, value: $0.value) }
  return try method.init(settings: try Settings(written, of: method.description)).fit(training, context: FitContext(threads: threads, warn: warn))
}

func encoded(_ fitted: any FittedAggregator) -> [UInt8] {
  var writer = ByteWriter()
  fitted.encode(into: &writer)
  return writer.bytes
}
