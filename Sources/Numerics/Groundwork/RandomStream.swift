/// A reproducible stream of random numbers: xoshiro256** seeded through SplitMix64
/// (Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators").
///
/// The same `seed` and `stream` give the same numbers on every machine. Work that runs in parallel takes one stream a
/// unit (a tree, a fold), so results never depend on the number of threads.
public struct RandomStream: Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  public init(seed: UInt64, stream: UInt64 = 0) {
    var mix = RandomStream.splitMix(seed) ^ RandomStream.splitMix(stream &+ 0x632B_E59B_D9B4_E019)
    func next() -> UInt64 {
      mix &+= RandomStream.goldenRatio
      return RandomStream.splitMix(mix)
    }
    state = (next(), next(), next(), next())
  }

  /// A hash of 64 bits in which every bit of the result depends on every bit of `value` (Steele, Lea, Flood 2014).
  public static func splitMix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// 2⁶⁴ over the golden ratio, made odd: its multiples lie far apart.
  private static let goldenRatio: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// A hash of the number of a row, whose upper bits part ties: one round of `splitMix` is enough for that.
  public static func hashed(row i: Int) -> UInt64 {
    let bits = UInt64(i &+ 1) &* goldenRatio
    return (bits ^ (bits >> 31)) &* 0xBF58_476D_1CE4_E5B9
  }

  /// 64 random bits.
  @inlinable public mutating func next() -> UInt64 { advance() }

  @usableFromInline mutating func advance() -> UInt64 {
    let product = state.1 &* 5
    let result = ((product << 7) | (product >> 57)) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = (state.3 << 45) | (state.3 >> 19)
    return result
  }

  /// Uniform on [0, 1), a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform on 0 ..< bound, without bias (Lemire 2019). `bound` must be positive.
  public mutating func below(_ bound: Int) -> Int {
    let range = UInt64(bound)
    var product = next().multipliedFullWidth(by: range)
    if product.low < range {
      let threshold = (0 &- range) % range
      while product.low < threshold { product = next().multipliedFullWidth(by: range) }
    }
    return Int(product.high)
  }

  /// Puts the elements in a uniformly random order (Fisher and Yates).
  public mutating func shuffle<T>(_ values: inout [T]) {
    guard values.count > 1 else { return }
    for i in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(i, below(i + 1)) }
  }
}
