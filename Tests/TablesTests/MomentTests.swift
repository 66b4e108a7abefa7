import Groundwork
import Tables
import Testing

@Suite struct MomentTests {
  private func read(_ text: String) -> Moment? {
    let reading = Array(text.utf8).withUnsafeBufferPointer { Moment.read($0, NumberReader()) }
    if case .moment(let moment) = reading { return moment }
    return nil
  }

  /// The times of RFC 3339 §5.8 and of ISO 8601's examples; seconds from `date -u -d TEXT +%s` of GNU coreutils 9.1.
  @Test(arguments: [
    ("1985-04-12T23:20:50.52Z", 482196050.52), ("1996-12-19T16:39:57-08:00", 851042397), ("1937-01-01T12:00:27.87+00:20", -1041337172.13),
    ("2024-02-29", 1709164800), ("1969-12-31", -86400), ("2000-01-01 00:00", 946684800), ("20240131T120000Z", 1706702400),
    ("2024-01-31T12:00-0230", 1706711400),
    ("2024-01-31T24:00", 1706745600), ("2016-12-31T23:59:60Z", 1483228800), ("2024-01-31 12:00:00 UTC", 1706702400), ("2024-01-31T12+00", .nan),
  ])
  func days(_ text: String, _ seconds: Double) {
    let moment = read(text)
    #expect(seconds.isNaN ? moment == nil : moment?.value == seconds && moment?.kind == .date, "\(text) \(moment.debugDescription)")
  }

  /// Weeks of ISO 8601 from `date -u -d DAY +%G-W%V`: years of 53 weeks, and days that belong to the year beside their own.
  @Test(arguments: [
    ("2020-W53-5", "2021-01-01"), ("2021-W01-1", "2021-01-04"), ("2015-W53-7", "2016-01-03"), ("2008-W01-1", "2007-12-31"),
    ("2010W527", "2011-01-02"),
  ])
  func weeks(_ text: String, _ day: String) { #expect(read(text)?.canonicalText.description == day) }

  @Test func weeksThatAreNone() {
    for text in ["2021-W53", "2024-W00", "2024-W53", "2024-W05-0", "2024-W05-8", "2024-W5"] { #expect(read(text) == nil, "\(text)") }
    #expect(read("2020-W53")?.canonicalText == "2020-W53")
    #expect(read("2009-W01")?.canonicalText == "2009-W01")
  }

  @Test func daysThatAreNone() {
    for text in [
      "2023-02-29", "2024-04-31", "2024-00-01", "2024-13-01", "2024-01-00", "2024-1", "2024-13", "2024-01-01T25:00", "2024-01-01T12:60",
      "2024-01-01T12:00:61",
      "2024-01-01T", "2024-01-01x", "24-01-01", "2024-01-01T12:00+24:00", "2024-01-01T12:00:00.", "2024-Q5", "2024-Q0", "noon", "2024-01/01", "inf",
    ] { #expect(read(text) == nil, "\(text)") }
  }

  @Test func daysAndMonthsAreNotGuessed() {
    func reading(_ text: String) -> String {
      let reading = Array(text.utf8).withUnsafeBufferPointer { Moment.read($0, NumberReader()) }
      guard case .dayOrMonthFirst(let a, let b, _, _) = reading else { return "other" }
      return [a, b].map { $0.map { "\($0.year)-\($0.month)-\($0.day)" } ?? "none" }.joined(separator: " ")
    }
    #expect(reading("10/1/2024") == "2024-1-10 2024-10-1")
    #expect(reading("31.12.2024") == "2024-12-31 none")
    #expect(reading("12-31-24") == "none 2024-12-31")
    #expect(reading("1/2/1970 12:00") == "1970-2-1 1970-1-2")
    for text in ["1/2", "1/2/3", "32/32/2024", "1/2.2024", "1/2/202"] { #expect(reading(text) == "other", "\(text)") }
  }

  @Test func everyDayComesBack() {
    for days in stride(from: -719_000, through: 2_900_000, by: 13) {
      let date = CivilDate(daysSince1970: days)
      #expect(date.daysSince1970 == days && CivilDate(date.year, date.month, date.day) == date)
    }
  }

  /// What is written once reads as the same moment, and moments are before each other as what they mean is.
  @Test func canonicalTextsReadBack() {
    var random = RandomStream(seed: 3)
    let texts = (0..<500).map { _ -> String in
      let day = CivilDate(daysSince1970: random.below(40_000) - 10_000)
      func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
      let date = "\(day.year)-\(two(day.month))-\(two(day.day))"
      return [date, "\(date)T\(two(random.below(24))):\(two(random.below(60))):30.\(random.below(100))", "\(day.year)-\(two(day.month))"][
        random.below(3)]
    }
    for text in texts {
      let moment = read(text)!
      #expect(Moment(canonicalText: moment.canonicalText)!.isSame(as: moment), "\(text)")
    }
    let days = texts.compactMap { read($0) }.filter { $0.kind == .date }
    let sorted = days.sorted { $0.isBefore($1) }
    #expect(sorted.map(\.value) == days.map(\.value).sorted())
  }

  @Test func numbersTooCloseForDoublesAreTold() {
    let (a, b) = (read("1700000000000000001")!, read("1700000000000000002")!)
    #expect(a.value == b.value && a.isBefore(b) && !b.isBefore(a) && !a.isSame(as: b))
    #expect(read("007")!.isSame(as: read("7.0")!))
  }

  @Test func formats() throws {
    func moment(_ format: String, _ text: String) throws -> String? {
      let format = try TimeFormat(format)
      return Array(text.utf8).withUnsafeBufferPointer { format.moment($0)?.canonicalText.description }
    }
    #expect(try moment("%d.%m.%Y", "31.12.2024") == "2024-12-31")
    #expect(try moment("%m/%d/%Y %H:%M", "9/30/2024 7:05") == "2024-09-30T07:05:00Z")
    #expect(try moment("%Y%m%d", "20240131") == "2024-01-31")
    #expect(try moment("%d %b %y", "5 Jan 24") == "2024-01-05")
    #expect(try moment("%Y-%m-%dT%H:%M:%S%z", "2024-01-31T12:00:00+0100") == "2024-01-31T11:00:00Z")
    #expect(try moment("%H:%M:%S %d/%m/%Y", "12:00:00 1/2/2024") == "2024-02-01T12:00:00Z")
    #expect(try moment("%Y-%m-%d %H:%M:%S", "2024-01-31 12:00:00.250") == "2024-01-31T12:00:00.25Z")
    #expect(try moment("%m/%Y", "2/2024") == "2024-02-01")
    for (format, text) in [
      ("%d.%m.%Y", "31.02.2024"), ("%d.%m.%Y", "2024-12-31"), ("%d.%m.%Y", "31.12.2024x"), ("%Y-%m-%d", ""), ("%d.%m.%Y", "31.12.2024.5"),
    ] {
      #expect(try moment(format, text) == nil, "\(format) \(text)")
    }
    for format in ["%d.%m", "", "%Y %", "%Q %Y", "year"] { #expect(throws: Failure.self) { try TimeFormat(format) } }
  }
}
