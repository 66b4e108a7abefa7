import Groundwork

/// What a field's text says as a time.
public enum MomentReading {
  case moment(Moment)
  case missing
  /// A date of numbers in an order that depends on who wrote it, with both readings where each is a day.
  case dayOrMonthFirst(dayFirst: CivilDate?, monthFirst: CivilDate?, separator: Character, yearDigits: Int)
  /// A date with names of months, or in another order.
  case other
}

extension Moment {
  /// Reads a number; a day `2024-01-31`, `2024-1-31`, `2024/01/31`, alone or with a time of day (`T` or a blank, `12:00`, `12:00:00`, decimals of
  /// seconds, then nothing, `Z`, `UTC`, `GMT`, `±HH`, `±HHMM` or `±HH:MM`), or `20240131T120000Z`; a week `2024-W05`, a day of it `2024-W05-3`; a
  /// month `2024-01`; a quarter `2024-Q1`. Blanks around are no part of it.
  public static func read(_ text: UnsafeBufferPointer<UInt8>, _ numbers: NumberReader) -> MomentReading {
    switch numbers.read(text) {
    case .missing: return .missing
    case .number(let value): return .moment(Moment(number: value, text))
    case .infinite, .overflow: return .other
    case .notANumber: break
    }
    var cursor = Cursor(text)
    cursor.trimBlanks()
    let whole = cursor
    if let moment = cursor.readMoment() { return .moment(moment) }
    cursor = whole
    return cursor.readUnorderedDate() ?? .other
  }

  init(number: Double, _ text: UnsafeBufferPointer<UInt8>) {
    let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
    let trimmed = text.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    let exact = ExactDecimal(Array(trimmed), takesZeros: true)?.canonicalText ?? Array(shortestText(number).utf8)
    self.init(.number, number, fraction: FieldText(exact))
  }

  /// The date that text says, not a number; nil for other text.
  static func date(_ text: UnsafeBufferPointer<UInt8>) -> Moment? {
    var cursor = Cursor(text)
    return cursor.readMoment()
  }

  /// Reads what `canonicalText` wrote.
  public init?(canonicalText text: FieldText) {
    let reading = text.bytes.withUnsafeBufferPointer { Moment.read($0, NumberReader()) }
    guard case .moment(let moment) = reading else { return nil }
    self = moment
  }

  /// Seconds from 1970 of a day, with or without a time of day; nil for other text.
  public static func seconds(_ text: String) -> Double? {
    var text = text
    guard let moment = text.withUTF8({ date($0) }), moment.kind == .date else { return nil }
    return moment.value
  }
}

/// Reads text from left to right.
private struct Cursor {
  private let text: UnsafeBufferPointer<UInt8>
  private var place = 0
  private var end: Int

  init(_ text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    end = text.count
  }

  var isAtEnd: Bool { place == end }
  private var next: UInt8? { place < end ? text[place] : nil }

  mutating func trimBlanks() {
    while place < end, text[place] == 32 || text[place] == 9 { place += 1 }
    while end > place, text[end - 1] == 32 || text[end - 1] == 9 { end -= 1 }
  }

  /// Passes one of the characters.
  private mutating func pass(_ characters: StaticString) -> UInt8? {
    guard let next else { return nil }
    let isOne = characters.withUTF8Buffer { $0.contains(next) }
    if isOne { place += 1 }
    return isOne ? next : nil
  }

  private mutating func pass(word: StaticString) -> Bool {
    let isNext = word.withUTF8Buffer { word in end - place >= word.count && text[place..<place + word.count].elementsEqual(word) }
    if isNext { place += word.utf8CodeUnitCount }
    return isNext
  }

  /// A number of as many digits.
  private mutating func number(_ digits: ClosedRange<Int>) -> (value: Int, digits: Int)? {
    var (value, count) = (0, 0)
    while count < digits.upperBound, let next, next &- 0x30 < 10 {
      value = 10 * value + Int(next - 0x30)
      (count, place) = (count + 1, place + 1)
    }
    return count >= digits.lowerBound ? (value, count) : nil
  }

  /// A day, week, month or quarter that is all of the text.
  mutating func readMoment() -> Moment? {
    guard let year = number(4...4)?.value else { return nil }
    if next == UInt8(ascii: "W") || next == UInt8(ascii: "Q") { return readPeriod(year) }
    if let next, next &- 0x30 < 10 { return readBasic(year) }
    guard let separator = pass("-/ ") else { return nil }
    if next == UInt8(ascii: "W") || next == UInt8(ascii: "Q") { return readPeriod(year) }
    guard separator != 32, let month = number(1...2) else { return nil }
    if isAtEnd {
      guard month.digits == 2, let first = CivilDate(year, month.value, 1) else { return nil }
      return Moment(.month, Double(first.daysSince1970) * 86400)
    }
    guard pass(separator == UInt8(ascii: "-") ? "-" : "/") != nil, let day = number(1...2)?.value, let date = CivilDate(year, month.value, day) else {
      return nil
    }
    return readClock(date.daysSince1970)
  }

