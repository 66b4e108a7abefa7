import LinearAlgebra

/// The layer that turns a network's outputs into the quantiles of one row: softmax weights over sources at each level, their mixture,
/// and a shift that all levels share.
///
/// Outputs are S × K logits, source by source, then one number e where the mixture shifts: q_t = Σ_s w_st g_st + e·u, u the row's unit.
/// Room for one row, forward and backward; not for several threads at once. Costs S·m exponentials and 4·S·K·m multiplications a row.
package final class MixtureLayer {
  let shape: MixtureShape
  private let stride: Int
  private let weights: UnsafeMutablePointer<Float>
  private let masked: UnsafeMutablePointer<Float>
  private let mixtures: UnsafeMutablePointer<Float>
  /// K × stride, and its first m columns transposed.
  private let basis: UnsafeMutablePointer<Float>
  private let turnedBasis: UnsafeMutablePointer<Float>
  private var sources: UnsafePointer<Float>
  /// Room for the source values of a row that are not kept elsewhere.
  let room: UnsafeMutablePointer<Float>
  /// The row's m quantiles after `forward`.
  let quantiles: UnsafeMutablePointer<Float>

  package init(_ shape: MixtureShape) {
    self.shape = shape
    stride = shape.stride
    weights = FloatElementwise.allocate(shape.sources * stride)
    masked = FloatElementwise.allocate(shape.sources * stride)
    room = FloatElementwise.allocate(shape.sources * stride)
    quantiles = FloatElementwise.allocate(stride)
    mixtures = FloatElementwise.allocate(stride)
    basis = FloatElementwise.allocate(shape.basis.count)
    turnedBasis = FloatElementwise.allocate(shape.basis.count)
    sources = UnsafePointer(masked)
    for (k, share) in shape.basis.enumerated() { basis[k] = share }
    FloatProducts.transpose(basis, rows: shape.knots.count, columns: stride, into: turnedBasis)
  }

  deinit { for buffer in [weights, masked, room, quantiles, mixtures, basis, turnedBasis] { buffer.deallocate() } }

  /// The weight of source s at level t after `forward`, until `backward`.
  func weight(_ s: Int, _ t: Int) -> Float { weights[s * stride + t] }

  /// Fills `quantiles` from a row's S × stride source values, NaN where missing, and the network's outputs. The values must stay until `backward`.
  func forward(_ values: UnsafePointer<Float>, isWhole: Bool, unit: Float, outputs: UnsafePointer<Float>) {
    let m = shape.levels.count
    let K = shape.knots.count
    sources = values
    if K == m {
      for s in 0..<shape.sources { (weights + s * stride).update(from: outputs + s * m, count: m) }
    } else {
      FloatProducts.multiply(
        outputs, stride: K, basis, stride: stride, into: weights, stride: stride, rows: shape.sources, inner: K, columns: stride)
    }
    if !isWhole { mask() }
    FloatElementwise.mixtureForward(weights, sources, sources: shape.sources, count: m, stride: stride, into: mixtures)
    let shift = shape.shifts ? outputs[shape.logits] * unit : 0
    for t in 0..<m { quantiles[t] = mixtures[t] + shift }
  }

  /// Writes the derivative in the network's outputs from the derivative in the quantiles; `forward` was called before.
  func backward(_ derivative: UnsafePointer<Float>, unit: Float, into result: UnsafeMutablePointer<Float>) {
    let m = shape.levels.count
    let K = shape.knots.count
    if shape.shifts {
      var sum: Float = 0
      for t in 0..<m { sum += derivative[t] }
      result[shape.logits] = sum * unit
    }
    FloatElementwise.mixtureBackward(
      weights, sources, mixtures: mixtures, derivatives: derivative, sources: shape.sources, count: m, stride: stride)
    if K == m {
      for s in 0..<shape.sources { (result + s * m).update(from: weights + s * stride, count: m) }
    } else {
      FloatProducts.multiply(
        weights, stride: stride, turnedBasis, stride: K, into: result, stride: K, rows: shape.sources, inner: m, columns: K)
    }
  }

  /// Takes sources that are missing out of the softmax.
  private func mask() {
    let m = shape.levels.count
    for s in 0..<shape.sources {
      let (w, g, from) = (weights + s * stride, masked + s * stride, sources + s * stride)
      for t in 0..<m {
        let isMissing = from[t].isNaN
        g[t] = isMissing ? 0 : from[t]
        if isMissing { w[t] = -1e30 }
      }
    }
    sources = UnsafePointer(masked)
  }
}
