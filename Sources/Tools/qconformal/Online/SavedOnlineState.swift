import Calibration
import FilterKit
import Groundwork
import OnlineKit
import Quantiles
import Tables

/// What `--state` keeps: which calibration it is, and what each series has learnt.
struct SavedOnlineState {
  private let file: ModelFile
  private var reader: ByteReader

  var columns: [String] { file.header.columns }

  /// Throws where the file holds something else than this calibration.
  init(_ file: ModelFile, _ identity: OnlineIdentity, path: String) throws {
    self.file = file
    reader = ByteReader(file.body)
    try identity.check(&reader, tool: "qconformal", path: path)
  }

  /// Reads what series have learnt, and returns from how many rows. Throws where the table has other groups or levels.
  mutating func read(
    _ groups: [QuantileColumns], target: String, into series: inout OnlineSeries, _ kept: inout AnsweredRows<CalibratedAnswer>,
    _ states: any OnlineStates,
    path: String
  ) throws -> Int {
    func refuse(_ cause: String) -> Failure {
      Failure(.badData, cause, at: .init(input: path), remedy: "calibrate what it was made for, or name another --state")
    }
    guard file.header.target == target else { throw refuse("a state of the target \"\(file.header.target ?? "")\", not of \"\(target)\"") }
    let names = try reader.readStrings()
    func title(_ names: [String]) -> String { names.map { $0.isEmpty ? "the group without a name" : $0 }.joined(separator: ", ") }
    guard names == groups.map(\.name) else { throw refuse("a state of the quantile groups \(title(names)), not of \(title(groups.map(\.name)))") }
    for group in groups {
      let levels = try reader.readArray(of: Int.self).map { Level(key: $0) }
      let found = group.levels.map { Level($0) }
      if let odd = Set(levels).symmetricDifference(found).min() {
        throw refuse(
          """
          level \(levelText(odd.value)) of \(group.title) is \
          \(found.contains(odd) ? "in the table and not in the state" : "in the state and not in the table")
          """
        )
      }
    }
    let rows = try reader.readCounter()
    let withState = try reader.readCount(ofAtLeast: 8)
    let all = try reader.readCount(ofAtLeast: 8)
    guard withState <= all else { throw ByteReader.damaged }
    let numbers = try (0..<all).map { k in
      let number = try series.add(decoding: &reader, hasState: k < withState)
      if k < withState { try states.addSeries(decoding: &reader) }
      return number
    }
    let intervals = OnlineInterval.all(groups)
    let width = groups.reduce(0) { $0 + $1.levels.count }
    try kept.decode(&reader, &series, numbers: numbers) { reader, target in
      let given = try reader.readArray(of: Double.self)
      let answered = try reader.readArray(of: Double.self)
      let answer = try reader.readArray(of: Double.self)
      guard given.count == width, answered.count == width, answer.count == states.answerSize else { throw ByteReader.damaged }
      let scores = target.map { target in given.withUnsafeBufferPointer { given in intervals.map { $0.scores(target, given: given) } } }
      return CalibratedAnswer(given: given, answered: answered, answer: answer, scores: scores ?? [])
    }
    guard reader.isAtEnd else { throw ByteReader.damaged }
    return rows
  }

  static func model(_ identity: OnlineIdentity, _ header: Header, target: String, _ groups: [QuantileColumns], _ worker: OnlineWorker) -> ModelFile {
    let book = worker.book
    var writer = ByteWriter()
    identity.encode(into: &writer)
    writer.write(groups.map(\.name))
    for group in groups { writer.write(group.levels.map { Level($0).key }) }
    writer.write(book.learntRows)
    let saved = book.series.saved(book.kept.seriesOfRows)
    writer.write(worker.states.series)
    writer.write(saved.count)
    for (k, number) in saved.enumerated() {
      book.series.encode(number, into: &writer)
      if k < worker.states.series { worker.states.encode(series: k, into: &writer) }
    }
    book.kept.encode(placeOfSeries: Dictionary(uniqueKeysWithValues: saved.enumerated().map { ($1, $0) }), into: &writer) { content, writer in
      for values in [content.given, content.answered, content.answer] { writer.write(values) }
    }
    var training = ["rows": "\(book.learntRows)", "series": "\(worker.states.series)"]
    if let time = book.series.lastTime { training["until"] = time.canonicalText.description }
    return ModelFile(
      tool: "qconformal", settings: ["state", identity.methodText], target: target,
      inputs: groups.map(\.name) + identity.by + identity.columns.flatMap(\.1),
      levels: Levels.union(groups.map(\.levels)), training: training, columns: header.names, body: writer.bytes)
  }
}
