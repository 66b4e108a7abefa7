import Glibc

/// Adam with AMSGrad (Kingma and Ba 2015; Reddi, Kale, Kumar 2018), weight decay apart from the gradient (Loshchilov and Hutter
/// 2019), the gradient's norm bounded, and an exponential average of the parameters over the steps (Polyak and Juditsky 1992).
///
///     m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²,  v̂ ← max(v̂, v),  θ ← θ − η (m / √(v̂ + ε²) + λθ),
///     θ̄ ← ρθ̄ + (1−ρ)θ, once every `averagedSteps` steps with ρ to that power: neighbouring steps differ little
///
/// A step costs some fifteen operations a parameter and allocates nothing.
public final class AdamOptimiser {
  private let network: DenseNetwork
  private let mean: UnsafeMutablePointer<Float>
  private let square: UnsafeMutablePointer<Float>
  private let largest: UnsafeMutablePointer<Float>
  private let average: UnsafeMutablePointer<Float>
  private var steps = 0
  private let weightDecay: Float
  private let gain: Float
  private static let averagedSteps = 10
  private let largestNorm: Float = 10

  public init(_ network: DenseNetwork, weightDecay: Double, averaging: Double) {
    self.network = network
    self.weightDecay = Float(weightDecay)
    gain = Float(1 - pow(averaging, Double(AdamOptimiser.averagedSteps)))
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
    typealias Lane = FloatElementwise.Lane
    let lanes = (network.shape.parameterCount + FloatElementwise.width - 1) / FloatElementwise.width
    let g = FloatElementwise.lanes(network.gradients)
    let norm = FloatElementwise.squaredNorm(network.gradients, count: network.shape.parameterCount).squareRoot()
    guard norm.isFinite else { return false }
    steps += 1
    let (beta1, beta2) = (0.9, 0.999)
    let shrink = Lane(repeating: norm > largestNorm ? largestNorm / norm : 1)
    let correction = 1 / (1 - pow(beta2, Double(steps))).squareRoot()
    let stepSize = Lane(repeating: Float(learningRate / (1 - pow(beta1, Double(steps))) / correction))
    let small = Lane(repeating: Float(1e-16 / (correction * correction)))
    let keep = Lane(repeating: 1 - Float(learningRate) * weightDecay)
    let (a1, a2) = (Lane(repeating: Float(1 - beta1)), Lane(repeating: Float(1 - beta2)))
    let (theta, m, v, top) = (
      FloatElementwise.lanes(network.parameters), FloatElementwise.lanes(mean), FloatElementwise.lanes(square), FloatElementwise.lanes(largest)
    )
    for i in 0..<lanes {
      let gradient = g[i] * shrink
      let mi = m[i] + a1 * (gradient - m[i])
      let vi = v[i] + a2 * (gradient * gradient - v[i])
      let ti = top[i].replacing(with: vi, where: vi .> top[i])
      m[i] = mi
      v[i] = vi
      top[i] = ti
      theta[i] = theta[i] * keep - stepSize * (mi * FloatElementwise.inverseSquareRoot(ti + small))
    }
    if steps % AdamOptimiser.averagedSteps == 0 {
      let bar = FloatElementwise.lanes(average)
      for i in 0..<lanes { bar[i] += gain * (theta[i] - bar[i]) }
    }
    return true
  }
}
