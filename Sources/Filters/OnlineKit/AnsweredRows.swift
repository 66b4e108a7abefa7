import Groundwork
import Tables

/// The rows that are kept, by what tells them apart.
package struct AnsweredRows<Content> {
  package typealias Row = AnsweredRow<Content>

  private struct Entry {
    let identity: FieldText
    var row: Row?
  }

  /// In the order in which rows were answered; taught and dropped ones are nil.
  private var entries: [Entry] = []
  /// No open row stands before it.
  private var first = 0
  private var removed = 0
  private var numberOfIdentity: [FieldText: Int] = [:]
  /// Of each series, the numbers of rows that have a target and did not teach.
  private var waiting: [Int: [Int]] = [:]
  private var open = 0
  let limit: Int
  /// How long after its time a row's truth is out.
  private let lag: TimeSpan?
  /// Open rows that made room for others, in all runs and in this one; and the first of these.
  package private(set) var dropped = 0
  package private(set) var droppedNow = 0
  package private(set) var firstDropped: FieldText?

  package init(limit: Int, lag: TimeSpan?) {
    self.limit = limit
    self.lag = lag
  }

  package func find(_ identity: FieldText) -> Row? { numberOfIdentity[identity].flatMap { entries[$0].row } }

  package mutating func keep(_ row: Row, as identity: FieldText?) {
    let number = entries.count
    entries.append(Entry(identity: identity ?? "", row: row))
    if let identity { numberOfIdentity[identity] = number }
    if !row.isOpen { return waiting[row.series, default: []].append(number) }
    open += 1
    if open > limit { dropOldest() }
  }

  private mutating func dropOldest() {
    while entries[first].row?.isOpen != true { first += 1 }
    if firstDropped == nil { firstDropped = entries[first].identity }
    remove(first)
    open -= 1
    dropped += 1
    droppedNow += 1
    compactIfWorthIt()
  }

  private mutating func remove(_ number: Int) {
    numberOfIdentity[entries[number].identity] = nil
    entries[number].row = nil
    removed += 1
  }

  /// At least half of what is held is rows.
  private mutating func compactIfWorthIt() {
    guard entries.count > 1024, 2 * removed > entries.count else { return }
    var numbers = [Int](repeating: -1, count: entries.count)
    var next = 0
    for number in entries.indices where entries[number].row != nil {
      numbers[number] = next
      next += 1
    }
    entries.removeAll { $0.row == nil }
    (first, removed) = (0, 0)
    waiting = waiting.mapValues { $0.map { numbers[$0] } }
    numberOfIdentity = numberOfIdentity.mapValues { numbers[$0] }
  }

  /// Gives an open row its target. `change` makes of its content what it teaches.
  package mutating func close(_ identity: FieldText, target: Double, at time: RowStart?, _ change: (inout Content) -> Void) -> Row {
    let number = numberOfIdentity[identity]!
    entries[number].row!.target = target
    change(&entries[number].row!.content)
    entries[number].row!.learntAt = time
    entries[number].row!.isOfThisRun = true
    open -= 1
    let row = entries[number].row!
    waiting[row.series, default: []].append(number)
    return row
  }

  /// Takes the rows of a series that teach before a time, or all without one: the rows of each step, one step after the other.
  package mutating func takeDue(of series: Int, before time: RowStart?) -> [[Row]] {
    guard let numbers = waiting[series] else { return [] }
    let isDue = numbers.map { number in time.map { entries[number].row!.isDue(at: $0, lag) } ?? true }
    let due = zip(numbers, isDue).filter(\.1).map(\.0)
    if due.isEmpty { return [] }
    let rest = zip(numbers, isDue).filter { !$0.1 }.map(\.0)
    waiting[series] = rest.isEmpty ? nil : rest
    var rows = due.map { (entries[$0].row!.learntAt == nil ? nil : entries[$0].row!.due(lag), entries[$0].row!) }
    for number in due { remove(number) }
    compactIfWorthIt()
    guard time != nil else { return [rows.map(\.1)] }
    rows.sort { $0.0!.isBefore($1.0!) }
    var steps: [[Row]] = []
    var last: TeachingStep?
    for (step, row) in rows {
      if let last, !last.isBefore(step!) { steps[steps.count - 1].append(row) } else { steps.append([row]) }
      last = step
    }
    return steps
  }

  // MARK: Files

  package var waitingSeries: [Int] { waiting.keys.sorted() }

  /// Those that are kept, in the order in which they were answered.
  package var kept: [(identity: FieldText, row: Row)] { entries.compactMap { entry in entry.row.map { (entry.identity, $0) } } }

  package var seriesOfRows: Set<Int> { Set(kept.map(\.row.series)) }

  /// `placeOfSeries` numbers series as the file does, and `content` writes what a row holds.
  package func encode(placeOfSeries: [Int: Int], into writer: inout ByteWriter, content: (Content, inout ByteWriter) -> Void) {
    writer.write(dropped)
    writer.write(kept.count)
    for (identity, row) in kept {
      writer.write(identity)
      writer.write(placeOfSeries[row.series]!)
      writer.write(row.known?.canonicalText ?? "")
      writer.write(row.target)
      writer.write(row.learntAt?.time.canonicalText ?? "")
      if let lag {
        writer.write(row.start?.time.canonicalText ?? "")
        if lag.times != nil { for moment in [row.start, row.learntAt] { writer.write(moment?.number ?? 0) } }
      }
      content(row.content, &writer)
    }
  }

  /// Reads what `encode` wrote. `content` reads what a row holds, and makes of it what its target teaches, where that is there.
  package mutating func decode(
    _ reader: inout ByteReader, _ series: inout OnlineSeries, numbers: [Int], content: (inout ByteReader, _ target: Double?) throws -> Content
  ) throws {
    dropped = try reader.readInt()
    guard dropped >= 0, dropped < 1 << 44 else { throw ByteReader.damaged }
    for _ in 0..<(try reader.readCount(ofAtLeast: 8)) {
      let identity = try reader.readFieldText()
      let place = try reader.readInt()
      // Rows that were answered have moved the clock of their series, and teach by it.
      guard numbers.indices.contains(place), numberOfIdentity[identity] == nil, series.order == nil || series.current(numbers[place]) != nil else {
        throw ByteReader.damaged
      }
      let known = try series.readMoment(&reader)
      let target = try reader.readDouble()
      let arrival = try series.readMoment(&reader)
      guard !target.isInfinite, target.isNaN || arrival != nil else { throw ByteReader.damaged }
      let (start, learntAt) = try readStarts(&reader, &series, arrival)
      var row = Row(series: numbers[place], content: try content(&reader, target.isNaN ? nil : target), known: known, start: start)
      row.isOfThisRun = false
      if !target.isNaN { (row.target, row.learntAt) = (target, learntAt) }
      keep(row, as: identity)
    }
    (droppedNow, firstDropped) = (0, nil)
  }

  /// The row's own time, and that when its target came, by which a span counts.
  private func readStarts(_ reader: inout ByteReader, _ series: inout OnlineSeries, _ arrival: Moment?) throws -> (RowStart?, RowStart?) {
    guard let lag else { return (nil, arrival.map { RowStart(time: $0, number: 0) }) }
    guard let time = try series.readMoment(&reader) else { throw ByteReader.damaged }
    let numbers = lag.times == nil ? [0, 0] : [try reader.readCounter(), try reader.readCounter()]
    return (RowStart(time: time, number: numbers[0]), arrival.map { RowStart(time: $0, number: numbers[1]) })
  }
}
