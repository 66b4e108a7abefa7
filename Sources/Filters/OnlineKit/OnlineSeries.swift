import FilterKit
import Groundwork
import Tables

/// The series that rows belong to: which of them have a state, and how far in time they are.
package struct OnlineSeries {
  /// How far a series is in time.
  private struct Clock {
    /// The time of its rows that are answered alike; nil before the first.
    var current: Moment?
    /// Of its last row in this run that was not known before.
    var seen: Moment?
    /// How many distinct times it has had.
    var times = 0
  }

  package let by: [Int]
  /// nil without `--order`.
  package private(set) var order: TimeColumn?
  private let header: Header
  private let format: TableFormat
  /// How long after its time a row's truth is out.
  private let lag: TimeSpan?
  /// The column of folds, if there is one.
  private let fold: Int?
  /// Whether a state tells how many times each series has had.
  private var keepsCounts: Bool { lag?.times != nil }

  private let keys = KeyTable()
  /// Rows of this run.
  private var rows = 0
  /// Number of each series' state, −1 for none.
  private var states: [Int32] = []
  private var clocks: [Clock] = []
  /// How many have a state.
  private var learnt = 0

  /// `lag` tells how long after its time a row's truth is out.
  package init(_ header: Header, by: [Int], order: TimeColumn?, lag: TimeSpan?, format: TableFormat) {
    self.lag = lag
    fold = header.index(of: "fold")
    self.header = header
    self.by = by
    self.order = order
    self.format = format
  }

  /// The row's series. Its key is spelt as the first row spells it that `isKept` in a state, so that a state does not depend on runs that leave
  /// nothing in it.
  mutating func find(_ row: Row, isKept: Bool) throws -> Int {
    rows += 1
    return prepared(by.isEmpty ? try keys.number(of: []) : try keys.number(of: row, by, at: KeyTable.Place(block: isKept ? 0 : 1, row: rows)))
  }

  private mutating func prepared(_ series: Int) -> Int {
    if series == states.count {
      states.append(-1)
      clocks.append(Clock())
    }
    return series
  }

  /// The row's time, nil without `--order`. Throws where it is missing, or no time.
  mutating func time(_ row: Row) throws -> Moment? {
    guard let column = order?.column else {
      if let fold, TimeFold.block(row.text(fold)) != nil {
        throw Failure(
          .badData, "the folds are blocks of time (\(row.text(fold))), and nothing says which column holds the times",
          at: .init(column: header.names[fold]), remedy: "name it with --order, or QORDER in the environment")
      }
      return nil
    }
    guard let time = try order!.read(row) else {
      throw TimeColumn.missing(in: header.names[column])
    }
    if let fault = lag?.fault(with: time.kind) {
      throw Failure(.usage, "--lag \(fault)", remedy: "write a number in units of \(header.names[column]), or 13t for distinct times")
    }
    return time
  }

  /// How a time that was not met before lies to those of its series.
  enum Place {
    /// After all of them, or with the last.
    case atEnd(isNew: Bool)
    /// Before what an earlier run has seen.
    case past
  }

  /// Throws where the time is before that of a row in this run, unless `toleratesPast`.
  func place(_ time: Moment, of series: Int, _ row: Row, toleratesPast: Bool) throws -> Place {
    let clock = clocks[series]
    if let seen = clock.seen, time.isBefore(seen), !toleratesPast {
      let key = by.isEmpty ? "" : " of \(RowKey(keys.names[series]).title(by.map { header.names[$0] }))"
      let column = order!.column
      throw Failure(
        .badData, "\"\(printable(row.text(column)))\" comes after \(seen.canonicalText)\(printable(key))", at: .init(column: header.names[column]),
        remedy: sorting(column))
    }
    guard let current = clock.current else { return .atEnd(isNew: true) }
    return time.isBefore(current) ? .past : .atEnd(isNew: current.isBefore(time))
  }

  private func sorting(_ column: Int) -> String {
    // Bytes are in the order of time where numbers have equal signs, or dates are written as ISO 8601 has them.
    guard case .separated(let delimiter) = format, let kind = order?.kind, order?.format == nil else { return "sort the rows by time" }
    let shown = delimiter == 9 ? "$'\\t'" : delimiter == 44 ? "," : "'\(Character(Unicode.Scalar(delimiter)))'"
    return "sort the rows by time, as sort -t\(shown) -k\(column + 1),\(column + 1)\(kind == .number ? "g" : "") does below the header"
  }

  mutating func see(_ time: Moment, of series: Int) {
    if clocks[series].seen?.isBefore(time) ?? true { clocks[series].seen = time }
    guard clocks[series].current?.isBefore(time) ?? true else { return }
    clocks[series].current = time
    clocks[series].times += 1
  }

  func current(_ series: Int) -> Moment? { clocks[series].current }

  /// How far a series is; nil before its first time.
  func now(_ series: Int) -> RowStart? { clocks[series].current.map { RowStart(time: $0, number: clocks[series].times) } }

  /// Where rows of a time stand that comes next in a series.
  func next(_ time: Moment, of series: Int) -> RowStart { RowStart(time: time, number: clocks[series].times + 1) }

  /// The number of a series' state; nil where nothing is learnt of it.
  package func state(of series: Int) -> Int? { states[series] < 0 ? nil : Int(states[series]) }

  /// Says that a series learns. Returns whether it is for the first time: then the next state is its.
  package mutating func learn(_ series: Int) -> Bool {
    if states[series] >= 0 { return false }
    states[series] = Int32(learnt)
    learnt += 1
    return true
  }

  package func key(_ series: Int) -> RowKey { RowKey(keys.names[series]) }

  // MARK: Files

  /// The latest time of all.
  package var lastTime: Moment? { clocks.compactMap(\.current).max { $0.isBefore($1) } }

  /// The series with a state, in the order of their states, then the others of `wanted`.
  package func saved(_ wanted: Set<Int>) -> [Int] {
    let withState = states.indices.filter { states[$0] >= 0 }.sorted { states[$0] < states[$1] }
    return withState + wanted.filter { states[$0] < 0 }.sorted()
  }

  package func encode(_ series: Int, into writer: inout ByteWriter) {
    writer.write(key(series))
    if order != nil { writer.write(clocks[series].current?.canonicalText ?? "") }
    if keepsCounts { writer.write(clocks[series].times) }
  }

  /// Adds a series as `encode` wrote it, and returns its number.
  package mutating func add(decoding reader: inout ByteReader, hasState: Bool) throws -> Int {
    let key = try reader.readRowKey(columns: by.count)
    let before = states.count
    let series = prepared(try keys.number(of: key.values))
    guard series == before else { throw ByteReader.damaged }
    if hasState { _ = learn(series) }
    guard order != nil else { return series }
    clocks[series].current = try readMoment(&reader)
    if keepsCounts { clocks[series].times = try reader.readCounter() }
    return series
  }

  /// Reads a time that is there, of the kind of the others.
  mutating func readMoment(_ reader: inout ByteReader) throws -> Moment? {
    let text = try reader.readFieldText()
    if text.isEmpty { return nil }
    guard let moment = Moment(canonicalText: text), order?.kind ?? moment.kind == moment.kind else { throw ByteReader.damaged }
    order?.expect(moment.kind)
    return moment
  }
}
