import Aggregation
import FilterKit
import Groundwork
import OnlineKit
import Quantiles
import Tables

/// What `--state` keeps: how weights are learnt, of which models and in which groups, and what was learnt.
struct SavedAggregationState {
  private let file: ModelFile
  private var reader: ByteReader
  let levels: [Double]

  var columns: [String] { file.header.columns }

  /// Throws where the file holds something else than this way of learning.
  init(_ file: ModelFile, _ identity: OnlineIdentity, within: [String], path: String) throws {
    self.file = file
    reader = ByteReader(file.body)
    try identity.check(&reader, tool: "qaggregate", path: path)
    let found = try reader.readStrings()
    guard found == within else {
      func told(_ names: [String]) -> String { names.isEmpty ? "no --within" : "--within \(names.joined(separator: ","))" }
      throw Failure(
        .badData, "a state of a run with \(told(found)), and this one has \(told(within))", at: .init(input: path),
        remedy: "go on as it was made, or name another --state")
    }
    levels = try reader.readArray(of: Double.self)
    guard Levels.areProper(levels) else { throw ByteReader.damaged }
  }

  /// Throws where the table is of another target, or has a level that the state does not know.
  func check(target: String, _ groups: [QuantileGroup], path: String) throws {
    func refuse(_ cause: String) -> Failure {
      Failure(.badData, cause, at: .init(input: path), remedy: "combine what it was made for, or name another --state")
    }
    guard file.header.target == target else { throw refuse("a state of the target \"\(file.header.target ?? "")\", not of \"\(target)\"") }
    let known = Set(levels.map { Level($0) })
    for group in groups {
      if let odd = group.levels.first(where: { !known.contains(Level($0)) }) {
        throw refuse("level \(levelText(odd)) of \(group.title) is in the table and not in the state")
      }
    }
  }

  /// Reads what was learnt, and returns from how many rows.
  mutating func read(
    into series: inout OnlineSeries, _ kept: inout AnsweredRows<AggregatedAnswer>, _ groups: inout RowGroups, _ names: inout ModelNames,
    _ learner: OnlineWeights
  ) throws -> Int {
    let count = try reader.readCount(ofAtLeast: 8)
    for k in 0..<count {
      guard names.number(of: try reader.readFieldText(), learner, hasJoined: true) == k else { throw ByteReader.damaged }
    }
    let rows = try reader.readCounter()
    let withState = try reader.readCount(ofAtLeast: 8)
    let all = try reader.readCount(ofAtLeast: 8)
    guard withState <= all else { throw ByteReader.damaged }
    let numbers = try (0..<all).map { try series.add(decoding: &reader, hasState: $0 < withState) }
    var groupsOfFamily: [[Int]] = []
    for f in groups.families.indices {
      let count = try reader.readCount(ofAtLeast: 8)
      groupsOfFamily.append(
        try (0..<count).map { _ in
          let number = learner.groupCount
          try groups.add(try reader.readRowKey(columns: groups.families[f].columns.count), family: f, number: number)
          try learner.addGroup(decoding: &reader)
          return number
        })
    }
    try kept.decode(&reader, &series, numbers: numbers) { reader, _ in
      try AggregatedAnswer(decoding: &reader, groupsOfFamily: groupsOfFamily, models: count, learner.plan)
    }
    guard reader.isAtEnd else { throw ByteReader.damaged }
    return rows
  }

  static func model(
    _ identity: OnlineIdentity, within: [String], _ header: Header, target: String, levels: [Double], _ state: OnlineAggregationState
  ) -> ModelFile {
    let (book, learner) = (state.book, state.learner)
    var writer = ByteWriter()
    identity.encode(into: &writer)
    writer.write(within)
    writer.write(levels)
    let experts = state.models.inOrder.filter(learner.hasJoined)
    writer.write(experts.count)
    for expert in experts { writer.write(state.models.names[expert]) }
    writer.write(book.learntRows)
    let saved = book.series.saved(book.kept.seriesOfRows)
    writer.write(saved.count { book.series.state(of: $0) != nil })
    writer.write(saved.count)
    for number in saved { book.series.encode(number, into: &writer) }
    let groups = state.groups.saved(learner, with: Set(book.kept.kept.flatMap(\.row.content.groups)))
    var placeOfGroup: [Int: Int] = [:]
    for family in groups {
      writer.write(family.count)
      for (key, group) in family {
        placeOfGroup[group] = placeOfGroup.count
        writer.write(key)
        learner.encode(group: group, experts: experts, into: &writer)
      }
    }
    let placeOfModel = Dictionary(uniqueKeysWithValues: experts.enumerated().map { ($1, $0) })
    book.kept.encode(placeOfSeries: Dictionary(uniqueKeysWithValues: saved.enumerated().map { ($1, $0) }), into: &writer) { content, writer in
      content.encode(into: &writer, placeOfGroup: placeOfGroup, placeOfModel: placeOfModel)
    }
    var training = ["rows": "\(book.learntRows)", "groups": "\(groups.reduce(0) { $0 + $1.count })"]
    if let time = book.series.lastTime { training["until"] = time.canonicalText.description }
    let names = experts.map { state.models.names[$0].description }
    return ModelFile(
      tool: "qaggregate", settings: ["state", identity.methodText], target: target,
      inputs: names + identity.by + within + identity.columns.flatMap(\.1).filter { !$0.isEmpty }, levels: levels, training: training,
      columns: header.names, body: writer.bytes)
  }
}
