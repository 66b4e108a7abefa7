import Glibc
import Groundwork
import Networks
import Testing

@Suite struct DenseNetworkTests {
  /// The same network in double precision, written plainly.
  private func plain(_ shape: NetworkShape, _ parameters: [Double], _ input: [Double]) -> [Double] {
    var values = input
    var offset = 0
    for layer in 0..<shape.layers {
      let (width, next) = (shape.widths[layer], shape.widths[layer + 1])
      var result = (0..<next).map { parameters[offset + width * next + $0] }
      for j in 0..<next { for i in 0..<width { result[j] += values[i] * parameters[offset + i * next + j] } }
      if layer + 1 < shape.layers { result = result.map { $0 > 0 ? $0 : expm1($0) } }
      offset += (width + 1) * next
      values = result
    }
    return values
  }

  private func example(_ shape: NetworkShape, rows: Int) -> (network: DenseNetwork, input: [Double], slope: [Double]) {
    let network = DenseNetwork(shape: shape, capacity: rows + 3)
    var random = RandomStream(seed: 1)
    network.initialise(&random)
    network.parameterValues = network.parameterValues.map { $0 + Float(random.uniform() - 0.5) * 0.6 }
    let input = (0..<rows * shape.inputs).map { _ in Double(Float(random.uniform() * 4 - 2)) }
    for (i, x) in input.enumerated() { network.input[i] = Float(x) }
    return (network, input, (0..<rows * shape.outputs).map { _ in Double(Float(random.uniform() - 0.5)) })
  }

