/// An exact sum of doubles: any order of adding and any split into partial sums give the same value, bit for bit.
///
/// A superaccumulator (Neal 2015, "Fast exact summation using small and large superaccumulators", §3): a fixed-point number in
/// units of 2⁻¹⁰⁷⁴ whose digits, 32 bits apart, lie in 64-bit chunks, so carries wait for a thousand additions. Only the chunks in
/// use are kept, so a sum takes some hundred bytes. Numbers within some 2^±30 of one another, as most scores of a column are,
/// are first added up in a 128-bit window. Infinities and NaN add up as IEEE 754 has it, save that the sum of nothing but
/// negative zeros is +0.
///
/// Chunks may lie beyond the range of doubles, so that products of weights and values of any size neither overflow nor lose bits.
public struct ExactSum: Sendable {
  /// Counts units of 2^(windowBase − 1074).
  @usableFromInline var window: Int128 = 0
  /// Chunk k counts units of 2^(32·(base + k) − 1074). The last chunk carries the sign.
  private var chunks: [Int64] = []
  // Small types: a million groups have a dozen sums each.
  @usableFromInline var narrowWindowBase: Int32 = 0
  @usableFromInline var additionsBeforeFlush: Int32 = 0
  private var narrowBase: Int32 = 0
  private var additionsBeforeCarry: Int16 = 0
  private var nonFinite: NonFinite = []

  @inlinable var windowBase: Int {
    @inline(__always) get { Int(narrowWindowBase) }
    set { narrowWindowBase = Int32(truncatingIfNeeded: newValue) }
  }
  private var base: Int {
    get { Int(narrowBase) }
    set { narrowBase = Int32(truncatingIfNeeded: newValue) }
  }

  private struct NonFinite: OptionSet {
    let rawValue: UInt8
    static let positiveInfinity = NonFinite(rawValue: 1)
    static let negativeInfinity = NonFinite(rawValue: 2)
    static let nan = NonFinite(rawValue: 4)
  }

  /// A significand shifted by this much has 113 bits, so the window holds the sum of 2¹³ of them.
  @usableFromInline static let largestShift: UInt = 60
  private static let additionsPerFlush: Int32 = 1 << 13
  /// An addition changes a chunk by less than 2⁵² + 2³², and chunks are below 2³³ after a carry, so 2⁶³ is not reached.
  private static let additionsPerCarry: Int16 = 1024

  public init() {}

  public init(_ value: Double) { add(value) }

  /// Some 2 ns.
  @inlinable @inline(__always)
  public mutating func add(_ value: Double) {
    let bits = value.bitPattern
    // The window stays clear of the exponents of infinities and NaN, and that of subnormals gives a negative shift.
    let shift = UInt(bitPattern: (Int(truncatingIfNeeded: bits &>> 52) & 0x7ff) &- 1 &- windowBase)
    if shift <= ExactSum.largestShift, additionsBeforeFlush > 0 {
      let significand = Int128(truncatingIfNeeded: (bits & 0xf_ffff_ffff_ffff) | 1 << 52) &<< Int128(truncatingIfNeeded: shift)
      let sign = Int128(truncatingIfNeeded: Int64(bitPattern: bits) &>> 63)
      window &+= (significand ^ sign) &- sign
      additionsBeforeFlush &-= 1
    } else if value != 0 {
      addOutsideWindow(value)
    }
  }

  /// Adds the product of two doubles, rounded to 53 bits: to that of doubles where it is a normal one, and as if exponents had no bounds elsewhere.
  /// So a factor of a power of two, of all weights, changes no quotient of such sums. As fast as `add`.
  @inlinable @inline(__always)
  public mutating func add(product a: Double, _ b: Double) {
    let product = a * b
    let exponent = (product.bitPattern &>> 52) & 0x7ff
    // The least normal exponent may come of rounding a subnormal one.
    if exponent &- 2 <= 0x7fe - 2 { add(product) } else { addExtremeProduct(a, b) }
  }

