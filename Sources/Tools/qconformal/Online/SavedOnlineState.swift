import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// What `--state` keeps: which calibration it is, and what each series has learnt.
struct SavedOnlineState {
  /// What the binary part begins with, where a saved calibration names its method.
  static let mark = "online"

  /// Everything that must be the same from run to run.
  struct Identity {
    let method: MethodSpecification
    /// Every setting with its value, whether it was written or not.
    let settings: [(key: String, value: String)]
    let by: [String]
    let order: String?
    let known: String?
    let id: [String]?

    /// The flags that name columns, with what they name.
    var columns: [(flag: String, names: [String])] {
      [("--order", [order].compactMap { $0 }), ("--known", [known].compactMap { $0 }), ("--id", id ?? [])]
    }

    init(_ method: MethodSpecification, _ description: MethodDescription, by: [String], order: String?, known: String?, id: [String]?) {
      self.method = method
      self.by = by
      self.order = order
      self.known = known
      self.id = id
      settings = description.settings.map { setting in
        let text = method.settings.last { $0.key == setting.name }?.value ?? setting.defaultText
        return (setting.name, Double(text).map(shortestText) ?? text)
      }
    }
  }

  private let file: ModelFile
  private var reader: ByteReader

  var columns: [String] { file.header.columns }

  /// Throws where the file holds something else than this calibration.
  init(_ file: ModelFile, _ identity: Identity, path: String) throws {
    self.file = file
    reader = ByteReader(file.body)
    func refuse(_ cause: String) -> Failure {
      Failure(.badData, cause, at: .init(input: path), remedy: "go on as it was made, or name another --state")
    }
    func list(_ names: [String]) -> String { names.isEmpty ? "nothing" : names.joined(separator: ",") }
    guard try reader.readString() == SavedOnlineState.mark else { throw refuse("a model of --save, not a state") }
    let method = try reader.readString()
    guard method == identity.method.method else { throw refuse("a state of \(method), not of \(identity.method.method)") }
    let (keys, values) = (try reader.readStrings(), try reader.readStrings())
    guard keys == identity.settings.map(\.key), values.count == keys.count else { throw refuse("a state of other settings than this qconformal has") }
    for (found, wanted) in zip(values, identity.settings) where found != wanted.value {
      throw refuse("a state with \(wanted.key)=\(found), not \(wanted.value)")
    }
    let by = try reader.readStrings()
    guard by == identity.by else { throw refuse("a state by \(list(by)), not by \(list(identity.by))") }
    for (what, wanted) in identity.columns {
      let found = try reader.readStrings()
      func told(_ names: [String]) -> String { names.isEmpty ? "no \(what)" : "\(what) \(list(names))" }
      guard found == wanted else { throw refuse("a state of a run with \(told(found)), and this one has \(told(wanted))") }
    }
  }

  /// Reads what series have learnt, and returns from how many rows. Throws where the table has other groups or levels.
  mutating func read(
    _ groups: [QuantileColumns], target: String, into series: inout OnlineSeries, _ kept: inout AnsweredRows, _ states: any OnlineStates, path: String
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
    try kept.decode(
      &reader, &series, numbers: numbers, width: groups.reduce(0) { $0 + $1.levels.count }, answerSize: states.answerSize
    ) { given, target in given.withUnsafeBufferPointer { given in intervals.map { $0.scores(target, given: given) } } }
    guard reader.isAtEnd else { throw ByteReader.damaged }
    return rows
  }

  static func model(_ identity: Identity, _ header: Header, target: String, _ groups: [QuantileColumns], _ worker: OnlineWorker) -> ModelFile {
    var writer = ByteWriter()
    writer.write(mark)
    writer.write(identity.method.method)
    writer.write(identity.settings.map(\.key))
    writer.write(identity.settings.map(\.value))
    writer.write(identity.by)
    for (_, columns) in identity.columns { writer.write(columns) }
    writer.write(groups.map(\.name))
    for group in groups { writer.write(group.levels.map { Level($0).key }) }
    writer.write(worker.learntRows)
    let saved = worker.series.saved(worker.kept.seriesOfRows)
    writer.write(worker.states.series)
    writer.write(saved.count)
    for (k, number) in saved.enumerated() {
      worker.series.encode(number, into: &writer)
      if k < worker.states.series { worker.states.encode(series: k, into: &writer) }
    }
    worker.kept.encode(placeOfSeries: Dictionary(uniqueKeysWithValues: saved.enumerated().map { ($1, $0) }), into: &writer)
    var training = ["rows": "\(worker.learntRows)", "series": "\(worker.states.series)"]
    if let time = worker.series.lastTime { training["until"] = time.canonicalText.description }
    let text = identity.method.method + ":" + identity.settings.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    return ModelFile(
      tool: "qconformal", settings: ["state", text], target: target, inputs: groups.map(\.name) + identity.by + identity.columns.flatMap(\.1),
      levels: Levels.union(groups.map(\.levels)), training: training, columns: header.names, body: writer.bytes)
  }
}
