import Groundwork

/// A length of time as flags tell it: `2w`, `13t`, `0.5`.
///
/// Units are h, d, w (hours, days, weeks: 3600, 86400 and 604800 s), m and y (months and years of the calendar), and t (distinct times of the
/// table). A bare number is in units of the time column: its numbers, the days of dates, or weeks, months and quarters.
public struct TimeSpan: Sendable, Equatable {
  enum Unit: Character {
    case hours = "h"
    case days = "d"
    case weeks = "w"
    case months = "m"
    case years = "y"
    case times = "t"
    case own = " "
  }

  public let text: String
  let size: Double
  let unit: Unit

  /// nil for text that is no length of time: a negative one, a part of a month, year or distinct time, or another unit.
  public init?(_ text: String) {
    let unit = text.last.flatMap { $0 == " " ? nil : Unit(rawValue: $0) } ?? .own
    let number = unit == .own ? text[...] : text.dropLast()
    guard number.utf8.allSatisfy({ $0 &- 48 < 10 || $0 == 46 }), let size = Double(number), size <= 1e15 else { return nil }
    if [.months, .years, .times].contains(unit), size != size.rounded() { return nil }
    // The calendar has no more years.
    if unit == .years && size > 100_000 || unit == .months && size > 1_200_000 { return nil }
    (self.text, self.size, self.unit) = (text, size, unit)
  }

  public var isZero: Bool { size == 0 }

  /// The number of distinct times, where it counts them.
  public var times: Int? { unit == .times ? Int(size) : nil }

  /// Why times of a kind have no such length; nil where they have. A bare number of weeks is one of weeks, and so on.
  public func fault(with kind: Moment.Kind) -> String? {
    guard kind == .number, ![.times, .own].contains(unit) else { return nil }
    return "\(text) is a length of time, and the times are numbers"
  }

  /// How a time lies to the end of the span that begins at another: before it (−1), at it (0) or after it (1). Not for spans that count distinct
  /// times. Numbers are compared to 9 digits of the span: .1 + .2 ends at .3.
  public func place(of time: Moment, after start: Moment) -> Int {
    func sign(_ difference: Double, _ tolerance: Double = 0) -> Int { difference < -tolerance ? -1 : difference > tolerance ? 1 : 0 }
    switch (unit, start.kind) {
    case (.months, _), (.own, .month): return self.sign(ofCalendar: size, time, start)
    case (.years, _): return self.sign(ofCalendar: 12 * size, time, start)
    case (.own, .quarter): return self.sign(ofCalendar: 3 * size, time, start)
    case (.own, .number), (.times, _):
      if size == 0 { return time.isBefore(start) ? -1 : start.isBefore(time) ? 1 : 0 }
      return sign((time.value - start.value) - size, 1e-9 * size)
    case (.hours, _): return sign((time.value - start.value) - 3600 * size, 1e-6)
    case (.days, _), (.own, .date): return sign((time.value - start.value) - 86400 * size, 1e-6)
    case (.weeks, _), (.own, .week): return sign((time.value - start.value) - 604800 * size, 1e-6)
    }
  }

  /// Where the span that begins at a time ends: the number, or seconds from 1970 in UTC. Not for spans that count distinct times.
  public func end(after start: Moment) -> Double {
    func calendar(_ months: Double) -> Double { end(ofCalendar: months, start) }
    switch (unit, start.kind) {
    case (.months, _), (.own, .month): return calendar(size)
    case (.years, _): return calendar(12 * size)
    case (.own, .quarter): return calendar(3 * size)
    case (.own, .number), (.times, _): return start.value + size
    case (.hours, _): return start.value + 3600 * size
    case (.days, _), (.own, .date): return start.value + 86400 * size
    case (.weeks, _), (.own, .week): return start.value + 604800 * size
    }
  }

  /// After a number of months: the same day of the month, or its last where that has fewer, at the same time of day. A part of one is a share of
  /// the next.
  private func sign(ofCalendar months: Double, _ time: Moment, _ start: Moment) -> Int {
    let end = end(ofCalendar: months, start)
    return time.value < end - 1e-6 ? -1 : time.value > end + 1e-6 ? 1 : 0
  }

  private func end(ofCalendar months: Double, _ start: Moment) -> Double {
    let whole = months.rounded(.down)
    let first = TimeSpan.seconds(start.value, plusMonths: Int(whole))
    let share = months - whole
    return share == 0 ? first : first + share * (TimeSpan.seconds(start.value, plusMonths: Int(whole) + 1) - first)
  }

  private static func seconds(_ seconds: Double, plusMonths months: Int) -> Double {
    let (day, _) = Moment.split(seconds)
    let date = CivilDate(daysSince1970: day)
    let month = date.year * 12 + date.month - 1 + months
    let year = (Double(month) / 12).rounded(.down)
    let inYear = month - 12 * Int(year) + 1
    let end = (0..<4).lazy.compactMap { CivilDate(Int(year), inYear, date.day - $0) }.first!
    return Double(end.daysSince1970) * 86400 + (seconds - Double(day) * 86400)
  }
}
