import Groundwork

/// A number in a notation that is not read: what is odd about it, and how it is written plainly.
///
/// Recognised are thousands marks (commas, full stops, apostrophes, low lines, blanks of any kind), the other decimal mark, currency signs and
/// codes, percent signs, parentheses or a trailing sign for a minus, minus signs and digits other than ASCII's, and blanks other than ASCII's
/// around it.
public struct OddNumber {
  /// "has a currency sign", the verb of a sentence about the text.
  public let what: String
  /// "write 12".
  public let remedy: String

  /// nil for text that is a plain number, or none in any notation.
  ///
  /// - Complexity: O(length); text that begins like no number is passed over at once.
  public init?(_ text: String, decimalMark: UInt8 = NumberNotation.decimalMark) {
    guard text.utf8.count <= 96, OddNumber.mayBe(text) else { return nil }
    var parser = Parser(text)
    guard parser.parse() else { return nil }
    let isComma = decimalMark == NumberNotation.comma
    var oddities = parser.oddities
    let core = parser.core
    let plain = core.plain(isComma ? "," : ".")
    // The other setting may read it as it is.
    let other = isComma ? "." : ","
    var isReadByOther = false
    switch core.decimal {
    case .ambiguous where isComma: break
    case .ambiguous:
      what = "has a comma, which may part thousands or a fraction" + (oddities.isEmpty ? "" : ", and " + OddNumber.list(oddities))
      remedy = "--decimal , reads a fraction; write \(plain) for thousands"
      return
    case .comma where !isComma:
      oddities.append("a decimal comma")
      isReadByOther = parser.oddities.isEmpty && (core.group == nil || core.group == .stop || core.group == .noBreakSpace)
    case .point where isComma:
      oddities.append("a decimal point")
      isReadByOther = parser.oddities.isEmpty && core.group == nil
    default: break
    }
    if let group = core.group, !(isComma && (group == .stop || group == .noBreakSpace)) {
      oddities.append(group.title)
      if group == .stop, !isComma, core.decimal == .none { isReadByOther = parser.oddities.isEmpty }
    }
    guard !oddities.isEmpty else { return nil }
    what = "has " + OddNumber.list(oddities)
    remedy = (isReadByOther ? "--decimal \(other) reads it; or " : "") + "write \(plain)"
  }

  private static func list(_ items: [String]) -> String {
    items.count < 2 ? items.joined() : items.dropLast().joined(separator: ", ") + " and " + items.last!
  }

  /// Whether text has a digit, and begins like a number, a sign or a currency.
  private static func mayBe(_ text: String) -> Bool {
    var hasDigit = false
    for byte in text.utf8 where byte &- 48 < 10 || byte >= 0x80 {
      hasDigit = true
      break
    }
    guard hasDigit, let first = text.utf8.first(where: { $0 != 32 && $0 != 9 }) else { return false }
    // Letters begin a currency's code and nothing else of a number.
    let isLetter = (first | 0x20) &- 97 < 26
    return !isLetter || Parser.currencyCodes.contains { text.uppercased().hasPrefix($0) } || text.prefix(3).contains("$")
  }

  enum Group {
    case comma, stop, noBreakSpace, blank, apostrophe, lowLine

    var title: String {
      switch self {
      case .comma: "commas between thousands"
      case .stop: "full stops between thousands"
      case .noBreakSpace: "no-break spaces between thousands"
      case .blank: "blanks between thousands"
      case .apostrophe: "apostrophes between thousands"
      case .lowLine: "low lines between thousands"
      }
    }
  }

  enum Decimal { case none, point, comma, ambiguous }

  struct Core {
    var isNegative = false
    var whole = ""
    var fraction = ""
    var exponent = ""
    var group: Group?
    var decimal = Decimal.none

    func plain(_ mark: String) -> String { (isNegative ? "-" : "") + whole + (fraction.isEmpty ? "" : mark + fraction) + exponent }
  }

  private struct Parser {
    private(set) var oddities: [String] = []
    private(set) var core = Core()
    private var rest: [Unicode.Scalar]

    static let currencyCodes = [
      "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "BRL", "RUB", "KR", "FR.",
    ]
    private static let noBreakSpaces: [UInt32] = [0xA0, 0x202F, 0x2009, 0x2007]

    init(_ text: String) { rest = Array(text.unicodeScalars) }

    private mutating func note(_ oddity: String) { if !oddities.contains(oddity) { oddities.append(oddity) } }

    private func isBlank(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || [0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF].contains(scalar.value)
    }

    /// Takes blanks off both ends; ASCII's are no oddity around a field.
    private mutating func trim(isOuter: Bool = false) {
      while let blank = rest.first, isBlank(blank) {
        rest.removeFirst()
        if isOuter, blank.value > 127 { note("a blank beside it that is not ASCII's") }
      }
      while let blank = rest.last, isBlank(blank) {
        rest.removeLast()
        if isOuter, blank.value > 127 { note("a blank beside it that is not ASCII's") }
      }
    }

    private mutating func takeMinus(atEnd: Bool) -> Bool {
      guard let scalar = atEnd ? rest.last : rest.first else { return false }
      switch scalar.value {
      case 0x2B, 0x2D: if atEnd { note("its sign at the end") }
      case 0x2010...0x2015, 0x2212, 0xFE63, 0xFF0D: note("a minus sign other than -")
      case 0xFF0B: note("a plus sign other than +")
      default: return false
      }
      if scalar.value != 0x2B, scalar.value != 0xFF0B { core.isNegative.toggle() }
      if atEnd { rest.removeLast() } else { rest.removeFirst() }
      return true
    }

