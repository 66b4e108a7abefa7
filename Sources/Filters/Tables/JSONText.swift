import Groundwork

/// JSON as bytes: enough to walk a flat object and to write one. Values are never interpreted beyond what a field needs.
enum JSONText {
  /// Skips blanks from `p`.
  @inline(__always)
  static func skipBlanks(_ base: UnsafePointer<UInt8>, _ p: inout Int, _ end: Int) {
    while p < end, base[p] == 32 || base[p] == 9 || base[p] == 13 || base[p] == 10 { p += 1 }
  }

  /// Moves `p` from an opening quote past the closing one. False where it is missing.
  @inline(__always)
  static func skipString(_ base: UnsafePointer<UInt8>, _ p: inout Int, _ end: Int) -> Bool {
    p += 1
    while p < end {
      let byte = base[p]
      if byte == 0x22 {
        p += 1
        return true
      }
      p += byte == 0x5c ? 2 : 1
    }
    p = min(p, end)
    return false
  }

  /// Moves `p` past a value: a string, a number or word, or a nested array or object (opaque to every tool).
  static func skipValue(_ base: UnsafePointer<UInt8>, _ p: inout Int, _ end: Int) -> Bool {
    guard p < end else { return false }
    switch base[p] {
    case 0x22: return skipString(base, &p, end)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      var depth = 0
      while p < end {
        switch base[p] {
        case 0x22:
          guard skipString(base, &p, end) else { return false }
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          depth -= 1
          if depth == 0 {
            p += 1
            return true
          }
        default: break
        }
        p += 1
      }
      return false
    default:
      let from = p
      while p < end, !(base[p] == UInt8(ascii: ",") || base[p] == UInt8(ascii: "}") || base[p] <= 32) { p += 1 }
      return isLiteral(UnsafeBufferPointer(start: base + from, count: p - from))
    }
  }

  private static func isLiteral(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    if isNumber(text) { return true }
    // NaN and Infinity are no JSON, but Python writes them.
    guard text.count <= 9 else { return false }
    return ["true", "false", "null", "NaN", "Infinity", "-Infinity"].contains(String(decoding: text, as: UTF8.self))
  }

  /// Whether the bytes are a number by JSON's grammar (no `01`, no `.5`, no `+1`).
  static func isNumber(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var p = 0
    func digits() -> Int {
      let from = p
      while p < text.count, text[p] >= 48, text[p] <= 57 { p += 1 }
      return p - from
    }
    if p < text.count, text[p] == UInt8(ascii: "-") { p += 1 }
    let leading = p
    let whole = digits()
    if whole == 0 || (whole > 1 && text[leading] == 48) { return false }
    if p < text.count, text[p] == UInt8(ascii: ".") {
      p += 1
      if digits() == 0 { return false }
    }
    if p < text.count, text[p] | 0x20 == UInt8(ascii: "e") {
      p += 1
      if p < text.count, text[p] == UInt8(ascii: "+") || text[p] == UInt8(ascii: "-") { p += 1 }
      if digits() == 0 { return false }
    }
    return p == text.count
  }

  /// The content of a string with its quotes; an escape that is none stays as it is.
  static func unescape(_ quoted: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var content: [UInt8] = []
    content.reserveCapacity(quoted.count)
    let end = quoted.count - 1
    var p = 1
    func unit(_ at: Int) -> UInt32? {
      guard at + 6 <= end, quoted[at] == 0x5c, quoted[at + 1] == UInt8(ascii: "u") else { return nil }
      return UInt32(String(decoding: quoted[at + 2..<at + 6], as: UTF8.self), radix: 16)
    }
    while p < end {
      guard quoted[p] == 0x5c, p + 1 < end else {
        content.append(quoted[p])
        p += 1
        continue
      }
      switch quoted[p + 1] {
      case UInt8(ascii: "n"): content.append(10)
      case UInt8(ascii: "t"): content.append(9)
      case UInt8(ascii: "r"): content.append(13)
      case UInt8(ascii: "b"): content.append(8)
      case UInt8(ascii: "f"): content.append(12)
      case UInt8(ascii: "u"):
        guard var scalar = unit(p) else {
          content.append(quoted[p])
          p += 1
          continue
        }
        p += 6
        if scalar & 0xFC00 == 0xD800, let low = unit(p), low & 0xFC00 == 0xDC00 {
          scalar = 0x10000 + (scalar & 0x3FF) << 10 + (low & 0x3FF)
          p += 6
        }
        content.append(contentsOf: String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
        continue
      case let other: content.append(other)
      }
      p += 2
    }
    return content
  }

  /// Writes content as a string with quotes; bytes that are not UTF-8 become U+FFFD, since JSON can hold no others.
  static func appendString(_ content: UnsafeBufferPointer<UInt8>, to output: ByteBuffer) {
    output.append(0x22)
    for byte in String(decoding: content, as: UTF8.self).utf8 {
      switch byte {
      case 0x22: output.append("\\\"")
      case 0x5c: output.append("\\\\")
      case 10: output.append("\\n")
      case 13: output.append("\\r")
      case 9: output.append("\\t")
      case 0..<32:
        let hex = String(byte, radix: 16)
        output.append("\\u" + String(repeating: "0", count: 4 - hex.count) + hex)
      default: output.append(byte)
      }
    }
    output.append(0x22)
  }
}

/// Appends a field of delimited text as a JSON value: a number where it is one by JSON's grammar, null where it is missing, else a string.
public func appendJSONField(_ text: FieldText, to output: ByteBuffer) {
  text.bytes.withUnsafeBufferPointer {
    if JSONText.isNumber($0), !NumberNotation.usesComma || !$0.contains(NumberNotation.point) { return output.append($0) }
    if MissingText.matches($0) { return output.append("null") }
    JSONText.appendString($0, to: output)
  }
}

/// Appends bytes as a JSON string with its quotes.
public func appendJSONString(_ text: FieldText, to output: ByteBuffer) {
  text.bytes.withUnsafeBufferPointer { JSONText.appendString($0, to: output) }
}

/// Appends text as a JSON string with its quotes.
public func appendJSONString(_ text: String, to output: ByteBuffer) {
  Array(text.utf8).withUnsafeBufferPointer { JSONText.appendString($0, to: output) }
}
