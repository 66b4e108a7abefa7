import Groundwork

/// How the tables of a run write numbers. It is chosen once, before anything is read, and holds for all that is read and written.
public enum NumberNotation {
  public static let point = UInt8(ascii: ".")
  public static let comma = UInt8(ascii: ",")

  /// What stands before the fraction: a point or a comma. JSON numbers, flags and column names have a point in any case.
  nonisolated(unsafe) public private(set) static var decimalMark = point

  static var usesComma: Bool { decimalMark == comma }

  /// Call it before a reader or a writer is made: each takes the mark when it is made.
  public static func use(decimalMark mark: UInt8) { decimalMark = mark }

  /// A number's text with a point, as a table has it.
  public static func local(_ text: String) -> String { usesComma ? String(text.map { $0 == "." ? "," : $0 }) : text }
}

extension NumberNotation {
  /// The plain decimal, with a point, that text with a decimal comma says: `1.234,5` is 1234.5. Full stops and no-break or thin spaces
  /// part thousands, all the same one, before groups of exactly three digits of a number that begins with no zero. nil for other text, such
  /// as 1.5 and 0.025.
  static func plain(ofComma text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    var plain: [UInt8] = []
    plain.reserveCapacity(text.count)
    var p = 0
    if p < text.count, text[p] == UInt8(ascii: "-") || text[p] == UInt8(ascii: "+") {
      plain.append(text[p])
      p += 1
    }
    func digits() -> ArraySlice<UInt8> {
      let from = p
      while p < text.count, text[p] &- 48 < 10 { p += 1 }
      return Array(text[from..<p])[...]
    }
    let first = digits()
    plain += first
    var mark: ArraySlice<UInt8>?
    while let next = groupMark(text, p) {
      guard mark == nil || mark == next, (1...3).contains(first.count), first.first != 48 else { return nil }
      mark = next
      p += next.count
      let group = digits()
      guard group.count == 3 else { return nil }
      plain += group
    }
    if p < text.count, text[p] == comma {
      p += 1
      plain.append(point)
      let fraction = digits()
      if first.isEmpty, fraction.isEmpty { return nil }
      plain += fraction
    } else if first.isEmpty {
      return nil
    }
    if p == text.count { return plain }
    // An exponent, which no one writes behind groups of thousands.
    guard mark == nil, text[p] | 0x20 == UInt8(ascii: "e") else { return nil }
    plain.append(text[p])
    p += 1
    if p < text.count, text[p] == UInt8(ascii: "-") || text[p] == UInt8(ascii: "+") {
      plain.append(text[p])
      p += 1
    }
    let exponent = digits()
    plain += exponent
    return exponent.isEmpty || p < text.count ? nil : plain
  }

  /// A full stop, or a no-break (U+00A0, U+202F) or thin (U+2009) space at a place.
  private static func groupMark(_ text: UnsafeBufferPointer<UInt8>, _ p: Int) -> ArraySlice<UInt8>? {
    guard p < text.count else { return nil }
    if text[p] == point { return [point] }
    for mark: [UInt8] in [[0xC2, 0xA0], [0xE2, 0x80, 0xAF], [0xE2, 0x80, 0x89]] {
      if p + mark.count <= text.count, text[p..<p + mark.count].elementsEqual(mark) { return mark[...] }
    }
    return nil
  }
}

extension ByteBuffer {
  /// A finite number as a field of delimited text, with a decimal comma, in quotes where that is the delimiter.
  func append(comma number: Double, digits: Int?, delimiter: UInt8) {
    let start = count
    append(number: number, digits: digits)
    guard let point = UnsafeBufferPointer(start: base + start, count: count - start).firstIndex(of: NumberNotation.point) else { return }
    base[start + point] = NumberNotation.comma
    guard delimiter == NumberNotation.comma else { return }
    let text = Array(UnsafeBufferPointer(start: base + start, count: count - start))
    truncate(to: start)
    append(0x22)
    append(text)
    append(0x22)
  }
}
