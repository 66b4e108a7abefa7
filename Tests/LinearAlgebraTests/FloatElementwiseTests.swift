import Glibc
import Groundwork
import LinearAlgebra
import Networks
import Testing

/// Every kernel bit by bit against the same in Swift, one number at a time, at counts that fill blocks of 16 and that do not.
@Suite struct FloatElementwiseTests {
  private func exponential(_ x: Float) -> Float {
    let magic: Float = 12_582_912
    let power = (x > -87 ? x : -87) * 1.442_695_04
    let shifted = power + magic
    let f = power - (shifted - magic)
    var sum = f * 1.326_472_72e-3 + 9.671_512_81e-3
    sum = sum * f + 5.550_733_74e-2
    sum = sum * f + 2.402_224_21e-1
    sum = sum * f + 6.931_469_78e-1
    return (sum * f + 1) * Float(bitPattern: (shifted.bitPattern &- magic.bitPattern &+ 127) &<< 23)
  }

  /// `count` numbers in ±range, and a copy for the kernel.
  private func numbers(_ count: Int, range: Double, _ random: inout RandomStream) -> (plain: [Float], buffer: UnsafeMutablePointer<Float>) {
    let plain = (0..<count).map { _ in Float((2 * random.uniform() - 1) * range) }
    let buffer = FloatElementwise.allocate(count)
    for (i, x) in plain.enumerated() { buffer[i] = x }
    return (plain, buffer)
  }

  private func bits(_ buffer: UnsafeMutablePointer<Float>, _ count: Int) -> [UInt32] { (0..<count).map { buffer[$0].bitPattern } }

  @Test(arguments: [1, 15, 16, 17, 1000]) func activationsAndSlopesAreThoseOfOneNumberAtATime(_ count: Int) {
    var random = RandomStream(seed: 1)
    let (z, buffer) = numbers(count, range: 100, &random)
    let copy = FloatElementwise.allocate(count)
    let slopes = FloatElementwise.allocate(count)
    defer { for b in [buffer, copy, slopes] { b.deallocate() } }
    copy.update(from: buffer, count: count)
    FloatElementwise.elu(buffer, slopes: slopes, count: count)
    FloatElementwise.elu(copy, slopes: nil, count: count)
    let expected = z.map { ($0 > 0 ? $0 : 0) + (exponential($0 < 0 ? $0 : 0) - 1) }
    #expect(bits(buffer, count) == expected.map(\.bitPattern))
    #expect(bits(copy, count) == expected.map(\.bitPattern))
    #expect(bits(slopes, count) == z.map { exponential($0 < 0 ? $0 : 0).bitPattern })
    for (i, x) in z.enumerated() { #expect(abs(Double(slopes[i]) - min(1, exp(Double(x)))) < 2e-7) }
  }

  @Test(arguments: [1, 16, 37]) func productsAndNormsAreThoseOfOneNumberAtATime(_ count: Int) {
    var random = RandomStream(seed: 2)
    let (a, left) = numbers(count, range: 3, &random)
    let (b, right) = numbers(count, range: 3, &random)
    defer { for b in [left, right] { b.deallocate() } }
    var sums = [Float](repeating: 0, count: 16)
    for (i, x) in a.enumerated() { sums[i % 16] += x * x }
    for half in [8, 4, 2, 1] { for i in 0..<half { sums[i] += sums[i + half] } }
    #expect(FloatElementwise.squaredNorm(left, count: count) == sums[0])
    FloatElementwise.multiply(left, by: right, count: count)
    #expect(bits(left, count) == zip(a, b).map { ($0 * $1).bitPattern })
  }

  @Test(arguments: [(1, 5), (2, 16), (7, 99)]) func mixturesAndTheirDerivativesAreThoseOfOnePlaceAtATime(_ sources: Int, _ count: Int) {
    var random = RandomStream(seed: 3)
    let stride = (count + 15) / 16 * 16
    var (z, weights) = numbers(sources * stride, range: 20, &random)
    // A source that counts for nothing at one place.
    z[2] = sources > 1 ? -1e30 : z[2]
    weights[2] = z[2]
    let (g, values) = numbers(sources * stride, range: 5, &random)
    let (d, derivatives) = numbers(stride, range: 1, &random)
    let mixtures = FloatElementwise.allocate(stride)
    defer { for b in [weights, values, derivatives, mixtures] { b.deallocate() } }
    var (w, q) = (z, [Float](repeating: 0, count: count))
    for t in 0..<count {
      let column = (0..<sources).map { $0 * stride + t }
      let top = column.map { z[$0] }.max()!
      var (total, sum): (Float, Float) = (0, 0)
      for i in column {
        w[i] = exponential(z[i] - top)
        total += w[i]
        sum += w[i] * g[i]
      }
      for i in column { w[i] *= 1 / total }
      q[t] = sum * (1 / total)
    }
    let places = (0..<sources).flatMap { s in (0..<count).map { s * stride + $0 } }
    FloatElementwise.mixtureForward(weights, values, sources: sources, count: count, stride: stride, into: mixtures)
    #expect(bits(mixtures, count) == q.map(\.bitPattern))
    for i in places { #expect(weights[i] == w[i]) }
    FloatElementwise.mixtureBackward(weights, values, mixtures: mixtures, derivatives: derivatives, sources: sources, count: count, stride: stride)
    for i in places { #expect(weights[i] == w[i] * ((g[i] - q[i % stride]) * d[i % stride])) }
  }

  /// Gradients beyond the bound on their norm among them.
  @Test func adamsStepsAreThoseOfOneParameterAtATime() {
    let network = DenseNetwork(shape: NetworkShape(inputs: 3, hidden: [5], outputs: 2), capacity: 4)
    var random = RandomStream(seed: 4)
    network.initialise(&random)
    for i in 0..<12 { network.input[i] = Float(random.uniform()) }
    let optimiser = AdamOptimiser(network, weightDecay: 0.01, averaging: 0.9)
    var theta = network.parameterValues
    var average = theta
    var (m, v, top) = (theta.map { _ in Float(0) }, theta.map { _ in Float(0) }, theta.map { _ in Float(0) })
    for step in 1...20 {
      network.trainingForward(rows: 4, &random)
      for i in 0..<8 { network.outputGradient[i] = Float(random.uniform() - 0.5) * (step % 5 == 0 ? 1000 : 1) }
      network.backward(rows: 4)
      let gradients = network.gradientValues
      let norm = FloatElementwise.squaredNorm(gradients + [Float](repeating: 0, count: 16), count: gradients.count).squareRoot()
      #expect(optimiser.step(learningRate: 0.01))
      let correction = 1 / (1 - pow(0.999, Double(step))).squareRoot()
      let size = Float(0.01 / (1 - pow(0.9, Double(step))) / correction)
      for i in theta.indices {
        let g = gradients[i] * (norm > 10 ? 10 / norm : 1)
        m[i] += Float(1 - 0.9) * (g - m[i])
        v[i] += Float(1 - 0.999) * (g * g - v[i])
        top[i] = max(top[i], v[i])
        theta[i] = theta[i] * (1 - Float(0.01) * Float(0.01)) - size * (m[i] / (top[i] + Float(1e-16 / (correction * correction))).squareRoot())
        average[i] += Float(1 - 0.9) * (theta[i] - average[i])
      }
      #expect(network.parameterValues == theta)
      optimiser.swapAverage()
      #expect(network.parameterValues == average)
      optimiser.swapAverage()
    }
  }
}
