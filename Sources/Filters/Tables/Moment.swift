import Groundwork

/// A place on an axis of numbers or of time: what a column that puts rows in order says.
///
/// Moments of one column have one kind. Two are the same where they mean the same, however they are written: 1 and 1.0, or a date and its midnight
/// in UTC. A time without a zone is one in UTC.
public struct Moment: Sendable {
  public enum Kind: String, Sendable {
    case number
    /// A day, with or without a time of day.
    case date
    case week
    case month
    case quarter

    /// "a date"
    public var title: String { "a \(rawValue)" }
  }

  public let kind: Kind
  /// The number; of all others, seconds from 1970 in UTC to where the period begins.
  public let value: Double
  /// What tells moments of the same `value` apart: the number as an exact decimal, or the decimals of a second.
  private let fraction: FieldText
  /// Whether it has a time of day.
  public let hasClock: Bool

  public var isDate: Bool { kind != .number }

  init(_ kind: Kind, _ value: Double, fraction: FieldText = "", hasClock: Bool = false) {
    self.kind = kind
    self.value = value
    self.fraction = fraction
    self.hasClock = hasClock
  }

  /// A day.
  init(days: Int) { self.init(.date, Double(days) * 86400) }

  /// Whether it is before another of its kind.
  public func isBefore(_ other: Moment) -> Bool {
    if value != other.value { return value < other.value }
    if fraction == other.fraction { return false }
    guard kind == .number else { return fraction < other.fraction }
    return ExactDecimal(fraction.bytes)!.isLess(than: ExactDecimal(other.fraction.bytes)!)
  }

  /// Whether it is over before a time begins: a day without a time of day lasts until the next one.
  public func isOver(before time: Moment) -> Bool {
    isWholeDay(beside: time) ? value + 86400 <= time.value : isBefore(time)
  }

  /// Whether it is a day where the other tells a time of day.
  private func isWholeDay(beside other: Moment) -> Bool { kind == .date && !hasClock && other.hasClock }

  /// Whether it is the same as another.
  public func isSame(as other: Moment) -> Bool { kind == other.kind && value == other.value && fraction == other.fraction }

  /// The one text of all that mean this moment: `2024-01-31`, `2024-01-31T12:00:00.5Z`, `2024-W05`, `2024-01`, `2024-Q1`, or a number.
  public var canonicalText: FieldText {
    if kind == .number { return fraction }
    let (days, second) = Moment.split(value)
    let date = CivilDate(daysSince1970: days)
    func padded(_ number: Int, _ width: Int = 2) -> String {
      let digits = "\(abs(number))"
      return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    let year = padded(date.year, 4)
    switch kind {
    case .quarter: return FieldText("\(year)-Q\((date.month + 2) / 3)")
    case .month: return FieldText("\(year)-\(padded(date.month))")
    case .week:
      // The week's Thursday lies in its year.
      let own = CivilDate(daysSince1970: days + 3).year
      return FieldText("\(padded(own, 4))-W\(padded((days - CivilDate.monday(ofWeek: 1, own)!) / 7 + 1))")
    default:
      let day = "\(year)-\(padded(date.month))-\(padded(date.day))"
      if second == 0, fraction.isEmpty { return FieldText(day) }
      let clock = "T\(padded(second / 3600)):\(padded(second / 60 % 60)):\(padded(second % 60))"
      return FieldText(day + clock + (fraction.isEmpty ? "" : ".\(fraction)") + "Z")
    }
  }

  /// Whole days since 1970, and the seconds after.
  public static func split(_ seconds: Double) -> (day: Int, second: Int) {
    let day = (seconds / 86400).rounded(.down)
    return (Int(day), Int(seconds - 86400 * day))
  }
}
