import CKernels
import Glibc
import LinearAlgebra

/// Adam with AMSGrad (Kingma and Ba 2015; Reddi, Kale, Kumar 2018), weight decay apart from the gradient (Loshchilov and Hutter
/// 2019), the gradient's norm bounded, and an exponential average of the parameters over the steps (Polyak and Juditsky 1992).
///
///     m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  v̂ ← max(v̂, v),  θ ← θ − η (m / √(v̂ + ε²) + λθ),
///     θ̄ ← ρθ̄ + (1−ρ)θ
///
/// A step costs some twenty operations a parameter and allocates nothing.
public final class AdamOptimiser {
  private let network: DenseNetwork
  private let mean: UnsafeMutablePointer<Float>
  private let square: UnsafeMutablePointer<Float>
  private let largest: UnsafeMutablePointer<Float>
  private let average: UnsafeMutablePointer<Float>
  private var steps = 0
  private let weightDecay: Float
  private let gain: Float
  private let largestNorm: Float = 10

  public init(_ network: DenseNetwork, weightDecay: Double, averaging: Double) {
    self.network = network
    self.weightDecay = Float(weightDecay)
    gain = Float(1 - averaging)
    let count = network.shape.parameterCount
    mean = FloatElementwise.allocate(count)
    square = FloatElementwise.allocate(count)
    largest = FloatElementwise.allocate(count)
    average = FloatElementwise.allocate(count)
    average.update(from: network.parameters, count: count)
  }

  deinit {
    mean.deallocate()
    square.deallocate()
    largest.deallocate()
    average.deallocate()
  }

  /// The averaged parameters and the current ones change places: before and after they are judged.
  public func swapAverage() {
    for i in 0..<network.shape.parameterCount { swap(&average[i], &network.parameters[i]) }
  }

  /// Starts again from these parameters, with nothing remembered of the gradients.
  public func restart(at parameters: [Float]) {
    network.parameterValues = parameters
    let count = network.shape.parameterCount
    average.update(from: network.parameters, count: count)
    for buffer in [mean, square, largest] { buffer.update(repeating: 0, count: count) }
    steps = 0
  }

  /// One step against the network's gradients. False, and nothing is changed, where they are not finite.
  public func step(learningRate: Double) -> Bool {
    let norm = FloatElementwise.squaredNorm(network.gradients, count: network.shape.parameterCount).squareRoot()
    guard norm.isFinite else { return false }
    steps += 1
    let (beta1, beta2) = (0.9, 0.999)
    let correction = 1 / (1 - pow(beta2, Double(steps))).squareRoot()
    var step = elementwise_adam_step(
      shrink: norm > largestNorm ? largestNorm / norm : 1, gain_mean: Float(1 - beta1), gain_square: Float(1 - beta2),
      small: Float(1e-16 / (correction * correction)), step_size: Float(learningRate / (1 - pow(beta1, Double(steps))) / correction),
      keep: 1 - Float(learningRate) * weightDecay, gain_average: gain)
    elementwise_adam(network.parameters, network.gradients, mean, square, largest, average, network.shape.parameterCount, &step)
    return true
  }
}
