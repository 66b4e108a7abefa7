import Groundwork

/// A decimal of any length, exactly: ± 0.d₁d₂… · 10^exponent.
package struct ExactDecimal {
  private let isNegative: Bool
  /// Without zeros at either end; none is zero.
  private let digits: ArraySlice<UInt8>
  private let exponent: Int

  /// Reads `[+-]digits[.digits][e[±]digits]`. nil for other text, and where a zero stands before a digit of the whole part: such text is a name,
  /// unless `takesZeros`.
  package init?(_ text: some RandomAccessCollection<UInt8>, takesZeros: Bool = false) {
    var bytes = text[...]
    func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    var isNegative = false
    if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      isNegative = sign == UInt8(ascii: "-")
      bytes = bytes.dropFirst()
    }
    let whole = bytes.prefix(while: isDigit)
    if whole.count > 1, whole.first == 0x30, !takesZeros { return nil }
    bytes = bytes.dropFirst(whole.count)
    var digits = Array(whole)
    var point = whole.count
    if bytes.first == UInt8(ascii: ".") {
      let fraction = bytes.dropFirst().prefix(while: isDigit)
      digits += fraction
      bytes = bytes.dropFirst(1 + fraction.count)
    }
    if digits.isEmpty { return nil }
    if let e = bytes.first, e | 0x20 == UInt8(ascii: "e") {
      bytes = bytes.dropFirst()
      var isBelow = false
      if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
        isBelow = sign == UInt8(ascii: "-")
        bytes = bytes.dropFirst()
      }
      guard !bytes.isEmpty, bytes.count < 16, bytes.allSatisfy(isDigit) else { return nil }
      let size = bytes.reduce(0) { 10 * $0 + Int($1 - 0x30) }
      point += isBelow ? -size : size
      bytes = bytes.dropFirst(bytes.count)
    }
    guard bytes.isEmpty else { return nil }
    let zeros = digits.prefix { $0 == 0x30 }.count
    let last = digits.lastIndex { $0 != 0x30 }.map { $0 + 1 } ?? zeros
    self.digits = digits[zeros..<max(zeros, last)]
    exponent = self.digits.isEmpty ? 0 : point - zeros
    self.isNegative = isNegative && !self.digits.isEmpty
  }

  /// The one text of all that mean this number: a plain decimal, or where that has many zeros d.ddde±x.
  package var canonicalText: [UInt8] {
    let sign: [UInt8] = isNegative ? [UInt8(ascii: "-")] : []
    if digits.isEmpty { return [0x30] }
    func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x30, count: count) }
    let point = UInt8(ascii: ".")
    switch exponent {
    case digits.count...max(digits.count, 40): return sign + digits + zeros(exponent - digits.count)
    case 1..<max(2, digits.count): return sign + digits.prefix(exponent) + [point] + digits.dropFirst(exponent)
    case -40...0: return sign + [0x30, point] + zeros(-exponent) + digits
    default:
      let rest = digits.dropFirst()
      return sign + digits.prefix(1) + (rest.isEmpty ? [] : [point] + rest) + Array("e\(exponent - 1)".utf8)
    }
  }

  package func isLess(than other: ExactDecimal) -> Bool {
    if isNegative != other.isNegative { return isNegative }
    return isNegative ? other.isSmaller(than: self) : isSmaller(than: other)
  }

  /// Of the sizes.
  private func isSmaller(than other: ExactDecimal) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    if exponent != other.exponent { return exponent < other.exponent }
    return digits.lexicographicallyPrecedes(other.digits)
  }
}
