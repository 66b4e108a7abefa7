import Groundwork
import MethodKit
import NetworkModels
import Networks
import Quantiles

/// Averaged networks of local weights; none where there is one model, which is answered as it is.
struct FittedMixture: FittedAggregator {
  /// The base models that are mixed; the network of its own comes after them.
  let models: [String]
  let shape: MixtureShape
  let inputs: LocalSettings.Inputs
  let ownNetwork: FittedNetworks?
  let encoding: NetworkInputs
  /// What predictions are divided by.
  let scale: Double
  let network: NetworkShape
  let networks: [[Float]]
  let trainingRows: Int
  /// Mean pinball loss of rows that a network held out, in units of the target.
  let heldOutLoss: Double
  let steps: Int

  /// Rows that pass through a network at once, always as many, padded, so that no answer depends on its neighbours.
  private static let block = 64

  /// Where none of the mixed models predicts a row or level: the mean of the others that do.
  ///
  /// Cost: networks × (parameters + some 20·S·m) operations a row.
  func answer(_ given: BasePredictions, features: FeatureTable?) -> Matrix {
    let m = shape.levels.count
    var result = mixed(given, features)
    let p = given.models.count
    for i in 0..<given.rows {
      for t in 0..<m where result[i, t].isNaN {
        result[i, t] = weightedMean(count: p, level: shape.levels[t], value: { given.values[(i * p + $0) * m + t] }, weight: { _ in 1 })
      }
    }
    return result
  }

  private func mixed(_ given: BasePredictions, _ features: FeatureTable?) -> Matrix {
    let m = shape.levels.count
    let own = given.ordered(models)
    guard !networks.isEmpty else { return Matrix(rows: given.rows, columns: m, values: own.values) }
    var sums = [Double](repeating: 0, count: given.rows * m)
    let seen = pass(given, features) { i, layer in
      for t in 0..<m { sums[i * m + t] += Double(layer.quantiles[t]) }
    }
    let share = scale / Double(networks.count)
    var result = Matrix(rows: given.rows, columns: m)
    for i in 0..<given.rows {
      let isEmpty = !own.hasPrediction(row: i)
      for t in 0..<m {
        let isKnown = !isEmpty && (ownNetwork != nil || models.indices.contains { !own.values[(i * models.count + $0) * m + t].isNaN })
        let value = seen.centres[i] + sums[i * m + t] * share
        result[i, t] = isKnown ? max(-.greatestFiniteMagnitude, min(.greatestFiniteMagnitude, value)) : .nan
      }
    }
    return result
  }

  /// Calls `body` for every row and network with what came out.
  @discardableResult
  private func pass(_ given: BasePredictions, _ features: FeatureTable?, networks used: Int? = nil, _ body: (Int, MixtureLayer) -> Void)
    -> PredictionFeatures
  {
    let ordered = given.ordered(models)
    let predictions = ownNetwork.map { ordered.appending(MixtureTraining.ownName, $0.predict(features!)) } ?? ordered
    let seen = PredictionFeatures(predictions)
    let encoded = encoding(seen.inputs(features, inputs))
    let rows = MixtureRows(predictions, seen, shape, scale: scale)
    let layer = MixtureLayer(shape)
    let net = DenseNetwork(shape: network, capacity: FittedMixture.block)
    for parameters in networks.prefix(used ?? networks.count) {
      net.parameterValues = parameters
      for first in stride(from: 0, to: given.rows, by: FittedMixture.block) {
        let count = min(FittedMixture.block, given.rows - first)
        for k in 0..<count * encoding.count { net.input[k] = encoded[first * encoding.count + k] }
        net.forward(rows: FittedMixture.block)
        for i in 0..<count {
          let row = first + i
          rows.withSources(row, room: layer.room) {
            layer.forward($0, isWhole: rows.isWhole[row], unit: rows.units[row], outputs: net.output + i * network.outputs)
          }
          body(row, layer)
        }
      }
    }
    return seen
  }

  /// The mean weights of models and levels over some rows, how far they spread, and what a feature moves: the mean change of a row's
  /// weights when that feature is another row's.
  func weightTable(_ given: BasePredictions, features: FeatureTable?) -> WeightTable? {
    let most = 500
    let rows = given.rows <= most ? Array(0..<given.rows) : (0..<most).map { $0 * given.rows / most }
    let part = AggregationTraining(predictions: given, target: [Double](repeating: 0, count: given.rows), features: features).selecting(rows)
    let names = models + (ownNetwork == nil ? [] : [MixtureTraining.ownName])
    // Weights that depend on rows are nothing where there is none.
    if rows.isEmpty {
      return WeightTable(
        models: [], levels: shape.levels, mean: Matrix(rows: 0, columns: shape.levels.count), spread: Matrix(rows: 0, columns: shape.levels.count))
    }
    guard !networks.isEmpty else {
      return WeightTable(models: models, levels: shape.levels, mean: Matrix(rows: models.count, columns: shape.levels.count, repeating: 1))
    }
    let (n, p, m) = (rows.count, names.count, shape.levels.count)
    func weights(_ features: FeatureTable?) -> [Double] {
      var result = [Double](repeating: 0, count: n * p * m)
      let share = 1 / Double(networks.count)
      pass(part.predictions, features) { i, layer in
        for j in 0..<p {
          for o in 0..<shape.places {
            for t in 0..<m { result[(i * p + j) * m + t] += share * Double(layer.weight(j * shape.places + o, t)) }
          }
        }
      }
      return result
    }
    let all = weights(part.features)
    var mean = Matrix(rows: p, columns: m)
    var spread = mean
    for i in 0..<n { for k in 0..<p * m { mean.values[k] += all[i * p * m + k] / Double(n) } }
    for i in 0..<n {
      for k in 0..<p * m { spread.values[k] += (all[i * p * m + k] - mean.values[k]) * (all[i * p * m + k] - mean.values[k]) / Double(n) }
    }
    for k in spread.values.indices { spread.values[k] = spread.values[k].squareRoot() }
    var moves: [(feature: String, change: Matrix)] = []
    if inputs != .predictions, let table = part.features {
      // At random: a feature may repeat itself every so many rows.
      var others = Array(0..<n)
      var random = RandomStream(seed: 1)
      random.shuffle(&others)
      for (c, name) in table.names.enumerated() {
        var columns = table.columns
        columns[c] = table.selecting(others).columns[c]
        let moved = weights(FeatureTable(names: table.names, columns: columns, rows: n))
        var change = Matrix(rows: p, columns: m)
        for i in 0..<n { for k in 0..<p * m { change.values[k] += abs(moved[i * p * m + k] - all[i * p * m + k]) / Double(n) } }
        moves.append((name, change))
      }
    }
    return WeightTable(models: names, levels: shape.levels, mean: mean, spread: spread, moves: moves)
  }

