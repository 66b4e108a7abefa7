import Groundwork

/// A place on an axis of numbers or of time.
public struct Moment {
  /// The number, or seconds since 1970 in UTC.
  public let value: Double
  public let isDate: Bool
  /// Of a date, whether it has a time of day.
  public var hasClock = false

  /// Reads a number or an ISO 8601 date, with or without a time of day. nil where the field is missing; throws for anything else.
  public static func read(_ row: Row, _ column: Int, _ header: Header, _ reader: NumberReader) throws -> Moment? {
    switch row.number(column, reader) {
    case .number(let value): return Moment(value: value, isDate: false)
    case .missing: return nil
    default: break
    }
    if let seconds = seconds(row.text(column)) { return Moment(value: seconds, isDate: true, hasClock: row.text(column).utf8.count > 10) }
    throw Failure(
      .badData, "\"\(printable(row.text(column)))\" is neither a number nor a date", at: .init(column: header.names[column]),
      remedy: "dates are written 2026-01-31 or 2026-01-31T12:00")
  }

  /// `YYYY-MM-DD`, then nothing or `T` or a blank and `HH:MM`, `HH:MM:SS` or `HH:MM:SS.sss`, then nothing, `Z` or `±HH:MM`.
  public static func seconds(_ text: String) -> Double? {
    let bytes = Array(text.utf8)
    func number(_ from: Int, _ count: Int) -> Int? {
      guard from + count <= bytes.count, bytes[from..<(from + count)].allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
      return bytes[from..<(from + count)].reduce(0) { 10 * $0 + Int($1) - 48 }
    }
    func has(_ place: Int, _ characters: String) -> Bool { place < bytes.count && characters.utf8.contains(bytes[place]) }
    guard let year = number(0, 4), has(4, "-"), let month = number(5, 2), has(7, "-"), let day = number(8, 2), (1...12).contains(month),
      (1...daysIn(month, year)).contains(day)
    else { return nil }
    var seconds = Double(daysSince1970(year, month, day)) * 86400
    if bytes.count == 10 { return seconds }
    guard has(10, "T "), let hour = number(11, 2), has(13, ":"), let minute = number(14, 2), hour < 24, minute < 60 else { return nil }
    seconds += Double(3600 * hour + 60 * minute)
    var place = 16
    if has(place, ":") {
      guard let second = number(place + 1, 2), second <= 60 else { return nil }
      seconds += Double(second)
      place += 3
      if has(place, ".") {
        let start = place + 1
        place = start
        while place < bytes.count, bytes[place] >= 48, bytes[place] <= 57 { place += 1 }
        guard place > start, let fraction = Double("0." + String(decoding: bytes[start..<place], as: UTF8.self)) else { return nil }
        seconds += fraction
      }
    }
    if place == bytes.count { return seconds }
    if has(place, "Z"), place + 1 == bytes.count { return seconds }
    guard has(place, "+-"), let hours = number(place + 1, 2), has(place + 3, ":"), let minutes = number(place + 4, 2), place + 6 == bytes.count else {
      return nil
    }
    return seconds - (has(place, "-") ? -1 : 1) * Double(3600 * hours + 60 * minutes)
  }

  private static func daysIn(_ month: Int, _ year: Int) -> Int {
    switch month {
    case 2: return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: return 30
    default: return 31
    }
  }

  /// Days of the proleptic Gregorian calendar; a year begins in March, so that its leap day is its last.
  public static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let y = month > 2 ? year : year - 1
    let m = month > 2 ? month - 3 : month + 9
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468
  }

  /// The date of a day since 1970, the other way round.
  public static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719468
    // Eras of 400 years have the same number of days.
    let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
    let day = shifted - 146097 * era
    let year = (day - day / 1460 + day / 36524 - day / 146096) / 365
    let dayOfYear = day - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    return (year + 400 * era + (month < 10 ? 0 : 1), month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
  }

  /// Whole days since 1970, and the seconds after.
  public static func split(_ seconds: Double) -> (day: Int, second: Int) {
    let day = (seconds / 86400).rounded(.down)
    return (Int(day), Int(seconds - 86400 * day))
  }
}
