/// Elementwise kernels of the networks. They use only additions, products and bit patterns, in a fixed order and without
/// fused operations, so every machine of the architecture gives the same bits.
package enum FloatElementwise {
  typealias Lane = SIMD16<Float>
  static let width = 16

  /// Room for `count` floats in whole lanes, all zero.
  package static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let lanes = (max(count, 1) + width - 1) / width
    let raw = UnsafeMutableRawPointer.allocate(byteCount: lanes * MemoryLayout<Lane>.stride, alignment: MemoryLayout<Lane>.alignment)
    let floats = raw.bindMemory(to: Float.self, capacity: lanes * width)
    floats.initialize(repeating: 0, count: lanes * width)
    return floats
  }

  @inline(__always) static func lanes(_ pointer: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Lane> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Lane.self)
  }

  /// eˣ for x in [−87, 0], to 2 units in the last place: x = k·ln 2 + r, a polynomial in r, and k into the exponent.
  @inline(__always) static func exponential(_ x: Float) -> Float {
    // Adding 1.5 · 2²³ rounds to a whole number without an instruction for it.
    let magic: Float = 12_582_912
    let shifted = x * 1.442_695_04 + magic
    let k = shifted - magic
    let r = (x - k * 0.693_359_375) + k * 2.121_944_4e-4
    var sum = r * 1.987_569_15e-4 + 1.398_199_95e-3
    sum = sum * r + 8.333_451_9e-3
    sum = sum * r + 4.166_579_6e-2
    sum = sum * r + 1.666_666_55e-1
    sum = sum * r + 0.5
    let value = sum * (r * r) + r + 1
    return value * Float(bitPattern: (shifted.bitPattern &- magic.bitPattern &+ 127) &<< 23)
  }

  /// ELU in place, max(z, 0) + e^min(z, 0) − 1; its derivative goes to `slopes` where they are wanted.
  /// Plain loops: the compiler turns them into vector code, which it does not do for masks of `SIMD16`.
  static func elu(_ values: UnsafeMutablePointer<Float>, slopes: UnsafeMutablePointer<Float>?, count: Int) {
    if let slopes {
      for i in 0..<count {
        let x = values[i]
        let low: Float = x < 0 ? x : 0
        let e = exponential(low > -87 ? low : -87)
        values[i] = (x > 0 ? x : 0) + (e - 1)
        // e is 1 where x is positive.
        slopes[i] = e
      }
    } else {
      for i in 0..<count {
        let x = values[i]
        let low: Float = x < 0 ? x : 0
        let e = exponential(low > -87 ? low : -87)
        values[i] = (x > 0 ? x : 0) + (e - 1)
      }
    }
  }

  /// values *= factors, over whole lanes.
  static func multiply(_ values: UnsafeMutablePointer<Float>, by factors: UnsafeMutablePointer<Float>, count: Int) {
    let (a, b) = (lanes(values), lanes(factors))
    for i in 0..<(count + width - 1) / width { a[i] *= b[i] }
  }
}

extension FloatElementwise {
  /// Softmax over `sources` values at each of `count` places, in place: value (s, t) is at s · stride + t. `work` holds `count` floats.
  package static func softmax(
    _ values: UnsafeMutablePointer<Float>, sources: Int, count: Int, stride: Int, work: UnsafeMutablePointer<Float>
  ) {
    for t in 0..<count { work[t] = values[t] }
    for s in 1..<max(sources, 1) {
      let row = values + s * stride
      for t in 0..<count { work[t] = row[t] > work[t] ? row[t] : work[t] }
    }
    for s in 0..<sources {
      let row = values + s * stride
      for t in 0..<count {
        let x = row[t] - work[t]
        row[t] = exponential(x > -87 ? x : -87)
      }
    }
    for t in 0..<count { work[t] = 0 }
    for s in 0..<sources {
      let row = values + s * stride
      for t in 0..<count { work[t] += row[t] }
    }
    for t in 0..<count { work[t] = 1 / work[t] }
    for s in 0..<sources {
      let row = values + s * stride
      for t in 0..<count { row[t] *= work[t] }
    }
  }
}
