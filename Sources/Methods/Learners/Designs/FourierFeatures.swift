import Glibc
import Groundwork
import Quantiles

/// Random features of a Gaussian kernel: z(x) = (1, x, √2 cos(ω_kᵀx + φ_k), k = 1 … D) with ω_k normal with variance 1/h² and φ_k uniform on
/// (0, 2π), so that the mean of z_k(x) z_k(x′) is exp(−‖x − x′‖² / 2h²) (Rahimi and Recht 2007, "Random features for large-scale kernel
/// machines"). x are standardised columns.
package struct FourierFeatures: Sendable {
  let inputs: Int
  /// D × inputs.
  package let frequencies: [Double]
  package let phases: [Double]
  /// inputs × D: what all features take from one input lies together.
  private let frequenciesByInput: [Double]

  package var columns: Int { 1 + inputs + phases.count }

  /// The first features of a longer draw are the draw of fewer.
  init(inputs: Int, count: Int, bandwidth: Double, seed: UInt64) {
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
    self.init(inputs: inputs, frequencies: frequencies, phases: phases)
  }

  package init(inputs: Int, frequencies: [Double], phases: [Double]) {
    self.inputs = inputs
    self.frequencies = frequencies
    self.phases = phases
    var byInput: [Double] = []
    if frequencies.count == phases.count * inputs {
      for c in 0..<inputs { for k in phases.indices { byInput.append(frequencies[k * inputs + c]) } }
    }
    frequenciesByInput = byInput
  }

  /// Writes z of the row of `inputs` numbers at `x` to `z`.
  package func write(_ x: UnsafePointer<Double>, to z: UnsafeMutablePointer<Double>) {
    z[0] = 1
    for c in 0..<inputs { z[1 + c] = x[c] }
    let count = phases.count
    let angles = z + 1 + inputs
    phases.withUnsafeBufferPointer { phases in
      frequenciesByInput.withUnsafeBufferPointer { frequencies in
        func eight(_ values: UnsafeBufferPointer<Double>, _ k: Int) -> SIMD8<Double> {
          UnsafeRawPointer(values.baseAddress! + k).loadUnaligned(as: SIMD8<Double>.self)
        }
        var k = 0
        while k + 8 <= count {
          var sum = eight(phases, k)
          for c in 0..<inputs { sum += eight(frequencies, c * count + k) * x[c] }
          UnsafeMutableRawPointer(angles + k).storeBytes(of: sum, as: SIMD8<Double>.self)
          k += 8
        }
        for k in k..<count {
          angles[k] = phases[k]
          for c in 0..<inputs { angles[k] += frequencies[c * count + k] * x[c] }
        }
      }
    }
    FourierFeatures.replaceByCosines(angles, count: count)
  }

  /// a ↦ √2 cos a to 1e-12 beside the rounding of a: with a = 2π(whole + f), cos a = 1 − 2 sin² πf, and sin πf a polynomial of least
  /// error on |f| ≤ ½. A plain loop, which the compiler turns into vector code.
  private static func replaceByCosines(_ angles: UnsafeMutablePointer<Double>, count: Int) {
    // Adding 1.5 · 2⁵² rounds to a whole number.
    let magic = 6_755_399_441_055_744.0
    let scale = 2.0.squareRoot()
    for k in 0..<count {
      let turns = angles[k] * (0.5 / .pi)
      let rest = turns - ((turns + magic) - magic)
      // Turns so many that none of their fraction is left.
      let low = rest > -0.5 ? rest : -0.5
      let f = low < 0.5 ? low : 0.5
      let u = f * f
      var sum = u * 0.00044617663673344115 - 0.0073629365464823165
      sum = sum * u + 0.08214446058188948
      sum = sum * u - 0.5992643838127533
      sum = sum * u + 2.5501640322509957
      sum = sum * u - 5.167712779873672
      sum = sum * u + 3.1415926535886136
      let sine = sum * f
      angles[k] = scale - 2 * scale * (sine * sine)
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
