import Groundwork
import Tables
import Testing

@Suite struct TimeSpanTests {
  private func moment(_ text: String) -> Moment {
    let reading = Array(text.utf8).withUnsafeBufferPointer { Moment.read($0, NumberReader()) }
    guard case .moment(let moment) = reading else { preconditionFailure(text) }
    return moment
  }

  /// Ends from `date -d "START + SPAN"` of GNU coreutils 9.1, but for the last days of months, which it takes for days of the next.
  @Test(arguments: [
    ("2w", "2024-02-20", "2024-03-05"), ("14", "2024-02-20", "2024-03-05"), ("36h", "2024-02-28", "2024-02-29T12:00"),
    ("1m", "2024-01-31", "2024-02-29"),
    ("1m", "2023-01-31", "2023-02-28"), ("1y", "2024-02-29", "2025-02-28"), ("12m", "2024-02-29", "2025-02-28"),
    ("0.5d", "2024-01-01", "2024-01-01T12:00"),
    ("3", "2024-W51", "2025-W02"), ("2", "2024-11", "2025-01"), ("1m", "2024-11", "2024-12"), ("2", "2024-Q4", "2025-Q2"),
    ("1y", "2024-Q4", "2025-Q4"),
    ("0.2", "0.1", "0.3"), ("1.", "1", "2"), ("0", "5", "5.0"),
  ])
  func spansEnd(_ span: String, _ start: String, _ end: String) throws {
    let span = try #require(TimeSpan(span))
    #expect(span.place(of: moment(end), after: moment(start)) == 0)
    let later = moment(end).isDate ? "2999-01-01" : "2e30"
    let kind = moment(end).kind
    if kind == .date || kind == .number { #expect(span.place(of: moment(later), after: moment(start)) == 1) }
    if !span.isZero { #expect(span.place(of: moment(start), after: moment(start)) == -1) }
  }

  @Test func otherTextIsNoSpan() {
    for text in ["", "w", "-2w", "2q", "1.5m", "0.5t", "2 w", "w2", "1e400", "inf", "nan", "2W", "1.2.3"] {
      #expect(TimeSpan(text) == nil, "\(text)")
    }
    #expect(TimeSpan("13t")?.times == 13 && TimeSpan("2w")?.times == nil)
    #expect(TimeSpan("2w")?.fault(with: .number) != nil && TimeSpan("2")?.fault(with: .number) == nil && TimeSpan("2t")?.fault(with: .number) == nil)
  }
}
