import Groundwork
import LinearAlgebra

/// Widths of a network of dense layers: inputs, hidden layers with ELU (Clevert, Unterthiner, Hochreiter 2016), linear outputs.
///
/// Parameters are one array, layer after layer: the weights, inputs × outputs row-major, then the biases.
public struct NetworkShape: Equatable, Sendable {
  public let widths: [Int]

  /// At least an input and an output width, none negative.
  public init(inputs: Int, hidden: [Int], outputs: Int) { widths = [inputs] + hidden + [outputs] }

  public var layers: Int { widths.count - 1 }
  public var inputs: Int { widths[0] }
  public var outputs: Int { widths[layers] }
  public var parameterCount: Int { (0..<layers).reduce(0) { $0 + (widths[$1] + 1) * widths[$1 + 1] } }

  /// Where the weights of a layer start.
  func offset(_ layer: Int) -> Int { (0..<layer).reduce(0) { $0 + (widths[$1] + 1) * widths[$1 + 1] } }

  /// Where the biases of the outputs start.
  public var outputBiases: Int { parameterCount - outputs }
}

/// A dense network with room for a batch of rows: forward, backward and Adam steps allocate nothing.
///
/// Rows lie one after the other in `input`, `output` and `outputGradient`. Not for several threads at once.
/// A pass over b rows costs b · parameters multiplications, a backward pass twice that.
public final class DenseNetwork {
  public let shape: NetworkShape
  /// The number of rows there is room for.
  public let capacity: Int
  public let input: UnsafeMutablePointer<Float>
  public let output: UnsafeMutablePointer<Float>
  /// The derivative of the loss in each output: set by the caller before `backward`.
  public let outputGradient: UnsafeMutablePointer<Float>
  /// Share of hidden units left out at random in a training pass; the others are scaled up (Srivastava et al. 2014).
  public var dropout: Double = 0

  let parameters: UnsafeMutablePointer<Float>
  let gradients: UnsafeMutablePointer<Float>
  /// Values of each layer, inputs and outputs among them.
  private let values: [UnsafeMutablePointer<Float>]
  /// Derivatives of hidden values in what enters them, dropout included.
  private let slopes: [UnsafeMutablePointer<Float>]
  /// Derivatives of the loss in what enters each layer.
  private let deltas: [UnsafeMutablePointer<Float>]
  /// The weights of a layer, transposed.
  private let turned: UnsafeMutablePointer<Float>
  private let offsets: [Int]

  public init(shape: NetworkShape, capacity: Int) {
    precondition(shape.widths.allSatisfy { $0 >= 0 } && capacity > 0)
    self.shape = shape
    self.capacity = capacity
    offsets = (0..<shape.layers).map(shape.offset)
    parameters = FloatElementwise.allocate(shape.parameterCount)
    gradients = FloatElementwise.allocate(shape.parameterCount)
    values = shape.widths.map { FloatElementwise.allocate($0 * capacity) }
    slopes = shape.widths.map { FloatElementwise.allocate($0 * capacity) }
    deltas = shape.widths.map { FloatElementwise.allocate($0 * capacity) }
    turned = FloatElementwise.allocate((0..<shape.layers).map { shape.widths[$0] * shape.widths[$0 + 1] }.max()!)
    input = values[0]
    output = values[shape.layers]
    outputGradient = deltas[shape.layers]
  }

  deinit {
    parameters.deallocate()
    gradients.deallocate()
    turned.deallocate()
    for buffer in values + slopes + deltas { buffer.deallocate() }
  }

  /// Draws hidden weights with variance 1 / inputs of their layer (LeCun et al. 1998), and sets biases and the weights of the outputs to 0.
  public func initialise(_ random: inout RandomStream) {
    parameters.update(repeating: 0, count: shape.parameterCount)
    for layer in 0..<(shape.layers - 1) {
      // A uniform draw on ±√3 has variance 1.
      let spread = (3 / Double(max(shape.widths[layer], 1))).squareRoot()
      for i in 0..<shape.widths[layer] * shape.widths[layer + 1] {
        parameters[offsets[layer] + i] = Float((2 * random.uniform() - 1) * spread)
      }
    }
  }

