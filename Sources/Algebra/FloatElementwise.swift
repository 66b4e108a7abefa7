/// Elementwise kernels of the networks. They use only additions, products and bit patterns, in a fixed order and without
/// fused operations, so every machine of the architecture gives the same bits.
package enum FloatElementwise {
  typealias Lane = SIMD4<Float>
  static let width = 4
  /// Buffers are whole numbers of this many floats.
  private static let padding = 16

  /// Room for `count` floats and padding, all zero.
  package static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let padded = (max(count, 1) + padding - 1) / padding * padding
    let raw = UnsafeMutableRawPointer.allocate(byteCount: padded * MemoryLayout<Float>.stride, alignment: 64)
    let floats = raw.bindMemory(to: Float.self, capacity: padded)
    floats.initialize(repeating: 0, count: padded)
    return floats
  }

  @inline(__always) static func lanes(_ pointer: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Lane> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Lane.self)
  }

  /// eˣ for x in [−87, 0] to an absolute 2e-7: x·log₂e = k + f, a polynomial for 2ᶠ − 1 (least relative error on |f| ≤ ½), and k into the exponent.
  @inline(__always) static func exponential(_ x: Float) -> Float {
    // Adding 1.5 · 2²³ rounds to a whole number without an instruction for it.
    let magic: Float = 12_582_912
    let power = x * 1.442_695_04
    let shifted = power + magic
    let f = power - (shifted - magic)
    var sum = f * 1.326_472_72e-3 + 9.671_512_81e-3
    sum = sum * f + 5.550_733_74e-2
    sum = sum * f + 2.402_224_21e-1
    sum = sum * f + 6.931_469_78e-1
    return (sum * f + 1) * Float(bitPattern: (shifted.bitPattern &- magic.bitPattern &+ 127) &<< 23)
  }

  /// Σ x², over padding that is zero.
  static func squaredNorm(_ values: UnsafeMutablePointer<Float>, count: Int) -> Float {
    let wide = UnsafeMutableRawPointer(values).assumingMemoryBound(to: SIMD16<Float>.self)
    var sum = SIMD16<Float>.zero
    for i in 0..<(count + 15) / 16 { sum += wide[i] * wide[i] }
    return sum.sum()
  }

  /// 1/√x of positive normal numbers to a relative 5e-6: a guess from the exponent and two of Newton's steps for 1/y² − x.
  /// The root and the quotient that it stands for take the compiler one lane at a time.
  @inline(__always) static func inverseSquareRoot(_ x: Lane) -> Lane {
    let guess = SIMD4<UInt32>(repeating: 0x5F37_59DF) &- (unsafeBitCast(x, to: SIMD4<UInt32>.self) &>> 1)
    var y = unsafeBitCast(guess, to: Lane.self)
    let half = x * 0.5
    y = y * (1.5 - half * y * y)
    return y * (1.5 - half * y * y)
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
