import Glibc
import Groundwork
import Quantiles

/// Random features of a Gaussian kernel: z(x) = (1, x, √2 cos(ω_kᵀx + φ_k), k = 1 … D) with ω_k normal with variance 1/h² and φ_k uniform on
/// (0, 2π), so that the mean of z_k(x) z_k(x′) is exp(−‖x − x′‖² / 2h²) (Rahimi and Recht 2007, "Random features for large-scale kernel
/// machines"). x are standardised columns.
struct FourierFeatures: Sendable {
  let inputs: Int
  /// D × inputs.
  let frequencies: [Double]
  let phases: [Double]

  var columns: Int { 1 + inputs + phases.count }

  /// The first features of a longer draw are the draw of fewer.
  init(inputs: Int, count: Int, bandwidth: Double, seed: UInt64) {
    self.inputs = inputs
    var random = RandomStream(seed: seed, stream: 1 << 42)
    var frequencies: [Double] = []
    var phases: [Double] = []
    for _ in 0..<count {
      for _ in 0..<inputs {
        // Box and Muller 1958.
        let radius = (-2 * log(1 - random.uniform())).squareRoot()
        frequencies.append(radius * cos(2 * .pi * random.uniform()) / bandwidth)
      }
      phases.append(2 * .pi * random.uniform())
    }
    self.frequencies = frequencies
    self.phases = phases
  }

  init(inputs: Int, frequencies: [Double], phases: [Double]) {
    self.inputs = inputs
    self.frequencies = frequencies
    self.phases = phases
  }

  /// Writes z of the row of `inputs` numbers at `x` to `z`.
  func write(_ x: UnsafePointer<Double>, to z: UnsafeMutablePointer<Double>) {
    z[0] = 1
    for c in 0..<inputs { z[1 + c] = x[c] }
    frequencies.withUnsafeBufferPointer { frequencies in
      for k in 0..<phases.count {
        var angle = phases[k]
        for c in 0..<inputs { angle += frequencies[k * inputs + c] * x[c] }
        z[1 + inputs + k] = 2.0.squareRoot() * cos(angle)
      }
    }
  }

  /// The median distance of pairs of rows drawn at random; 1 where most are the same.
  static func medianDistance(_ rows: [Double], count: Int, columns: Int, seed: UInt64) -> Double {
    guard count > 1, columns > 0 else { return 1 }
    var random = RandomStream(seed: seed, stream: 1 << 43)
    let distances = (0..<1000).map { _ -> Double in
      let (a, b) = (random.below(count), random.below(count))
      return (0..<columns).reduce(0) { $0 + (rows[a * columns + $1] - rows[b * columns + $1]) * (rows[a * columns + $1] - rows[b * columns + $1]) }
    }
    let median = lowerMedian(distances).squareRoot()
    return median > 0 ? median : 1
  }
}
