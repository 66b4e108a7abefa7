import CKernels

/// Elementwise kernels of the networks, over buffers from `allocate`: a count is rounded up to whole blocks of 16 numbers.
///
/// They are in C, compiled for vectors of several widths of which the machine takes the widest that it has. They use no fused operations and a
/// fixed order, so every machine of the architecture gives the same bits.
package enum FloatElementwise {
  private static let block = 16

  /// Room for `count` floats and padding, all zero.
  package static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let padded = (max(count, 1) + block - 1) / block * block
    let raw = UnsafeMutableRawPointer.allocate(byteCount: padded * MemoryLayout<Float>.stride, alignment: 64)
    let floats = raw.bindMemory(to: Float.self, capacity: padded)
    floats.initialize(repeating: 0, count: padded)
    return floats
  }

  /// ELU in place, max(z, 0) + e^min(z, 0) − 1 to an absolute 2e-7; its derivative e^min(z, 0) goes to `slopes` where they are wanted.
  package static func elu(_ values: UnsafeMutablePointer<Float>, slopes: UnsafeMutablePointer<Float>?, count: Int) {
    elementwise_elu(values, slopes, count)
  }

  /// values *= factors.
  package static func multiply(_ values: UnsafeMutablePointer<Float>, by factors: UnsafePointer<Float>, count: Int) {
    elementwise_multiply(values, factors, count)
  }

  /// Σ x², over padding that is zero: number i goes to sum i mod 16, and the sums are added in pairs.
  package static func squaredNorm(_ values: UnsafePointer<Float>, count: Int) -> Float { elementwise_squared_norm(values, count) }

  /// Writes the places i, in order, where 2·values[i] − offsets[i] is not below `least`, no numbers among them, and returns how many there are.
  package static func selectNear(
    _ values: UnsafePointer<Float>, offsets: UnsafePointer<Float>, least: Float, count: Int, into places: UnsafeMutablePointer<Int32>
  ) -> Int { elementwise_select_near(values, offsets, least, count, places) }

  /// Softmax over sources and the mixture of their values, at each of `count` places: w_st = exp(z_st) / Σ_r exp(z_rt) and q_t = Σ_s w_st g_st.
  ///
  /// Number (s, t) is at s · stride + t, the stride a multiple of 16. `weights` holds the logits z before and w after. Costs sources · count
  /// exponentials.
  package static func mixtureForward(
    _ weights: UnsafeMutablePointer<Float>, _ values: UnsafePointer<Float>, sources: Int, count: Int, stride: Int,
    into mixtures: UnsafeMutablePointer<Float>
  ) {
    precondition(sources > 0 && stride % block == 0)
    elementwise_mixture_forward(weights, values, sources, count, stride, mixtures)
  }

  /// Derivatives of a loss in the logits, w_st (g_st − q_t) d_t, in place of the weights that `mixtureForward` left; d are those in the mixtures q.
  package static func mixtureBackward(
    _ weights: UnsafeMutablePointer<Float>, _ values: UnsafePointer<Float>, mixtures: UnsafePointer<Float>, derivatives: UnsafePointer<Float>,
    sources: Int, count: Int, stride: Int
  ) {
    precondition(stride % block == 0)
    elementwise_mixture_backward(weights, values, mixtures, derivatives, sources, count, stride)
  }
}
