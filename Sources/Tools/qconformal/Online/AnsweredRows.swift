import Calibration
import Groundwork
import Quantiles
import Tables

/// A row that was answered and has not taught: open, where its target is still to come, else waiting for its time to be over.
struct AnsweredRow {
  let series: Int
  /// The quantiles as they came, and as they were answered, of all groups. Without `--state` nobody asks for them again, and there are none.
  let given: [Double]
  let answered: [Double]
  /// What the method tells of the answer.
  let answer: [Double]
  /// When the truth is out; nil where no column tells.
  let known: Moment?
  /// NaN where it is still to come.
  var target = Double.nan
  /// One an interval, once the target is there.
  var scores: [EndScores] = []
  /// The series' time when the target came.
  var learntAt: Moment?
  /// Whether it was answered, or its target came, in this run.
  var isOfThisRun = true

  var isOpen: Bool { target.isNaN }

  /// Whether it teaches before rows of a time are answered: its truth is out by then, or else the time at which its target came is over.
  func isDue(at time: Moment) -> Bool { known.map { !time.isBefore($0) && learntAt!.isBefore(time) } ?? learntAt!.isBefore(time) }

  /// Whether it teaches in an earlier step than another.
  func precedes(_ other: AnsweredRow) -> Bool { due.isBefore(other.due) }
  func isInStep(with other: AnsweredRow) -> Bool { !due.isBefore(other.due) && !other.due.isBefore(due) }

  /// Its step: that of the time when its truth is out, or came.
  private var due: Moment { known.map { $0.isBefore(learntAt!) ? learntAt! : $0 } ?? learntAt! }
}

/// The rows that are kept, by what tells them apart.
struct AnsweredRows {
  private struct Entry {
    let identity: FieldText
    var row: AnsweredRow?
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
  private let limit: Int
  /// Open rows that made room for others, in all runs and in this one; and the first of these.
  private(set) var dropped = 0
  private(set) var droppedNow = 0
  private(set) var firstDropped: FieldText?

  init(limit: Int) { self.limit = limit }

  func find(_ identity: FieldText) -> AnsweredRow? { numberOfIdentity[identity].flatMap { entries[$0].row } }

  mutating func keep(_ row: AnsweredRow, as identity: FieldText?) {
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

  /// Gives an open row its target.
  mutating func close(_ identity: FieldText, target: Double, scores: [EndScores], at time: Moment?) -> AnsweredRow {
    let number = numberOfIdentity[identity]!
    entries[number].row!.target = target
    entries[number].row!.scores = scores
    entries[number].row!.learntAt = time
    entries[number].row!.isOfThisRun = true
    open -= 1
    let row = entries[number].row!
    waiting[row.series, default: []].append(number)
    return row
  }

  /// Takes the rows of a series that teach before a time, or all without one: the rows of each step, one step after the other.
  mutating func takeDue(of series: Int, before time: Moment?) -> [[AnsweredRow]] {
    guard let numbers = waiting[series] else { return [] }
    let isDue = numbers.map { number in time.map { entries[number].row!.isDue(at: $0) } ?? true }
    let due = zip(numbers, isDue).filter(\.1).map(\.0)
    if due.isEmpty { return [] }
    let rest = zip(numbers, isDue).filter { !$0.1 }.map(\.0)
    waiting[series] = rest.isEmpty ? nil : rest
    var rows = due.map { entries[$0].row! }
    for number in due { remove(number) }
    compactIfWorthIt()
    guard time != nil else { return [rows] }
    rows.sort { $0.precedes($1) }
    var steps: [[AnsweredRow]] = []
    for row in rows {
      if let last = steps.last?.last, last.isInStep(with: row) { steps[steps.count - 1].append(row) } else { steps.append([row]) }
    }
    return steps
  }

  // MARK: Files

  var waitingSeries: [Int] { waiting.keys.sorted() }

  /// Those that are kept, in the order in which they were answered.
  private var kept: [(identity: FieldText, row: AnsweredRow)] { entries.compactMap { entry in entry.row.map { (entry.identity, $0) } } }

  var seriesOfRows: Set<Int> { Set(kept.map(\.row.series)) }

  /// `placeOfSeries` numbers series as the file does.
  func encode(placeOfSeries: [Int: Int], into writer: inout ByteWriter) {
    writer.write(dropped)
    writer.write(kept.count)
    for (identity, row) in kept {
      writer.write(identity)
      writer.write(placeOfSeries[row.series]!)
      writer.write(row.known?.canonicalText ?? "")
      writer.write(row.target)
      writer.write(row.learntAt?.canonicalText ?? "")
      writer.write(row.given)
      writer.write(row.answered)
      writer.write(row.answer)
    }
  }

  /// Reads what `encode` wrote, of quantiles and answers of these sizes. `scores` tells what a target teaches beside given quantiles.
  mutating func decode(
    _ reader: inout ByteReader, _ series: inout OnlineSeries, numbers: [Int], width: Int, answerSize: Int, scores: ([Double], Double) -> [EndScores]
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
      let learntAt = try series.readMoment(&reader)
      let given = try reader.readArray(of: Double.self)
      let answered = try reader.readArray(of: Double.self)
      let answer = try reader.readArray(of: Double.self)
      guard given.count == width, answered.count == width, answer.count == answerSize, !target.isInfinite, target.isNaN || learntAt != nil else {
        throw ByteReader.damaged
      }
      var row = AnsweredRow(series: numbers[place], given: given, answered: answered, answer: answer, known: known)
      row.isOfThisRun = false
      if !target.isNaN {
        row.target = target
        row.learntAt = learntAt
        row.scores = scores(given, target)
      }
      keep(row, as: identity)
    }
    (droppedNow, firstDropped) = (0, nil)
  }
}
