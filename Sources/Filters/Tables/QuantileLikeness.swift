/// Tells names that look like those of quantile columns and are none: `m_Q0.1`, `m_q10`, `m_q0.1%`, `m-q0.1`.
public struct QuantileLikeness: Sendable {
  /// The words before a level, in lower case: `q`. An empty one is for names that are levels alone.
  let markers: [[Unicode.Scalar]]

  public static let wide = QuantileLikeness(markers: ["q", "quantile", "quantiles", "quant"])

  public init(markers: [String]) { self.markers = markers.map { Array($0.unicodeScalars) } }

  /// Of the columns that are no quantile's those that look like one of a group which has others, with the name of that group and what the
  /// level may be.
  ///
  /// - Parameter models: the group of each column, nil for what is no quantile column.
  public func misses(_ names: [String], models: [String?]) -> [(column: Int, group: String, level: Double?)] {
    var groups: [[Unicode.Scalar]: String] = [:]
    for case let model? in models where groups[QuantileLikeness.key(model)] == nil { groups[QuantileLikeness.key(model)] = model }
    if groups.isEmpty { return [] }
    return names.indices.compactMap { column in
      guard models[column] == nil, let (stem, level) = read(names[column]), let group = groups[stem] else { return nil }
      return (column, group, level)
    }
  }

  /// What is compared of a group's name: neither case nor separators at its end.
  private static func key(_ name: String) -> [Unicode.Scalar] { stripped(Array(name.lowercased().unicodeScalars)[...]) }

  private static func stripped(_ text: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
    text.lastIndex { !isSeparator($0) }.map { Array(text[...$0]) } ?? []
  }

  private static func isSeparator(_ scalar: Unicode.Scalar) -> Bool { "_-.:/".unicodeScalars.contains(scalar) || ColumnName.isBlank(scalar) }

  /// The group that a name would be of and, where it can be guessed, its level; nil for a name that does not look like a quantile column's.
  private func read(_ name: String) -> (stem: [Unicode.Scalar], level: Double?)? {
    // What is longer names no column, and would take time that grows with its square.
    guard name.utf8.count <= 256 else { return nil }
    let text = Array(name.lowercased().unicodeScalars)
    for start in text.indices.reversed() {
      for marker in markers where text[start...].starts(with: marker) && (start == 0 || !marker.isEmpty) {
        guard let number = LevelLikeness(text[(start + marker.count)...]) else { continue }
        let head = text[..<start]
        // Without a separator, `seq1` is a word with a number; `mq0.1` is not.
        if let last = head.last, !QuantileLikeness.isSeparator(last), !number.hasPoint { continue }
        return (QuantileLikeness.stripped(head), number.level)
      }
    }
    return nil
  }
}

/// A text that looks like a level.
struct LevelLikeness {
  /// nil where it may be several.
  let level: Double?
  let hasPoint: Bool

  /// nil for text that does not look like a level; a year behind a quarter does not.
  init?(_ text: ArraySlice<Unicode.Scalar>) {
    var text = text.filter { !ColumnName.isBlank($0) && $0 != "\u{FFFD}" }
    // Names that are joined twice: `m_q0.1_x`.
    if text.count > 2, text[text.count - 2] == "_", "xy".unicodeScalars.contains(text[text.count - 1]) { text.removeLast(2) }
    var isPercent = false
    for suffix in ["%", "pct", "percent"] where text.suffix(suffix.unicodeScalars.count) == ArraySlice(Array(suffix.unicodeScalars)) {
      text.removeLast(suffix.unicodeScalars.count)
      isPercent = true
    }
    while let first = text.first, "_-:".unicodeScalars.contains(first) { text.removeFirst() }
    let plain = text.map { scalar -> Unicode.Scalar in
      if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue { return Unicode.Scalar(UInt8(48 + value)) }
      return ",_·٫٬".unicodeScalars.contains(scalar) ? "." : scalar
    }
    func isDigit(_ scalar: Unicode.Scalar) -> Bool { (48...57).contains(scalar.value) }
    guard let first = plain.first, isDigit(first) || first == ".", plain.contains(where: isDigit),
      plain.allSatisfy({ isDigit($0) || ".e+-−–()'’".unicodeScalars.contains($0) })
    else { return nil }
    let digits = plain.prefix(while: isDigit)
    let year = plain.suffix(4)
    if plain.count > 4, year.allSatisfy(isDigit), first != "0", first != ".", !isDigit(plain[plain.count - 5]),
      year.starts(with: "19".unicodeScalars) || year.starts(with: "20".unicodeScalars)
    {
      return nil
    }
    let isWhole = digits.count == plain.count
    if isWhole, first != "0", digits.count > 4 || (digits.count == 4 && (first == "1" || first == "2")) { return nil }
    hasPoint = plain.contains(".")
    let written = String(String.UnicodeScalarView(plain))
    let value =
      isPercent ? Double(written).flatMap { $0 < 1 ? nil : $0 / 100 } : isWhole ? (digits.count > 1 ? Double("0." + written) : nil) : Double(written)
    level = value.flatMap { $0 > 0 && $0 < 1 ? $0 : nil }
  }
}
