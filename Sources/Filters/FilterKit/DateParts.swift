import Tables

/// A feature that is made of a date: the day, and what recurs every year or week. All of them in UTC.
package enum DatePart: String, CaseIterable {
  /// Days since 1970, with the time of day as a fraction.
  case days
  /// 1 to 12.
  case month
  /// 1, Monday, to 7.
  case weekday
  /// 1 to 366.
  case yearday

  /// NaN of NaN.
  package func value(ofDays days: Double) -> Double {
    // Beyond all calendars a day has no parts.
    guard abs(days) < 1e8 else { return .nan }
    let day = Int(days.rounded(.down))
    switch self {
    case .days: return days
    case .month: return Double(CivilDate(daysSince1970: day).month)
    case .weekday:
      // The first day of 1970 was a Thursday.
      let phase = (day + 3) % 7
      return Double(phase < 0 ? phase + 8 : phase + 1)
    case .yearday: return Double(day - CivilDate(CivilDate(daysSince1970: day).year, 1, 1)!.daysSince1970 + 1)
    }
  }

  func name(of column: String) -> String { "\(column).\(rawValue)" }
}
