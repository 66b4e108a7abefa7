import Groundwork
import MethodKit
import Networks
import Quantiles

/// How the outputs of a network become quantiles of the standardised target.
package enum NetworkAnswer: UInt8, Sendable {
  /// Mean and log standard deviation of a normal distribution.
  case gaussian = 0
  /// The quantile at the level that is among the inputs.
  case levelAsInput = 1
  /// A quantile a level.
  case levels = 2

  func outputs(levels: Int) -> Int { self == .gaussian ? 2 : self == .levelAsInput ? 1 : levels }
  var extraInputs: Int { self == .levelAsInput ? LevelInput.count : 0 }
}

/// Networks whose quantiles are averaged, level by level, in increasing order.
package struct FittedNetworks: BinaryCodable, Sendable {
  package let inputs: NetworkInputs
  let target: NetworkTarget
  let answer: NetworkAnswer
  package let levels: [Double]
  let shape: NetworkShape
  /// An array a network; none where the target was constant.
  let networks: [[Float]]
  let trainingRows: Int
  let heldOutLoss: Double
  let steps: Int
  /// Of each network: the training rows it held out; not kept in a model file.
  var heldOut: [[Int]] = []

  /// Rows, or levels of one row, that pass through a network at once. Rows always go as many at a time, padded, so that the products of
  /// one never depend on its neighbours.
  private static let block = 64

  /// Cost: rows × networks × parameters, and × levels where the level is an input.
  package func predict(_ features: FeatureTable) -> Matrix {
    let m = levels.count
    var sums = [Double](repeating: 0, count: features.rows * m)
    let encoded = networks.isEmpty ? [] : inputs(features)
    for parameters in networks {
      let network = DenseNetwork(shape: shape, capacity: FittedNetworks.block)
      network.parameterValues = parameters
      if answer == .levelAsInput { addByLevel(network, encoded, features.rows, &sums) } else { addByBlock(network, encoded, features.rows, &sums) }
    }
    let share = 1 / Double(max(networks.count, 1))
    return Matrix(rows: features.rows, columns: m, values: sums.map { target.restored($0 * share) })
  }

  /// The training rows, each answered by the first network that did not train on it; by all of them where none held it out.
  package func outOfFold(_ features: FeatureTable) -> Matrix {
    var result = predict(features)
    var isDone = [Bool](repeating: false, count: features.rows)
    for (k, held) in heldOut.enumerated() {
      let rows = held.filter { !isDone[$0] }
      let one = FittedNetworks(
        inputs: inputs, target: target, answer: answer, levels: levels, shape: shape, networks: [networks[k]], trainingRows: trainingRows,
        heldOutLoss: heldOutLoss, steps: steps)
      let answers = one.predict(features.selecting(rows))
      for (i, row) in rows.enumerated() {
        isDone[row] = true
        for t in levels.indices { result[row, t] = answers[i, t] }
      }
    }
    return result
  }

  private func addByBlock(_ network: DenseNetwork, _ encoded: [Float], _ n: Int, _ sums: inout [Double]) {
    let (m, p, outputs) = (levels.count, inputs.count, shape.outputs)
    let scores = answer == .gaussian ? levels.map(NormalDistribution.quantile) : []
    var row = [Double](repeating: 0, count: m)
    for first in stride(from: 0, to: n, by: FittedNetworks.block) {
      let count = min(FittedNetworks.block, n - first)
      for k in 0..<count * p { network.input[k] = encoded[first * p + k] }
      network.forward(rows: FittedNetworks.block)
      for i in 0..<count {
        let output = network.output + i * outputs
        if answer == .gaussian {
          let spread = GaussianObjective.spread(Double(output[1]))
          for t in 0..<m { row[t] = Double(output[0]) + spread * scores[t] }
        } else {
          for t in 0..<m { row[t] = Double(output[t]) }
          FittedNetworks.order(&row)
        }
        for t in 0..<m { sums[(first + i) * m + t] += row[t] }
      }
    }
  }

  private func addByLevel(_ network: DenseNetwork, _ encoded: [Float], _ n: Int, _ sums: inout [Double]) {
    let (m, p, width) = (levels.count, inputs.count, shape.inputs)
    var extras = [Float](repeating: 0, count: m * LevelInput.count)
    extras.withUnsafeMutableBufferPointer { extras in
      for t in 0..<m { LevelInput.write(levels[t], to: extras.baseAddress! + t * LevelInput.count) }
    }
    var row = [Double](repeating: 0, count: m)
    for i in 0..<n {
      for first in stride(from: 0, to: m, by: FittedNetworks.block) {
        let count = min(FittedNetworks.block, m - first)
        for k in 0..<count {
          for c in 0..<p { network.input[k * width + c] = encoded[i * p + c] }
          for e in 0..<LevelInput.count { network.input[k * width + p + e] = extras[(first + k) * LevelInput.count + e] }
        }
        network.forward(rows: count)
        for k in 0..<count { row[first + k] = Double(network.output[k]) }
      }
      FittedNetworks.order(&row)
      for t in 0..<m { sums[i * m + t] += row[t] }
    }
  }

  /// Sorts quantiles, which never raises their summed pinball loss (Chernozhukov, Fernández-Val, Galichon 2010). What is no number becomes 0.
  private static func order(_ row: inout [Double]) {
    for t in row.indices where row[t].isNaN { row[t] = 0 }
    row.sort()
  }

  package var summary: [(key: String, value: String)] {
    [
      ("rows", "\(trainingRows)"), ("inputs", "\(inputs.count)"), ("networks", "\(networks.count)"), ("parameters", "\(shape.parameterCount)"),
      ("steps", "\(steps)"), ("held-out loss", "\((heldOutLoss * 1e5).rounded() / 1e5)"),
    ]
  }

  /// Whether it could have been fitted to such features at these levels.
  package func fits(_ features: FeatureTable, levels: [Double]) -> Bool { self.levels == levels && inputs.fits(features) }

  package func encode(into writer: inout ByteWriter) {
    inputs.encode(into: &writer)
    target.encode(into: &writer)
    writer.write(Int(answer.rawValue))
    writer.write(levels)
    writer.write(shape.widths)
    writer.write(networks.count)
    for parameters in networks { writer.write(parameters) }
    writer.write(trainingRows)
    writer.write(heldOutLoss)
    writer.write(steps)
  }
}

