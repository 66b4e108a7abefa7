import CNumberText

/// What a field's text says, read as a number.
public enum NumberReading: Equatable {
  case number(Double)
  /// Empty, or a word of `MissingText`.
  case missing
  /// `inf` or `-inf`, as an unbounded quantile is written.
  case infinite(Double)
  case overflow
  case notANumber
}

/// Exact powers of ten: 10^0 … 10^22 are doubles.
private let exactPowersOfTen: [Double] = (0...22).map { exponent in (0..<exponent).reduce(1.0) { power, _ in power * 10 } }
nonisolated(unsafe) private let exactPowers: UnsafePointer<Double> = {
  let copy = UnsafeMutablePointer<Double>.allocate(capacity: exactPowersOfTen.count)
  copy.initialize(from: exactPowersOfTen, count: exactPowersOfTen.count)
  return UnsafePointer(copy)
}()

/// Reads decimals, exactly rounded, with the decimal mark of `NumberNotation` and no other locale. One value per worker: it holds the table of
/// powers.
public struct NumberReader {
  private let powers = exactPowers
  private let decimalMark: UInt8
  /// 0 where some number stands for a missing value, so that none is short.
  private let mostDigits: Int

  public init(decimalMark: UInt8 = NumberNotation.decimalMark) {
    self.decimalMark = decimalMark
    mostDigits = MissingText.hasNumbers ? 0 : 19
  }

  /// A plain decimal of at most 19 digits whose mantissa is below 2⁵³ and whose scale is at most 10²²: then one exact
  /// division gives the correctly rounded value (Clinger 1990). Returns nil for everything else.
  @inline(__always)
  public func readShortDecimal(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Double? {
    var p = start
    guard p < end else { return nil }
    let negative = p.pointee == UInt8(ascii: "-")
    if negative { p += 1 }
    let first = p
    var mantissa: UInt64 = 0
    while p < end {
      let digit = p.pointee &- UInt8(ascii: "0")
      if digit > 9 { break }
      mantissa = mantissa &* 10 &+ UInt64(digit)
      p += 1
    }
    var digits = p - first
    var scale = 0
    if p < end, p.pointee == decimalMark {
      p += 1
      let fraction = p
      while p < end {
        let digit = p.pointee &- UInt8(ascii: "0")
        if digit > 9 { break }
        mantissa = mantissa &* 10 &+ UInt64(digit)
        p += 1
      }
      scale = p - fraction
      digits += scale
    }
    guard p == end, digits > 0, digits <= mostDigits, mantissa <= 1 << 53, scale <= 22 else { return nil }
    let magnitude = Double(mantissa) / powers[scale]
    return negative ? -magnitude : magnitude
  }

  /// Reads a field's text; blanks around it are ignored.
  @inline(__always)
  public func read(_ text: UnsafeBufferPointer<UInt8>) -> NumberReading {
    guard let base = text.baseAddress, text.count > 0 else { return .missing }
    if let value = readShortDecimal(base, base + text.count) { return .number(value) }
    return readSlowly(text)
  }

  /// Reads a JSON value: a number has a point in any case, and what a string holds is a field's text.
  public func read(json raw: UnsafeBufferPointer<UInt8>) -> NumberReading {
    if raw.count >= 2, raw[0] == 0x22 { return read(UnsafeBufferPointer(rebasing: raw[1..<(raw.count - 1)])) }
    return raw.count == 0 ? .missing : readSlowly(raw, isJSON: true)
  }

  /// The number that text says; nil where it says none, or an infinite one.
  public func value(of text: String) -> Double? {
    var text = text
    if case .number(let value) = text.withUTF8({ read($0) }) { return value }
    return nil
  }

  /// Reads what `readShortDecimal` leaves; with `isJSON` a number has a point in any case.
  @inline(never)
  func readSlowly(_ text: UnsafeBufferPointer<UInt8>, isJSON: Bool = false) -> NumberReading {
    var low = 0
    var high = text.count
    func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }
    while low < high, isBlank(text[low]) { low += 1 }
    while high > low, isBlank(text[high - 1]) { high -= 1 }
    if low == high { return .missing }
    let trimmed = UnsafeBufferPointer(rebasing: text[low..<high])
    let plain = decimalMark == NumberNotation.comma && !isJSON ? NumberNotation.plain(ofComma: trimmed) : nil
    if decimalMark == NumberNotation.comma, !isJSON, plain == nil { return NumberReader.word(trimmed) }
    var value = 0.0
    let status = (plain ?? []).withUnsafeBufferPointer { plain in
      (plain.isEmpty ? trimmed : plain).withMemoryRebound(to: CChar.self) {
        number_text_read($0.baseAddress!, $0.baseAddress! + $0.count, &value)
      }
    }
    switch status {
    case 0: return MissingText.hasNumbers && MissingText.numbers.contains(value) ? .missing : .number(value)
    case 2: return .overflow
    default: return NumberReader.word(trimmed)
    }
  }

  private static func word(_ text: UnsafeBufferPointer<UInt8>) -> NumberReading {
    guard text.count <= max(9, MissingText.longest) else { return .notANumber }
    switch String(decoding: text, as: UTF8.self) {
    case let word where MissingText.matches(word): return .missing
    case "inf", "Inf", "+inf", "+Inf", "Infinity", "+Infinity", "infinity": return .infinite(.infinity)
    case "-inf", "-Inf", "-Infinity", "-infinity": return .infinite(-.infinity)
    default: return .notANumber
    }
  }
}

/// The shortest decimal that reads back to the same double.
public func shortestText(_ value: Double) -> String {
  if value.isNaN { return "" }
  if value.isInfinite { return value < 0 ? "-inf" : "inf" }
  let buffer = ByteBuffer(capacity: 400)
  buffer.append(number: value, digits: nil)
  return String(decoding: buffer.bytes, as: UTF8.self)
}

/// A level as column names and messages write it: 0.025.
public func levelText(_ level: Double) -> String {
  let buffer = ByteBuffer(capacity: 400)
  buffer.append(number: level, digits: 9)
  return String(decoding: buffer.bytes, as: UTF8.self)
}
