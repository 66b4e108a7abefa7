import FilterKit
import Groundwork
import Tables

/// What the `--order` column says of a row: a number, or text. Two numbers compare by size, all else by bytes.
struct TimeValue: Equatable {
  let text: String
  /// NaN where the text is no number.
  private let number: Double

  init(text: String) {
    var copy = text
    self.init(text, copy.withUTF8 { NumberReader().read($0) })
  }

  /// Throws where the field is missing.
  init(_ row: Row, _ column: Int, _ reader: NumberReader, _ header: Header) throws {
    let reading = row.number(column, reader)
    if reading == .missing {
      throw Failure(.badData, "the time is missing", at: .init(column: header.names[column]), remedy: "every row needs one to be put in order")
    }
    self.init(row.text(column), reading)
  }

  private init(_ text: String, _ reading: NumberReading) {
    self.text = text
    switch reading {
    case .number(let value), .infinite(let value): number = value
    default: number = .nan
    }
  }

  var isNumber: Bool { !number.isNaN }

  func isBefore(_ other: TimeValue) -> Bool {
    if isNumber, other.isNumber { return number < other.number }
    return text.utf8.lexicographicallyPrecedes(other.text.utf8)
  }
}

/// The series that rows belong to: which of them have a state, and how far in time they are.
struct OnlineSeries {
  /// What `--order` needs to know of a series.
  struct Times {
    /// Of its last row in this run.
    var seen: TimeValue?
    /// Of the last row learnt by runs before.
    var learntBefore: TimeValue?
    var learnt: TimeValue?
  }

  let by: [Int]
  let order: Int?
  private let header: Header
  private let reader = NumberReader()
  private let format: TableFormat

  private var indexOfKey: [String: Int] = [:]
  private var keys: [String] = []
  /// Number of each series' state, −1 for none.
  private var states: [Int32] = []
  private var times: [Times] = []
  /// The series with a state, in the order of their states.
  private var learnt: [Int] = []

  init(_ header: Header, by: [Int], order: Int?, format: TableFormat) {
    self.header = header
    self.by = by
    self.order = order
    self.format = format
  }

  /// The row's series.
  mutating func find(_ row: Row) -> Int {
    let key = by.isEmpty ? "" : by.count == 1 ? RowKey.joined([row.text(by[0])]) : RowKey.joined(by.map { row.text($0) })
    return indexOfKey[key] ?? add(key)
  }

  private mutating func add(_ key: String) -> Int {
    indexOfKey[key] = keys.count
    keys.append(key)
    states.append(-1)
    if order != nil { times.append(Times()) }
    return keys.count - 1
  }

  /// The row's time, nil without `--order`. Throws where it is before that of the series' row before.
  func time(_ row: Row, of series: Int) throws -> TimeValue? {
    guard let order else { return nil }
    let time = try TimeValue(row, order, reader, header)
    if let last = times[series].seen, time.isBefore(last) {
      let place = by.isEmpty ? "" : " of " + zip(by, RowKey.values(keys[series])).map { "\(header.names[$0])=\($1)" }.joined(separator: ", ")
      throw Failure(
        .badData, "\"\(printable(time.text))\" comes after \"\(printable(last.text))\"\(printable(place))", at: .init(column: header.names[order]),
        remedy: sorting(order, asNumbers: time.isNumber && last.isNumber))
    }
    return time
  }

  private func sorting(_ column: Int, asNumbers: Bool) -> String {
    guard case .separated(let delimiter) = format else { return "sort the rows by it" }
    let shown = delimiter == 9 ? "$'\\t'" : delimiter == 44 ? "," : "'\(Character(Unicode.Scalar(delimiter)))'"
    return "sort the rows by it, as sort -t\(shown) -k\(column + 1),\(column + 1)\(asNumbers ? "n" : "") does below the header"
  }

  mutating func see(_ time: TimeValue, of series: Int) { times[series].seen = time }

  /// Whether an earlier run learnt up to this time.
  func isLearnt(_ time: TimeValue, of series: Int) -> Bool {
    guard let last = times[series].learntBefore else { return false }
    return !last.isBefore(time)
  }

  /// The number of a series' state; nil where nothing is learnt of it.
  func state(of series: Int) -> Int? { states[series] < 0 ? nil : Int(states[series]) }

  /// Says that a series learns. Returns whether it is for the first time: then the next state is its.
  mutating func learn(_ series: Int, at time: TimeValue?) -> Bool {
    if let time { times[series].learnt = time }
    if states[series] >= 0 { return false }
    states[series] = Int32(learnt.count)
    learnt.append(series)
    return true
  }

  // MARK: Files

  /// The latest time that some series learnt.
  var lastTime: TimeValue? { times.compactMap(\.learnt).max { $0.isBefore($1) } }

  func encode(state: Int, into writer: inout ByteWriter) {
    writer.write(keys[learnt[state]])
    if order != nil { writer.write(times[learnt[state]].learnt?.text ?? "") }
  }

  /// Adds the next series with a state as `encode` wrote it.
  mutating func add(decoding reader: inout ByteReader) throws {
    let key = try reader.readString()
    let time = order == nil ? nil : TimeValue(text: try reader.readString())
    guard indexOfKey[key] == nil else { throw ByteReader.damaged }
    let series = add(key)
    _ = learn(series, at: time)
    if let time { times[series].learntBefore = time }
  }
}
