import Algebra
import Glibc
import Groundwork
import Learners
import Methods
import Quantiles

extension LocalMixture {
  func fit(_ given: AggregationTraining, context: FitContext) throws -> FittedMixture {
    var training = given
    var ownModel: FittedNetworks? = nil
    if own != "none", let features = given.features {
      let set = TrainingSet(features: features, target: given.target, weights: given.weights)
      let type: any Learner.Type = own == "normal" ? GaussianNetwork.self : DirectQuantileNetwork.self
      let settings = try Settings([("networks", "5")], of: type.description)
      let fitted = try type.init(settings: settings).fit(set, levels: given.predictions.levels, context: context) as! FittedNetworks
      ownModel = fitted
      training = AggregationTraining(predictions: given.predictions.appending("own", fitted.outOfFold(features)), target: given.target, weights: given.weights, features: features)
    }
    let predictions = training.predictions
    let (n, p, m) = (predictions.rows, predictions.models.count, predictions.levels.count)
    let weights = try normalisedRowWeights(training)
    let view = PredictionView(predictions)
    let features = inputs(training.features, view, rows: n)
    let encoding = NetworkInputs(learning: features)

    let residuals = (0..<n).map { training.target[$0] - view.centres[$0] }
    var scale = 0.0
    for i in 0..<n { scale += weights[i] * abs(residuals[i]) }
    if !(scale > 0) { scale = max(view.widths.max() ?? 0, 1e-300) }
    let shape = MixtureShape(models: p, levels: predictions.levels, knots: knots, offsets: offsets, shifts: shifts)
    let rows = MixtureRows(predictions, view, shape, scale: scale)
    let start = try startingWeights(training, context)
    var biases = [Float](repeating: 0, count: shape.outputs)
    let zero = shape.offsets.firstIndex(of: 0)
    for j in 0..<p {
      for o in 0..<shape.places {
        for k in 0..<shape.knots.count {
          let model = log(0.8 * start[j] + 0.2 / Double(p))
          let near = shape.offsets.isEmpty ? (o == shape.knots[k] ? 0.0 : -log(Double(m))) : (o == zero ? 0.0 : -3.0)
          biases[(j * shape.places + o) * shape.knots.count + k] = Float(model + near)
        }
      }
    }
    let mean = weights.indices.reduce(0) { $0 + weights[$1] * training.target[$1] }
    let deviation = weights.indices.reduce(0) { $0 + weights[$1] * (training.target[$1] - mean) * (training.target[$1] - mean) }.squareRoot() / scale
    let sorted = residuals.sorted()
    let pilot = predictions.levels.map { sorted[min(n - 1, Int($0 * Double(n)))] / scale }
    let objective = MixtureObjective(shape: shape, control: control(deviation, pilot), rows: rows, biases: biases)
    let result = try plan.fit(
      NetworkTraining.Rows(
        count: n, width: encoding.count, inputs: encoding(features), target: residuals.map { Float($0 / scale) },
        weights: training.weights == nil ? nil : weights.map { Float($0 * Double(n)) }),
      objective, context: context)
    return FittedMixture(
      models: predictions.models, shape: shape, usesFeatures: usesFeatures, usesPredictions: usesPredictions, encoding: encoding,
      scale: scale, network: result.shape, networks: result.parameters, heldOutLoss: result.heldOutLoss * scale, steps: result.steps, own: ownModel)
  }

  private func startingWeights(_ training: AggregationTraining, _ context: FitContext) throws -> [Double] {
    let n = training.target.count
    var part = training
    let most = 500
    if n > most {
      let width = training.predictions.models.count * training.predictions.levels.count
      let kept = (0..<most).map { $0 * n / most }
      part = AggregationTraining(
        predictions: BasePredictions(
          models: training.predictions.models, levels: training.predictions.levels, rows: most,
          values: kept.flatMap { training.predictions.values[$0 * width..<($0 + 1) * width] }),
        target: kept.map { training.target[$0] }, weights: training.weights.map { w in kept.map { w[$0] } })
    }
    let coarse = try GlobalCoarse(settings: Settings(of: GlobalCoarse.description)).fit(part, context: FitContext(threads: context.threads, seed: context.seed))
    let table = coarse.weights!
    return (0..<table.rows).map { table[$0, 0] }
  }

  private func inputs(_ features: FeatureTable?, _ view: PredictionView, rows: Int) -> FeatureTable {
    mixtureInputs(features, view, usesFeatures: usesFeatures, usesPredictions: usesPredictions, rows: rows)
  }
}

func mixtureInputs(_ features: FeatureTable?, _ view: PredictionView, usesFeatures: Bool, usesPredictions: Bool, rows: Int) -> FeatureTable {
  var names: [String] = []
  var columns: [FeatureTable.Column] = []
  if usesFeatures, let features {
    names += features.names
    columns += features.columns
  }
  if usesPredictions {
    names += view.names
    columns += view.columns
  }
  return FeatureTable(names: names, columns: columns, rows: rows)
}