    private mutating func takeCurrency() -> Bool {
      func isSign(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .currencySymbol }
      if let first = rest.first, isSign(first) {
        note("the currency sign \(first)")
        rest.removeFirst()
        return true
      }
      if let last = rest.last, isSign(last) {
        note("the currency sign \(last)")
        rest.removeLast()
        return true
      }
      // US$ and R$.
      if let sign = rest.prefix(3).firstIndex(where: isSign), rest[..<sign].allSatisfy({ $0.properties.isUppercase }) {
        note("the currency sign " + text(rest[...sign]))
        rest.removeFirst(sign + 1)
        return true
      }
      for code in Parser.currencyCodes where rest.count > code.unicodeScalars.count {
        let count = code.unicodeScalars.count
        if text(rest.prefix(count)).uppercased() == code {
          note("the currency \(text(rest.prefix(count)))")
          rest.removeFirst(count)
          return true
        }
        if text(rest.suffix(count)).uppercased() == code {
          note("the currency \(text(rest.suffix(count)))")
          rest.removeLast(count)
          return true
        }
      }
      return false
    }

    private func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
      var text = ""
      text.unicodeScalars.append(contentsOf: scalars)
      return text
    }

    /// Takes off what stands around the digits, then the digits. False where they are no number.
    mutating func parse() -> Bool {
      trim(isOuter: true)
      var hasSign = takeMinus(atEnd: false)
      trim()
      var hasCurrency = takeCurrency()
      trim()
      if !hasSign { hasSign = takeMinus(atEnd: false) }
      if rest.first == "(", rest.last == ")" {
        guard !hasSign else { return false }
        rest.removeFirst()
        rest.removeLast()
        note("parentheses for a minus")
        core.isNegative = true
        hasSign = true
        trim()
      }
      if let last = rest.last, [0x25, 0x2030, 0x66A, 0xFE6A, 0xFF05].contains(last.value) {
        note(last.value == 0x2030 ? "a per mille sign" : "a percent sign")
        rest.removeLast()
        trim()
      }
      if !hasCurrency { hasCurrency = takeCurrency() }
      trim()
      if !hasSign { hasSign = takeMinus(atEnd: true) }
      trim()
      for (k, scalar) in rest.enumerated() where scalar.value > 127 {
        if scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue {
          rest[k] = Unicode.Scalar(UInt8(48 + Int(value)))
          note("digits other than 0 to 9")
        } else if [0xFF0E, 0x066B].contains(scalar.value) {
          rest[k] = "."
          note("a decimal mark that is neither point nor comma")
        }
      }
      return parseDigits()
    }

    private mutating func parseDigits() -> Bool {
      if let e = rest.lastIndex(where: { $0 == "e" || $0 == "E" }) {
        var digits = rest[(e + 1)...]
        if digits.first == "-" || digits.first == "+" { digits.removeFirst() }
        guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return false }
        core.exponent = text(rest[e...])
        rest.removeSubrange(e...)
      }
      var groups: [[Unicode.Scalar]] = [[]]
      var marks: [Unicode.Scalar] = []
      for scalar in rest {
        if isDigit(scalar) {
          groups[groups.count - 1].append(scalar)
        } else {
          marks.append(scalar)
          groups.append([])
        }
      }
      guard groups.contains(where: { !$0.isEmpty }) else { return false }
      let kinds = marks.map(kind)
      guard !kinds.contains(where: { $0 == nil }) else { return false }
      return arrange(groups.map { text($0) }, kinds.compactMap { $0 })
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar.value &- 48 < 10 }

    private func kind(_ mark: Unicode.Scalar) -> Group? {
      switch mark.value {
      case 0x2C, 0x66C, 0xFF0C: .comma
      case 0x2E: .stop
      case 0x27, 0x2019, 0x2BC: .apostrophe
      case 0x5F: .lowLine
      case 0x20: .blank
      case let value where Parser.noBreakSpaces.contains(value): .noBreakSpace
      default: nil
      }
    }

    /// Tells marks between thousands from the one before a fraction.
    private mutating func arrange(_ groups: [String], _ marks: [Group]) -> Bool {
      func areThousands(_ groups: ArraySlice<String>) -> Bool {
        groups.first.map { (1...3).contains($0.count) && !$0.hasPrefix("0") } == true && groups.last!.count == 3
          && groups.dropFirst().dropLast().allSatisfy { (2...3).contains($0.count) }
      }
      core.whole = groups[0]
      guard let last = marks.last else { return true }
      let alike = marks.dropLast()
      if marks.count == 1, last == .stop || last == .comma {
        if last == .comma, areThousands(groups[...]) {
          core.decimal = .ambiguous
          core.whole = groups.joined()
          return core.exponent.isEmpty
        }
        core.fraction = groups[1]
        core.decimal = last == .comma ? .comma : .point
        if core.whole.isEmpty { core.whole = "0" }
        return true
      }
      guard core.exponent.isEmpty else { return false }
      if marks.allSatisfy({ $0 == last }) {
        guard areThousands(groups[...]) else { return false }
        core.group = last
        core.whole = groups.joined()
        return true
      }
      // Thousands, then a fraction.
      guard let first = alike.first, last == .stop || last == .comma, alike.allSatisfy({ $0 == first }), areThousands(groups.dropLast()) else {
        return false
      }
      core.group = first
      core.decimal = last == .comma ? .comma : .point
      core.whole = groups.dropLast().joined()
      core.fraction = groups.last!
      return true
    }
  }
}