  @Test func outputsAreThoseOfAPlainVersion() {
    let shape = NetworkShape(inputs: 3, hidden: [7, 5], outputs: 4)
    let (network, input, _) = example(shape, rows: 6)
    network.forward(rows: 6)
    for i in 0..<6 {
      let expected = plain(shape, network.parameterValues.map(Double.init), Array(input[i * 3..<(i + 1) * 3]))
      for j in 0..<4 { #expect(abs(Double(network.output[i * 4 + j]) - expected[j]) < 2e-6) }
    }
  }

  /// Of every parameter of every layer, against central differences of the plain version, whose error is some 1e-10.
  @Test func gradientsAreThoseOfFiniteDifferences() {
    let shape = NetworkShape(inputs: 3, hidden: [7, 5], outputs: 4)
    let (network, input, slope) = example(shape, rows: 6)
    var random = RandomStream(seed: 2)
    network.trainingForward(rows: 6, &random)
    for (i, s) in slope.enumerated() { network.outputGradient[i] = Float(s) }
    network.backward(rows: 6)
    let parameters = network.parameterValues.map(Double.init)
    func loss(_ parameters: [Double]) -> Double {
      (0..<6).reduce(0) { sum, i in
        sum + zip(plain(shape, parameters, Array(input[i * 3..<(i + 1) * 3])), slope[i * 4..<(i + 1) * 4]).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
    for (k, gradient) in network.gradientValues.enumerated() {
      var (up, down) = (parameters, parameters)
      up[k] += 1e-5
      down[k] -= 1e-5
      #expect(abs(Double(gradient) - (loss(up) - loss(down)) / 2e-5) < 1e-5)
    }
  }

  /// The same stream drops the same units, so the loss of a training pass is a function of the parameters. In floats: a step of 2⁻⁶ balances
  /// rounding, some 1e-5, and the curvature of ELU.
  @Test func gradientsWithDropoutAreThoseOfFiniteDifferences() {
    let shape = NetworkShape(inputs: 3, hidden: [7, 5], outputs: 4)
    let (network, _, slope) = example(shape, rows: 6)
    network.dropout = 0.3
    func loss() -> Double {
      var random = RandomStream(seed: 2)
      network.trainingForward(rows: 6, &random)
      return slope.indices.reduce(0) { $0 + Double(network.output[$1]) * slope[$1] }
    }
    let whole = loss()
    for (i, s) in slope.enumerated() { network.outputGradient[i] = Float(s) }
    network.backward(rows: 6)
    let (parameters, gradients) = (network.parameterValues, network.gradientValues)
    network.dropout = 0
    #expect(abs(loss() - whole) > 1e-3)
    network.dropout = 0.3
    for (k, gradient) in gradients.enumerated() {
      var values = parameters
      values[k] = parameters[k] + 0x1p-6
      network.parameterValues = values
      let up = loss()
      values[k] = parameters[k] - 0x1p-6
      network.parameterValues = values
      #expect(abs(Double(gradient) - (up - loss()) / 0x1p-5) < 2e-3)
    }
  }

  /// Widths and rows beyond what one product takes, and odd ones.
  @Test func largeProductsAreThoseOfAPlainVersion() {
    let shape = NetworkShape(inputs: 5, hidden: [131, 129], outputs: 3)
    let (network, input, slope) = example(shape, rows: 70)
    var random = RandomStream(seed: 3)
    network.trainingForward(rows: 70, &random)
    let parameters = network.parameterValues.map(Double.init)
    for i in [0, 34, 35, 36, 69] {
      let expected = plain(shape, parameters, Array(input[i * 5..<(i + 1) * 5]))
      for j in 0..<3 { #expect(abs(Double(network.output[i * 3 + j]) - expected[j]) < 1e-3) }
    }
    for (i, s) in slope.enumerated() { network.outputGradient[i] = Float(s) }
    network.backward(rows: 70)
    let gradients = network.gradientValues
    func loss(_ parameters: [Double]) -> Double {
      (0..<70).reduce(0) { sum, i in
        sum + zip(plain(shape, parameters, Array(input[i * 5..<(i + 1) * 5])), slope[i * 3..<(i + 1) * 3]).reduce(0) { $0 + $1.0 * $1.1 }
      }
    }
    // A parameter in each third of the second layer's weights.
    for k in [800, 6000, 12_000, 17_000] {
      var (up, down) = (parameters, parameters)
      up[k] += 1e-5
      down[k] -= 1e-5
      let difference = (loss(up) - loss(down)) / 2e-5
      #expect(abs(Double(gradients[k]) - difference) < 1e-3 * max(1, abs(difference)))
    }
  }

  @Test func dropoutKeepsTheMeanOfHiddenUnits() {
    let network = DenseNetwork(shape: NetworkShape(inputs: 1, hidden: [512], outputs: 1), capacity: 64)
    network.parameterValues = [Float](repeating: 0, count: 512) + [Float](repeating: 1, count: 512) + [Float](repeating: 1 / 512, count: 512) + [0]
    network.dropout = 0.25
    var random = RandomStream(seed: 3)
    network.trainingForward(rows: 64, &random)
    let mean = (0..<64).reduce(0) { $0 + Double(network.output[$1]) } / 64
    // A mean of 32,768 units that are 0 or 4/3: standard deviation 0.0032.
    #expect(abs(mean - 1) < 0.013)
    network.forward(rows: 1)
    #expect(abs(network.output[0] - 1) < 1e-5)
  }

  @Test func adamFindsALine() {
    let network = DenseNetwork(shape: NetworkShape(inputs: 1, hidden: [8], outputs: 1), capacity: 32)
    var random = RandomStream(seed: 4)
    network.initialise(&random)
    let optimiser = AdamOptimiser(network, weightDecay: 0, averaging: 0.99)
    for step in 0..<3000 {
      for i in 0..<32 { network.input[i] = Float(random.uniform() * 2 - 1) }
      network.trainingForward(rows: 32, &random)
      for i in 0..<32 { network.outputGradient[i] = (network.output[i] - (0.5 * network.input[i] + 2)) / 32 }
      network.backward(rows: 32)
      #expect(optimiser.step(learningRate: step < 2000 ? 0.01 : 0.001))
    }
    optimiser.swapAverage()
    for (i, x) in [-0.8, 0, 0.7].enumerated() { network.input[i] = Float(x) }
    network.forward(rows: 3)
    for (i, y) in [1.6, 2, 2.35].enumerated() { #expect(abs(Double(network.output[i]) - y) < 0.02) }
  }

  @Test func gradientsThatAreNotFiniteChangeNothing() {
    let network = DenseNetwork(shape: NetworkShape(inputs: 1, hidden: [4], outputs: 1), capacity: 2)
    var random = RandomStream(seed: 5)
    network.initialise(&random)
    let optimiser = AdamOptimiser(network, weightDecay: 0, averaging: 0.99)
    let before = network.parameterValues
    network.input[0] = 1
    network.trainingForward(rows: 1, &random)
    network.outputGradient[0] = .nan
    network.backward(rows: 1)
    #expect(!optimiser.step(learningRate: 0.1))
    #expect(network.parameterValues == before)
  }
}