  @inline(never) @usableFromInline
  mutating func addExtremeProduct(_ a: Double, _ b: Double) {
    guard a.isFinite, b.isFinite, a != 0, b != 0 else { return add(a * b) }
    let product = a.significand * b.significand
    let position = Int(product.exponentBitPattern) - 1 + Int(a.exponent) + Int(b.exponent)
    addSignificand(Int64(product.significandBitPattern | 1 << 52), at: position, isNegative: (a < 0) != (b < 0))
  }

  @inline(never) @usableFromInline
  mutating func addOutsideWindow(_ value: Double) {
    if !value.isFinite {
      nonFinite.insert(value.isNaN ? .nan : value > 0 ? .positiveInfinity : .negativeInfinity)
      return
    }
    // The last bit of the significand is `position` bits above the unit.
    let position = value.isNormal ? Int(value.exponentBitPattern) - 1 : 0
    if additionsBeforeFlush == 0, value.isNormal {
      flushWindow()
      windowBase = min(max(position - 30, 0), 0x7fe - 1 - Int(ExactSum.largestShift))
      additionsBeforeFlush = ExactSum.additionsPerFlush
      return add(value)
    }
    addSignificand(Int64(value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)), at: position, isNegative: value < 0)
  }

  private mutating func addSignificand(_ significand: Int64, at position: Int, isNegative: Bool) {
    if additionsBeforeCarry == 0 { propagateCarries() }
    additionsBeforeCarry -= 1
    addToChunks(
      low: (significand << Int64(position & 31)) & 0xffff_ffff, high: significand >> Int64(32 - position & 31), isNegative: isNegative,
      at: position >> 5)
  }

  private mutating func addToChunks(low: Int64, high: Int64, isNegative: Bool, at index: Int) {
    makeRoom(from: index, through: index + 1)
    chunks[index - base] += isNegative ? -low : low
    chunks[index + 1 - base] += isNegative ? -high : high
  }

  /// Moves the window's sum to the chunks and carries.
  private mutating func flushWindow() {
    additionsBeforeFlush = 0
    if window != 0 {
      propagateCarries()
      for k in 0..<4 {
        let digit = Int64(truncatingIfNeeded: (window.magnitude >> UInt128(32 * k)) & 0xffff_ffff) << Int64(windowBase & 31)
        addToChunks(low: digit & 0xffff_ffff, high: digit >> 32, isNegative: window < 0, at: windowBase >> 5 + k)
      }
      window = 0
    }
    propagateCarries()
  }

  /// Adds another sum, exactly.
  public mutating func add(_ other: ExactSum) {
    nonFinite.formUnion(other.nonFinite)
    var other = other
    other.flushWindow()
    if other.chunks.isEmpty { return }
    flushWindow()
    makeRoom(from: other.base, through: other.base + other.chunks.count - 1)
    for (k, chunk) in other.chunks.enumerated() { chunks[k + other.base - base] += chunk }
    additionsBeforeCarry = 0
  }

  /// Every chunk but the last to 0 ..< 2³², the last to within ±2³².
  @inline(never)
  private mutating func propagateCarries() {
    additionsBeforeCarry = ExactSum.additionsPerCarry
    if chunks.isEmpty { return }
    for k in 0..<chunks.count - 1 {
      chunks[k + 1] += chunks[k] >> 32
      chunks[k] &= 0xffff_ffff
    }
    if chunks[chunks.count - 1].magnitude >> 32 != 0 {
      chunks.append(chunks[chunks.count - 1] >> 32)
      chunks[chunks.count - 2] &= 0xffff_ffff
    }
  }

  @inline(never)
  private mutating func makeRoom(from first: Int, through last: Int) {
    if chunks.isEmpty { base = first }
    if first < base {
      chunks.insert(contentsOf: repeatElement(0, count: base - first), at: 0)
      base = first
    }
    if last >= base + chunks.count {
      chunks.append(contentsOf: repeatElement(0, count: last - base - chunks.count + 1))
    }
  }

  /// What the sum is where it is not finite, as IEEE addition has it; nil where it is finite.
  private var nonFiniteValue: Double? {
    if nonFinite.isEmpty { return nil }
    if nonFinite == .positiveInfinity { return .infinity }
    return nonFinite == .negativeInfinity ? -.infinity : .nan
  }

  /// The finite part as sign and magnitude: digits in base 2³², the first counting units of 2^(32·base − 1074), none but
  /// meaningful ones at the end; no digit for zero.
  private func magnitude() -> (isNegative: Bool, digits: [UInt32], base: Int) {
    var sum = self
    sum.flushWindow()
    let isNegative = (sum.chunks.last ?? 0) < 0
    var digits: [UInt32] = []
    var carry: Int64 = 0
    for chunk in sum.chunks {
      let value = (isNegative ? -chunk : chunk) + carry
      digits.append(UInt32(truncatingIfNeeded: value))
      carry = value >> 32
    }
    if carry != 0 { digits.append(UInt32(truncatingIfNeeded: carry)) }
    while digits.last == 0 { digits.removeLast() }
    return (isNegative, digits, sum.base)
  }

  /// Whether nothing infinite and no NaN was added.
  public var isFinite: Bool { nonFinite.isEmpty }

  /// The exponent of the leading bit; nil for zero. That of a sum beyond the range of doubles is beyond theirs.
  public var exponent: Int? {
    let (_, digits, base) = magnitude()
    return digits.last.map { 32 * (base + digits.count) - $0.leadingZeroBitCount - 1 + ExactSum.unitExponent }
  }

  /// The double nearest to the sum, ties to even; ±∞ beyond the range of doubles.
  public var rounded: Double { rounded(timesTwoTo: 0) }

  /// The quotient of two sums that are rounded to 53 bits first, whatever their exponents are; `total` is a sum of finite numbers.
  public func divided(by total: ExactSum) -> Double {
    let (a, b) = (rounded, total.rounded)
    // A sum of few subnormal values has all its bits as it is.
    if a.isNormal && b.isNormal || a.isSubnormal && b >= 1 && b.isFinite || !isFinite { return a / (b.isFinite ? b : 1) }
    guard let exponent = total.exponent else { return a / b }
    return rounded(timesTwoTo: -exponent) / total.rounded(timesTwoTo: -exponent)
  }

  /// The double nearest to the sum times 2^`exponent`.
  public func rounded(timesTwoTo exponent: Int) -> Double {
    if let value = nonFiniteValue { return value }
    let (isNegative, digits, base) = magnitude()
    guard let lastDigit = digits.last else { return 0 }
    let length = 32 * digits.count - lastDigit.leadingZeroBitCount
    // Where the first bit stands, in units of the least double.
    let start = 32 * base + exponent
    /// 64 bits of the magnitude from bit `start`; bits outside are zero.
    func bits(from start: Int) -> UInt64 {
      var value: UInt64 = 0
      for k in 0...2 {
        let index = (start >> 5) + k
        guard digits.indices.contains(index) else { continue }
        let place = 32 * index - start
        value |= place >= 0 ? UInt64(digits[index]) << place : UInt64(digits[index]) >> -place
      }
      return value
    }
    // Doubles below 2⁻¹⁰²² keep every bit down to the unit, so nothing is cut off there.
    let cut = max(length - 53, -start)
    var significand = bits(from: cut)
    if cut > 0 {
      let half = bits(from: cut - 1) & 1 == 1
      let below = (0..<digits.count).contains { 32 * $0 < cut - 1 && digits[$0] & mask(below: cut - 1 - 32 * $0) != 0 }
      if half && (below || significand & 1 == 1) { significand += 1 }
    }
    // A significand of 53 bits at `position` has the exponent field position + 1, whose carry out of the significand is right too.
    let position = cut + start
    if position > 0x7fe { return isNegative ? -.infinity : .infinity }
    let pattern = significand < 1 << 52 ? significand : (UInt64(position) << 52) + significand
    let value = pattern >= Double.infinity.bitPattern ? Double.infinity : Double(bitPattern: pattern)
    return isNegative ? -value : value
  }

  private func mask(below bit: Int) -> UInt32 { bit >= 32 ? .max : (1 << UInt32(bit)) - 1 }
}