  var summary: [(key: String, value: String)] {
    guard !networks.isEmpty else { return [("model", models[0])] }
    return [
      ("rows", "\(trainingRows)"), ("inputs", "\(encoding.count)"), ("sources", "\(shape.sources)"), ("networks", "\(networks.count)"),
      ("parameters", "\(network.parameterCount)"), ("steps", "\(steps)"), ("held-out loss", "\(heldOutLoss)"),
    ]
  }
}

extension FittedMixture {
  init(alone predictions: BasePredictions) {
    let none = FeatureTable(names: [], columns: [], rows: 0)
    self.init(
      models: predictions.models, shape: MixtureShape(models: 1, levels: predictions.levels, knots: 1, offsets: [0], shifts: false),
      inputs: .predictions,
      ownNetwork: nil, encoding: NetworkInputs(learning: none), scale: 1, network: NetworkShape(inputs: 0, hidden: [1], outputs: 1), networks: [],
      trainingRows: 0, heldOutLoss: 0, steps: 0)
  }

  /// Other models than those that are mixed may be there as well: those that were hopeless in training.
  func fits(_ inputs: CombinedInputs) -> Bool {
    guard models.allSatisfy({ name in inputs.models.contains { $0.hasSameBytes(as: name) } }), shape.levels == inputs.levels else { return false }
    if networks.isEmpty { return true }
    if self.inputs != .predictions, inputs.features == nil { return false }
    if let ownNetwork {
      guard let features = inputs.features, ownNetwork.fits(features, levels: shape.levels) else { return false }
    }
    let names = models + (ownNetwork == nil ? [] : [MixtureTraining.ownName])
    let seen = PredictionFeatures(BasePredictions(models: names, levels: shape.levels, rows: 0, values: []))
    return encoding.fits(seen.inputs(inputs.features, self.inputs))
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(models)
    shape.encode(into: &writer)
    writer.write(inputs.rawValue)
    writer.write(ownNetwork != nil)
    ownNetwork?.encode(into: &writer)
    encoding.encode(into: &writer)
    writer.write(scale)
    writer.write(network.widths)
    writer.write(networks.count)
    for parameters in networks { writer.write(parameters) }
    writer.write(trainingRows)
    writer.write(heldOutLoss)
    writer.write(steps)
  }

  init(decoding reader: inout ByteReader) throws {
    let models = try reader.readStrings()
    let shape = try MixtureShape(decoding: &reader)
    guard let inputs = LocalSettings.Inputs(rawValue: try reader.readString()) else { throw ByteReader.damaged }
    let ownNetwork = try reader.readBool() ? try FittedNetworks(decoding: &reader) : nil
    let encoding = try NetworkInputs(decoding: &reader)
    let scale = try reader.readDouble()
    let widths = try reader.readArray(of: Int.self)
    let count = try reader.readInt()
    guard !models.isEmpty, Set(models).count == models.count, scale > 0, scale.isFinite, (0...100).contains(count),
      shape.models == models.count + (ownNetwork == nil ? 0 : 1), ownNetwork.map({ $0.levels == shape.levels }) ?? true,
      let network = NetworkTraining.shape(widths, inputs: encoding.count, outputs: shape.outputs), count > 0 || shape.models == 1
    else { throw ByteReader.damaged }
    var networks: [[Float]] = []
    for _ in 0..<count {
      let parameters = try reader.readArray(of: Float.self)
      guard parameters.count == network.parameterCount, parameters.allSatisfy(\.isFinite) else { throw ByteReader.damaged }
      networks.append(parameters)
    }
    let rows = try reader.readCounter()
    let loss = try reader.readDouble()
    let steps = try reader.readCounter()
    guard loss.isFinite else { throw ByteReader.damaged }
    self.init(
      models: models, shape: shape, inputs: inputs, ownNetwork: ownNetwork, encoding: encoding, scale: scale, network: network, networks: networks,
      trainingRows: rows, heldOutLoss: loss, steps: steps)
  }
}
