/// A day of the proleptic Gregorian calendar.
public struct CivilDate: Equatable, Sendable {
  public let year: Int
  /// From 1.
  public let month: Int
  public let day: Int

  /// nil where there is no such day.
  public init?(_ year: Int, _ month: Int, _ day: Int) {
    guard (1...12).contains(month), day >= 1, day <= CivilDate.days(inMonth: month, of: year) else { return nil }
    (self.year, self.month, self.day) = (year, month, day)
  }

  /// Reads `20240131`, which is a number elsewhere: only where a date is asked for. nil for other text.
  init?(basic text: String) {
    guard text.utf8.count == 8, text.utf8.allSatisfy({ $0 &- 48 < 10 }), let number = Int(text) else { return nil }
    self.init(number / 10_000, number / 100 % 100, number % 100)
  }

  /// The date of a day since 1970-01-01.
  public init(daysSince1970 days: Int) {
    let shifted = days + 719468
    // Eras of 400 years have the same number of days.
    let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
    let day = shifted - 146097 * era
    let year = (day - day / 1460 + day / 36524 - day / 146096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    self.year = year + 400 * era + (month < 10 ? 0 : 1)
    self.month = month < 10 ? month + 3 : month - 9
    self.day = dayOfYear - (153 * month + 2) / 5 + 1
  }

  /// A year begins in March, so that its leap day is its last.
  public var daysSince1970: Int {
    let y = month > 2 ? year : year - 1
    let m = month > 2 ? month - 3 : month + 9
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468
  }

  private static func days(inMonth month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// The Monday of an ISO 8601 week, in days since 1970: week 1 is that of 4 January. nil where the year has no such week.
  static func monday(ofWeek week: Int, _ year: Int) -> Int? {
    let fourth = CivilDate(year, 1, 4)!.daysSince1970
    // 1970-01-01 was a Thursday.
    func weekday(_ day: Int) -> Int { ((day + 3) % 7 + 7) % 7 }
    let first = fourth - weekday(fourth)
    let nextFourth = CivilDate(year + 1, 1, 4)!.daysSince1970
    let monday = first + 7 * (week - 1)
    return week >= 1 && monday < nextFourth - weekday(nextFourth) ? monday : nil
  }
}