extension ExactSum: Equatable {
  /// Whether the exact values are the same; unlike for doubles, not-a-number equals itself.
  public static func == (a: ExactSum, b: ExactSum) -> Bool { a.text == b.text }
}

// MARK: - Text

extension ExactSum: LosslessStringConvertible {
  /// What chunks count.
  private static let unitExponent = -1074
  /// Texts hold multiples of 2⁻²¹⁴⁸ below 2²¹¹², which no sum of less than 2⁶⁴ products of two doubles reaches.
  private static let smallestExponent = 2 * unitExponent
  private static let exponentBound = 2 * 1024 + 64

  /// The exact value, the same for equal sums: `0x1bp-3` is 27/8, an odd hexadecimal integer times a power of two, `-` before it
  /// where it is negative; `0x0p0` is zero; `inf`, `-inf` and `nan`. At most 1,080 bytes, 560 where no product is beyond the doubles.
  public var text: String {
    if let value = nonFiniteValue { return value.isNaN ? "nan" : value > 0 ? "inf" : "-inf" }
    let (isNegative, digits, base) = magnitude()
    guard let firstUsed = digits.firstIndex(where: { $0 != 0 }) else { return "0x0p0" }
    let shift = 32 * firstUsed + digits[firstUsed].trailingZeroBitCount
    var text = ""
    for nibble in stride(from: (32 * digits.count - shift) / 4, through: 0, by: -1) {
      let start = shift + 4 * nibble
      let low = start / 32 < digits.count ? UInt64(digits[start / 32]) : 0
      let high = start / 32 + 1 < digits.count ? UInt64(digits[start / 32 + 1]) : 0
      let digit = ((high << 32 | low) >> (start % 32)) & 15
      if digit != 0 || !text.isEmpty { text += String(digit, radix: 16) }
    }
    return "\(isNegative ? "-" : "")0x\(text)p\(shift + 32 * base + ExactSum.unitExponent)"
  }