  private mutating func readPeriod(_ year: Int) -> Moment? {
    if pass("Q") != nil {
      guard let quarter = number(1...1)?.value, isAtEnd, (1...4).contains(quarter) else { return nil }
      return Moment(.quarter, Double(CivilDate(year, 3 * quarter - 2, 1)!.daysSince1970) * 86400)
    }
    guard pass("W") != nil, let week = number(2...2)?.value, let monday = CivilDate.monday(ofWeek: week, year) else { return nil }
    if isAtEnd { return Moment(.week, Double(monday) * 86400) }
    _ = pass("-")
    guard let day = number(1...1)?.value, (1...7).contains(day) else { return nil }
    return readClock(monday + day - 1)
  }

  /// `20240131T120000Z`, of which the year is passed; without a time of day it is a number.
  private mutating func readBasic(_ year: Int) -> Moment? {
    guard let month = number(2...2)?.value, let day = number(2...2)?.value, let date = CivilDate(year, month, day), !isAtEnd else { return nil }
    return readClock(date.daysSince1970)
  }

  /// The time of day, or nothing.
  mutating func readClock(_ days: Int) -> Moment? {
    if isAtEnd { return Moment(days: days) }
    guard pass("Tt ") != nil, let hour = number(2...2)?.value else { return nil }
    let isBasic = pass(":") == nil
    guard let minute = number(2...2)?.value, hour < 24 && minute < 60 || hour == 24 && minute == 0 else { return nil }
    var seconds = 3600 * hour + 60 * minute
    var fraction: [UInt8] = []
    if isBasic ? next.map({ $0 &- 0x30 < 10 }) == true : pass(":") != nil {
      guard let second = number(2...2)?.value, second <= 60, hour < 24 || second == 0 else { return nil }
      seconds += second
      guard let decimals = readDecimals() else { return nil }
      fraction = decimals
      if hour == 24, !fraction.isEmpty { return nil }
    }
    guard let offset = readZone() else { return nil }
    let value = Double(days * 86400 + seconds - offset)
    return Moment(
      .date, value + (fraction.isEmpty ? 0 : Double("0." + String(decoding: fraction, as: UTF8.self))!), fraction: FieldText(fraction), hasClock: true
    )
  }

  /// Decimals of a second without zeros at their end, or none; nil where a mark has no digit after it.
  private mutating func readDecimals() -> [UInt8]? {
    guard pass(".,") != nil else { return [] }
    let start = place
    while let next, next &- 0x30 < 10 { place += 1 }
    guard place > start else { return nil }
    let significant = text[start..<place].lastIndex { $0 != 0x30 }.map { $0 + 1 } ?? start
    return Array(text[start..<significant])
  }

  /// How many seconds the zone is ahead of UTC; nil where what is left says no zone.
  private mutating func readZone() -> Int? {
    if isAtEnd { return 0 }
    _ = pass(" ")
    if pass(word: "Z") || pass(word: "z") || pass(word: "UTC") || pass(word: "GMT") { return isAtEnd ? 0 : nil }
    guard let sign = pass("+-"), let hours = number(2...2)?.value else { return nil }
    var minutes = 0
    if !isAtEnd {
      _ = pass(":")
      guard let read = number(2...2)?.value else { return nil }
      minutes = read
    }
    guard isAtEnd, hours < 24, minutes < 60 else { return nil }
    return (sign == UInt8(ascii: "-") ? -1 : 1) * (3600 * hours + 60 * minutes)
  }

  /// `1/9/2024`, `31.12.2024`, `9-1-24`, with or without a time of day behind it.
  mutating func readUnorderedDate() -> MomentReading? {
    guard let first = number(1...2)?.value, let separator = pass("/.-"), let second = number(1...2)?.value, pass("/.-") == separator,
      let year = number(2...4), year.digits != 3, isAtEnd || next == 32 || next == UInt8(ascii: "T") || next == UInt8(ascii: ",")
    else { return nil }
    let full = year.digits == 4 ? year.value : year.value + (year.value < 69 ? 2000 : 1900)
    let (dayFirst, monthFirst) = (CivilDate(full, second, first), CivilDate(full, first, second))
    if dayFirst == nil, monthFirst == nil { return nil }
    return .dayOrMonthFirst(
      dayFirst: dayFirst, monthFirst: monthFirst, separator: Character(Unicode.Scalar(separator)), yearDigits: year.digits)
  }
}