extension FittedNetworks {
  package init(decoding reader: inout ByteReader) throws {
    inputs = try NetworkInputs(decoding: &reader)
    target = try NetworkTarget(decoding: &reader)
    guard let answer = NetworkAnswer(rawValue: UInt8(truncatingIfNeeded: try reader.readInt())) else { throw ByteReader.damaged }
    self.answer = answer
    levels = try reader.readArray(of: Double.self)
    let widths = try reader.readArray(of: Int.self)
    guard !levels.isEmpty, levels.allSatisfy({ $0 > 0 && $0 < 1 }),
      let shape = NetworkTraining.shape(widths, inputs: inputs.count + answer.extraInputs, outputs: answer.outputs(levels: levels.count))
    else { throw ByteReader.damaged }
    self.shape = shape
    let count = try reader.readInt()
    guard (0...100).contains(count) else { throw ByteReader.damaged }
    var networks: [[Float]] = []
    for _ in 0..<count {
      let parameters = try reader.readArray(of: Float.self)
      guard parameters.count == shape.parameterCount, parameters.allSatisfy(\.isFinite) else { throw ByteReader.damaged }
      networks.append(parameters)
    }
    self.networks = networks
    trainingRows = try reader.readCounter()
    heldOutLoss = try reader.readDouble()
    steps = try reader.readCounter()
    guard heldOutLoss.isFinite else { throw ByteReader.damaged }
  }
}
