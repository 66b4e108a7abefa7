/// How much room a text takes: in pixels of DejaVu Sans, the widest of the usual fonts, or in columns of a terminal.
struct TextMetrics {
  enum Size: Double {
    case title = 15
    case heading = 13
    case normal = 12
    case small = 11
  }

  let isCharacters: Bool

  /// From one line of text to the next.
  func lineHeight(_ size: Size = .normal) -> Double { isCharacters ? 1 : (size.rawValue * 1.3).rounded() }

  func width(_ text: String, _ size: Size = .normal) -> Double {
    text.unicodeScalars.reduce(0) { $0 + width($1) } * (isCharacters ? 1 : size.rawValue)
  }

  /// In columns, or in heights of the font.
  private func width(_ scalar: Unicode.Scalar) -> Double {
    if scalar.isASCII, scalar.value >= 32, scalar.value < 127 { return isCharacters ? 1 : TextMetrics.advances[Int(scalar.value) - 32] / 100 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    case _ where TextMetrics.isWide(scalar): return isCharacters ? 2 : 1
    case .uppercaseLetter, .otherSymbol, .mathSymbol, .otherPunctuation: return isCharacters ? 1 : 0.9
    default: return isCharacters ? 1 : 0.7
    }
  }

  /// Widths of the characters 32 to 126 in hundredths of the font's height.
  private static let advances: [Double] = [
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53,
    100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50,
    50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
  ]

  /// Whether a character is as wide as it is high: those of East Asia, and emoji.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x16FE0...0x18D08, 0x1B000...0x1B2FB, 0x1F200...0x1F2FF, 0x20000...0x3FFFD:
      return true
    default: return scalar.properties.isEmojiPresentation
    }
  }

  enum Place { case middle, end }

  /// The text, or as much of it as there is room for, with "…" where it was cut. Names and titles end in what tells them apart, so they
  /// are cut in the middle.
  func shortened(_ text: String, to room: Double, _ size: Size = .normal, at place: Place = .middle) -> String {
    guard width(text, size) > room else { return text }
    let left = room - width("…", size)
    let atEnd = place == .end ? 0 : left / 2
    func prefix(_ text: some Sequence<Character>, _ room: Double) -> [Character] {
      var used = 0.0
      return Array(
        text.prefix {
          used += width(String($0), size); return used <= room
        })
    }
    let tail = prefix(text.reversed(), atEnd)
    let head = prefix(text, left - width(String(tail), size))
    return String(head) + "…" + String(tail.reversed())
  }

  /// Breaks a text between words; a word that is longer than a line is cut.
  func wrapped(_ text: String, to room: Double, _ size: Size = .normal) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, width(last + " " + word, size) <= room {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(shortened(String(word), to: room, size))
      }
    }
    return lines
  }
}