extension MixtureRows {
  init(_ predictions: BasePredictions, _ view: PredictionView, _ shape: MixtureShape, scale: Double) {
    let width = predictions.models.count * predictions.levels.count
    var isWhole = [Bool](repeating: true, count: predictions.rows)
    var sources = [Float](repeating: 0, count: predictions.rows * shape.sources * shape.stride)
    var row = [Float](repeating: 0, count: width)
    sources.withUnsafeMutableBufferPointer { sources in
      for i in 0..<predictions.rows {
        for k in 0..<width {
          let v = (predictions.values[i * width + k] - view.centres[i]) / scale
          if v.isNaN { isWhole[i] = false }
          row[k] = v.isNaN ? .nan : Float(max(-1e6, min(1e6, v)))
        }
        shape.gather(row, into: sources.baseAddress! + i * shape.sources * shape.stride)
      }
    }
    self.sources = sources
    self.isWhole = isWhole
    units = view.widths.map { Float(max(-1e6, min(1e6, $0 / scale))) }
  }
}

/// Averaged networks of local weights.
struct FittedMixture: FittedAggregator {
  let models: [String]
  let shape: MixtureShape
  let usesFeatures: Bool
  let usesPredictions: Bool
  let encoding: NetworkInputs
  let scale: Double
  let network: NetworkShape
  let networks: [[Float]]
  let heldOutLoss: Double
  let steps: Int
  let own: FittedNetworks?

  func answer(_ given: BasePredictions, features: FeatureTable?) -> Matrix {
    let predictions = own.map { given.appending("own", $0.predict(features!)) } ?? given
    let (n, m) = (predictions.rows, shape.levels.count)
    let view = PredictionView(predictions)
    let inputs = encoding(mixtureInputs(features, view, usesFeatures: usesFeatures, usesPredictions: usesPredictions, rows: n))
    let rows = MixtureRows(predictions, view, shape, scale: scale)
    var sums = [Double](repeating: 0, count: n * m)
    let block = 64
    let layer = MixtureLayer(shape)
    for parameters in networks {
      let net = DenseNetwork(shape: network, capacity: block)
      net.parameterValues = parameters
      for first in stride(from: 0, to: n, by: block) {
        let count = min(block, n - first)
        for k in 0..<count * encoding.count { net.input[k] = inputs[first * encoding.count + k] }
        net.forward(rows: block)
        for i in 0..<count {
          rows.sources.withUnsafeBufferPointer { base in
            layer.forward(base.baseAddress! + (first + i) * shape.sources * shape.stride, isWhole: rows.isWhole[first + i], unit: rows.units[first + i], outputs: net.output + i * network.outputs)
          }
          for t in 0..<m { sums[(first + i) * m + t] += Double(layer.quantiles[t]) }
        }
      }
    }
    let share = scale / Double(networks.count)
    var result = Matrix(rows: n, columns: m)
    for i in 0..<n { for t in 0..<m { result[i, t] = view.centres[i] + sums[i * m + t] * share } }
    return result
  }

  var weights: Matrix? { nil }

  func encode(into writer: inout ByteWriter) {
    fatalError()
  }

  var summary: [(key: String, value: String)] {
    [("inputs", "\(encoding.count)"), ("outputs", "\(network.outputs)"), ("networks", "\(networks.count)"), ("steps", "\(steps)"), ("held-out loss", "\(heldOutLoss)")]
  }
}

public struct LocalCoarse: Aggregator {
  public static let description = MethodDescription(name: "local-coarse", summary: "weights that depend on the features, one a model", settings: LocalMixture.settings(.coarse))
  public static let learns = true
  public static let usesFeatures = true
  private let mixture: LocalMixture
  public init(settings: Settings) { mixture = LocalMixture(settings, .coarse) }
  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator { try mixture.fit(training, context: context) }
  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator { throw ByteReader.damaged }
}
public struct LocalMedium: Aggregator {
  public static let description = MethodDescription(name: "local-medium", summary: "weights that depend on the features, one a model and level", settings: LocalMixture.settings(.medium))
  public static let learns = true
  public static let usesFeatures = true
  private let mixture: LocalMixture
  public init(settings: Settings) { mixture = LocalMixture(settings, .medium) }
  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator { try mixture.fit(training, context: context) }
  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator { throw ByteReader.damaged }
}
public struct LocalFine: Aggregator {
  public static let description = MethodDescription(name: "local-fine", summary: "deep quantile aggregation: weights that depend on the features, the model and both levels", settings: LocalMixture.settings(.fine))
  public static let learns = true
  public static let usesFeatures = true
  private let mixture: LocalMixture
  public init(settings: Settings) { mixture = LocalMixture(settings, .fine) }
  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator { try mixture.fit(training, context: context) }
  public static func decode(_ reader: inout ByteReader) throws -> any FittedAggregator { throw ByteReader.damaged }
}

extension BasePredictions {
  func appending(_ name: String, _ answers: Matrix) -> BasePredictions {
    let width = models.count * levels.count
    var all: [Double] = []
    all.reserveCapacity(rows * (width + levels.count))
    for i in 0..<rows {
      all += values[i * width..<(i + 1) * width]
      all += answers.row(i)
    }
    return BasePredictions(models: models + [name], levels: levels, rows: rows, values: all)
  }
}