  public var description: String { text }

  /// Reads what `text` writes, and nothing else.
  public init?(_ text: String) {
    self.init()
    if let special = ["nan": Double.nan, "inf": .infinity, "-inf": -.infinity, "0x0p0": 0][text] {
      add(special)
      return
    }
    var rest = Substring(text).utf8
    if rest.count > 1100 { return nil }
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest.removeFirst() }
    guard rest.starts(with: "0x".utf8) else { return nil }
    rest = rest.dropFirst(2)
    guard let p = rest.firstIndex(of: UInt8(ascii: "p")), let exponent = Int(Substring(rest[rest.index(after: p)...])) else { return nil }
    let nibbles = rest[..<p].map(ExactSum.hexValue)
    guard !nibbles.contains(nil), let first = nibbles.first, let last = nibbles.last, first != 0, last! & 1 == 1,
      (ExactSum.smallestExponent..<ExactSum.exponentBound).contains(exponent),
      exponent + 4 * nibbles.count - first!.leadingZeroBitCount + 60 <= ExactSum.exponentBound
    else { return nil }
    for (k, nibble) in nibbles.reversed().enumerated() {
      let position = exponent - ExactSum.unitExponent + 4 * k
      let value = nibble! << Int64(position & 31)
      addToChunks(low: value & 0xffff_ffff, high: value >> 32, isNegative: isNegative, at: position >> 5)
    }
    additionsBeforeCarry = 0
    // One spelling a value: "+3", "-0" or "007" in the exponent come back differently.
    guard self.text == text else { return nil }
  }

  private static func hexValue(_ byte: UInt8) -> Int64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): Int64(byte - UInt8(ascii: "a") + 10)
    default: nil
    }
  }
}
