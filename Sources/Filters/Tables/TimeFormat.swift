import CNumberText
import Glibc
import Groundwork

/// How a column writes times, as `strptime` has it: `%d.%m.%Y`, `%m/%d/%Y %H:%M`.
public struct TimeFormat: Equatable, Sendable {
  public let text: String
  private let hasClock: Bool
  private let hasDay: Bool

  private static let conversions = "YymdeHIMSpbBhjzTDFRs%nt"

  /// Throws for a conversion that is not known, and for a format that tells no year.
  public init(_ text: String) throws {
    func refuse(_ cause: String) -> Failure {
      Failure(.usage, "--time-format \(text): \(cause)", remedy: "write it as date does: %d.%m.%Y, %m/%d/%Y, %Y-%m-%d %H:%M:%S")
    }
    var used: Set<Character> = []
    var rest = text[...]
    while let percent = rest.firstIndex(of: "%") {
      rest = rest[rest.index(after: percent)...]
      guard let conversion = rest.popFirst() else { throw refuse("% is the last character") }
      guard TimeFormat.conversions.contains(conversion) else { throw refuse("%\(conversion) is not known") }
      used.insert(conversion)
    }
    guard !used.isDisjoint(with: "YyDFs") else { throw refuse("it tells no year") }
    self.text = text
    hasClock = !used.isDisjoint(with: "HIMSTRs")
    hasDay = !used.isDisjoint(with: "dejDFs")
  }

  /// The moment that text says in this format; decimals of a second may follow it. nil for other text.
  ///
  /// Source: `strptime` of POSIX, in the C locale, so names of months are English.
  package func moment(_ content: UnsafeBufferPointer<UInt8>) -> Moment? {
    var parts = tm()
    let text = String(decoding: content, as: UTF8.self)
    return text.withCString { start -> Moment? in
      guard let end = time_text_read(start, self.text, &parts) else { return nil }
      var rest = String(cString: end)
      var fraction = ""
      if rest.hasPrefix("."), hasClock {
        fraction = String(rest.dropFirst().prefix { ("0"..."9").contains($0) })
        rest = String(rest.dropFirst(1 + fraction.count))
        while fraction.hasSuffix("0") { fraction.removeLast() }
      }
      guard rest.allSatisfy({ $0 == " " || $0 == "\t" }) else { return nil }
      let year = Int(parts.tm_year) + 1900
      let date = hasDay ? CivilDate(year, Int(parts.tm_mon) + 1, Int(parts.tm_mday)) : CivilDate(year, Int(parts.tm_mon) + 1, 1)
      guard let date, year >= 0, year <= 9999 else { return nil }
      let clock = Int(parts.tm_hour) * 3600 + Int(parts.tm_min) * 60 + Int(parts.tm_sec) - Int(parts.tm_gmtoff)
      let seconds = Double(date.daysSince1970 * 86400 + (hasClock ? clock : 0))
      return Moment(.date, seconds + (Double("0." + fraction) ?? 0), fraction: FieldText(fraction), hasClock: hasClock)
    }
  }
}