  /// All parameters as an array of `shape.parameterCount`.
  public var parameterValues: [Float] {
    get { Array(UnsafeBufferPointer(start: parameters, count: shape.parameterCount)) }
    set {
      precondition(newValue.count == shape.parameterCount)
      newValue.withUnsafeBufferPointer { if let start = $0.baseAddress { parameters.update(from: start, count: $0.count) } }
    }
  }

  /// All derivatives of the last `backward`.
  public var gradientValues: [Float] { Array(UnsafeBufferPointer(start: gradients, count: shape.parameterCount)) }

  /// Outputs of the first `rows` rows of `input`, without dropout.
  public func forward(rows: Int) { pass(rows) { layer, count in FloatElementwise.elu(values[layer], slopes: nil, count: count) } }

  /// Outputs of the first `rows` rows of `input`, with dropout, keeping what `backward` needs.
  public func trainingForward(rows: Int, _ random: inout RandomStream) {
    pass(rows) { layer, count in
      FloatElementwise.elu(values[layer], slopes: slopes[layer], count: count)
      if dropout > 0 { drop(layer, count, &random) }
    }
  }

  private func pass(_ rows: Int, activate: (Int, Int) -> Void) {
    precondition(rows <= capacity)
    guard rows > 0 else { return }
    for layer in 0..<shape.layers {
      let (width, next) = (shape.widths[layer], shape.widths[layer + 1])
      guard next > 0 else { continue }
      let weights = parameters + offsets[layer]
      let biases = weights + width * next
      let result = values[layer + 1]
      for i in 0..<rows { (result + i * next).update(from: biases, count: next) }
      if width > 0 {
        FloatProducts.multiply(
          values[layer], stride: width, weights, stride: next, into: result, stride: next, rows: rows, inner: width, columns: next, adding: true)
      }
      if layer + 1 < shape.layers { activate(layer + 1, rows * next) }
    }
  }

  private func drop(_ layer: Int, _ count: Int, _ random: inout RandomStream) {
    let threshold = UInt64((dropout * 65536).rounded())
    let scale = Float(1 / (1 - Double(threshold) / 65536))
    let (value, slope) = (values[layer], slopes[layer])
    var i = 0
    while i < count {
      // Sixteen random bits a unit.
      var bits = random.next()
      for j in i..<min(i + 4, count) {
        let factor: Float = bits & 0xFFFF < threshold ? 0 : scale
        value[j] *= factor
        slope[j] *= factor
        bits >>= 16
      }
      i += 4
    }
  }

  /// Derivatives of the loss in every parameter, from `outputGradient` and the last `trainingForward` of as many rows.
  public func backward(rows: Int) {
    precondition(rows <= capacity && rows > 0)
    for layer in (0..<shape.layers).reversed() {
      let (width, next) = (shape.widths[layer], shape.widths[layer + 1])
      guard next > 0 else { continue }
      let weights = parameters + offsets[layer]
      let delta = deltas[layer + 1]
      let biases = gradients + offsets[layer] + width * next
      biases.update(repeating: 0, count: next)
      for i in 0..<rows {
        let row = delta + i * next
        for j in 0..<next { biases[j] += row[j] }
      }
      guard width > 0 else { continue }
      FloatProducts.multiplyTransposed(
        values[layer], stride: width, delta, stride: next, into: gradients + offsets[layer], stride: next, rows: width, inner: rows, columns: next)
      if layer > 0 {
        FloatProducts.transpose(weights, rows: width, columns: next, into: turned)
        FloatProducts.multiply(
          delta, stride: next, turned, stride: width, into: deltas[layer], stride: width, rows: rows, inner: next, columns: width)
        FloatElementwise.multiply(deltas[layer], by: slopes[layer], count: rows * width)
      }
    }
  }
}
