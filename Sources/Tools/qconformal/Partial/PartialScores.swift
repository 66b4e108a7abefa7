import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// What `--partial` keeps of a table: of each quantile group, each key (`--by`) and each bound the scores of labelled rows.
struct PartialScores {
  let specification: MethodSpecification
  let target: String
  let terms: CalibrationTerms
  /// All columns of the table.
  let columns: [String]
  let groups: [Group]
  /// The ids of the parts that these are of.
  private(set) var parts = PartIDs()
  /// By the values of the `--by` columns; without them all rows have one key.
  private(set) var byKey: [RowKey: KeyScores]

  struct Group: Equatable {
    let name: String
    let levels: [Double]
    let madeLevels: [Double]
  }

  struct KeyScores {
    /// Labelled rows.
    var rows: Int
    /// Of the weights of labelled rows.
    var weight: ExactSum
    /// One a group and bound.
    var scores: [[ScoreSummary]]

    init(rows: Int, weight: ExactSum, scores: [[ScoreSummary]]) {
      self.rows = rows
      self.weight = weight
      self.scores = scores
    }

    init(merging all: [KeyScores]) {
      rows = all.reduce(0) { $0 + $1.rows }
      weight = all.reduce(into: ExactSum()) { $0.add($1.weight) }
      scores = all[0].scores.indices.map { g in
        all[0].scores[g].indices.map { k in ScoreSummary(merging: all.map { $0.scores[g][k] }) }
      }
    }
  }

  /// The scores of a table's labelled rows, of which there may be none.
  init(
    _ table: StoredTable, _ roles: CalibrationRoles, _ groups: [QuantileColumns], _ calibrator: any ScoreCalibrator,
    _ specification: MethodSpecification,
    _ bounds: AnswerBounds, part: String?, _ session: FilterSession
  ) throws {
    let header = table.header
    parts = PartIDs(given: part)
    self.specification = specification
    target = header.names[roles.target]
    terms = CalibrationTerms(weight: roles.weight.map { header.names[$0] }, by: roles.by.map { header.names[$0] }, bounds: bounds)
    columns = header.names
    self.groups = groups.map { Group(name: $0.name, levels: $0.levels, madeLevels: $0.madeLevels) }
    let targets = table.numbers(roles.target)
    let labelled = targets.indices.filter { !targets[$0].isNaN }
    let weights = try roles.weight.map { column in
      let weights = table.numbers(column)
      if let row = labelled.first(where: { weights[$0].isNaN }) {
        throw session.failure(
          "the weight of row \(row + 1) is missing", column: header.names[column], remedy: "labelled rows need one; 0 leaves a row out")
      }
      return weights
    }
    let trainings = zip(groups, QuantileColumns.values(of: groups, packed: table.takePacked())).map { group, values in
      CalibrationTraining(
        levels: group.levels, quantiles: Matrix(rows: labelled.count, columns: group.levels.count, values: values),
        target: labelled.map { targets[$0] },
        weights: weights.map { weights in labelled.map { weights[$0] } })
    }
    let keys = roles.by.isEmpty ? nil : try RowKey.keys(table, roles.by) { !targets[$0].isNaN }
    let members = keys.map { keys in Dictionary(grouping: labelled.indices) { keys[labelled[$0]] } } ?? [RowKey([]): Array(labelled.indices)]
    byKey = try members.mapValues { positions in
      KeyScores(
        rows: positions.count, weight: positions.reduce(into: ExactSum()) { $0.add(weights?[labelled[$1]] ?? 1) },
        scores: try trainings.map { try calibrator.scores(keys == nil ? $0 : $0.selecting(positions)) })
    }
  }

  // MARK: Merging

  /// All of `files`, which must have come from the same flags on tables of the same columns; throws where they did not, and where the id of
  /// a part comes twice.
  init(merging files: [(name: String, scores: PartialScores)]) throws {
    var ids = PartIDUnion()
    var rows = 0
    for file in files {
      try ids.add(file.scores.parts, of: file.name)
      rows += file.scores.rows
      guard rows < ByteReader.counterLimit else {
        throw Failure(.badData, "the files tell of more rows than there can be", at: .init(input: file.name), remedy: "make it anew with --partial")
      }
    }
    let first = files[0]
    for file in files.dropFirst() {
      if let (what, one, other) = first.scores.difference(from: file.scores) {
        throw Failure(
          .badData, "\(what) \(one) in \(first.name) and \(other) in \(file.name)", remedy: "merge scores of the same flags and columns")
      }
    }
    self = first.scores
    parts = ids.ids
    byKey = Dictionary(grouping: files.flatMap { $0.scores.byKey.map { $0 } }) { $0.key }.mapValues { KeyScores(merging: $0.map(\.value)) }
  }

  /// The first thing that stands in the way of merging, with the two values.
  private func difference(from other: PartialScores) -> (what: String, String, String)? {
    func names(_ names: [String]) -> String { names.isEmpty ? "none" : "\"\(names.joined(separator: ","))\"" }
    func list(_ levels: [Double]) -> String { levels.map { levelText($0) }.joined(separator: ",") }
    let pairs: [(String, (PartialScores) -> String)] = [
      ("the method is", { $0.specification.text }), ("the target is", { "\"\($0.target)\"" }),
      ("the column of weights is", { names([$0.terms.weight].compactMap { $0 }) }),
      ("the groups of --by are", { names($0.terms.by) }), ("--bounds are", { "\($0.terms.bounds.low),\($0.terms.bounds.high)" }),
      ("the quantile groups are", { names($0.groups.map(\.name)) }),
      ("the levels are", { $0.groups.map { list($0.levels) }.joined(separator: "; ") }),
      ("the made levels are", { $0.groups.map { list($0.madeLevels) }.joined(separator: "; ") }), ("the columns are", { names($0.columns) }),
    ]
    return pairs.lazy.map { ($0.0, $0.1(self), $0.1(other)) }.first { $0.1 != $0.2 }
  }

  /// Labelled rows.
  var rows: Int { byKey.values.reduce(0) { $0 + $1.rows } }

  var hasSketches: Bool { byKey.values.contains { $0.scores.contains { $0.contains { $0.isSketch } } } }

  mutating func compact() {
    for key in byKey.keys {
      for g in groups.indices { for k in byKey[key]!.scores[g].indices { byKey[key]!.scores[g][k].compact() } }
    }
  }

  /// The calibration of all labelled rows, of which there must be one, and of those of each part with enough of them, as the whole table would give.
  func calibration(leastRows: Int?) throws -> MergedCalibration {
    let all = KeyScores(merging: Array(byKey.values))
    let type = calibratorRegistry.first { $0.description.name == specification.method }!
    let calibrator = type.init(settings: try Settings(specification.settings, of: type.description)) as! any ScoreCalibrator
    let typicalWeight = terms.weight == nil ? nil : all.weight.divided(by: ExactSum(Double(max(1, all.rows))))
    var small: Set<RowKey> = []
    var rowsNeeded = 1
    let fitted = try groups.indices.map { g in
      let whole = try calibrator.fit(all.scores[g], levels: groups[g].levels, typicalWeight: typicalWeight)
      let least = leastRows ?? max(1, whole.corrections.map(\.rowsNeeded).max() ?? 1)
      rowsNeeded = max(rowsNeeded, least)
      let large = terms.by.isEmpty ? [:] : byKey.filter { $0.value.rows >= least }
      if !terms.by.isEmpty { small.formUnion(byKey.keys.filter { large[$0] == nil }) }
      return SavedCalibration.Group(
        name: groups[g].name, madeLevels: groups[g].madeLevels, whole: whole,
        byKey: try large.mapValues { try calibrator.fit($0.scores[g], levels: groups[g].levels, typicalWeight: typicalWeight) })
    }
    return MergedCalibration(
      saved: SavedCalibration(specification: specification, terms: terms, groups: fitted), rows: all.rows, totalWeight: all.weight.rounded,
      rankErrors: all.scores.map { $0.map(\.rankError).max() ?? 0 }, smallKeys: small.sorted(), rowsNeeded: rowsNeeded)
  }

  // MARK: File

  func file() -> ModelFile {
    var writer = ByteWriter()
    specification.encode(into: &writer)
    writer.write(target)
    terms.encode(into: &writer)
    writer.write(columns)
    writer.write(groups.map(\.name))
    for group in groups {
      writer.write(group.levels)
      writer.write(group.madeLevels)
    }
    let sorted = byKey.sorted { $0.key < $1.key }
    writer.write(sorted.map(\.key))
    for (_, own) in sorted {
      writer.write(own.rows)
      writer.write(own.weight.text)
      for scores in own.scores {
        writer.write(scores.count)
        for summary in scores { summary.encode(into: &writer) }
      }
    }
    let summaries = byKey.values.flatMap { $0.scores.flatMap { $0 } }
    return ModelFile(
      tool: "qconformal", kind: "scores", parts: parts, settings: [specification.text], target: target,
      inputs: groups.map(\.name) + terms.by + [terms.weight].compactMap { $0 },
      levels: Levels.union(groups.map(\.levels)),
      training: ["rows": "\(rows)", "scores": "\(summaries.reduce(0) { $0 + $1.size })"], columns: columns, body: writer.bytes)
  }

  init(_ file: ModelFile) throws {
    parts = PartIDs(file.header.parts ?? [])
    var reader = ByteReader(file.body)
    func unknown(_ method: String) -> Failure {
      Failure(.badData, "the scores are of a method \"\(method)\", which this qconformal does not know", remedy: "update qconformal")
    }
    let known = try reader.readCalibrator(unknown: unknown)
    specification = known.specification
    guard let calibrator = known.calibrator as? any ScoreCalibrator else { throw unknown(specification.method) }
    target = try reader.readString()
    terms = try CalibrationTerms(decoding: &reader)
    columns = try reader.readStrings()
    let names = try reader.readStrings()
    groups = try names.map { Group(name: $0, levels: try reader.readArray(of: Double.self), madeLevels: try reader.readArray(of: Double.self)) }
    let keys = try reader.readRowKeys(columns: terms.by.count)
    var byKey: [RowKey: KeyScores] = [:]
    var all = 0
    for key in keys {
      let rows = try reader.readInt()
      guard rows >= 0, rows < 1 << 44, let sum = ExactSum(try reader.readString()), sum.rounded >= 0,
        terms.weight != nil || sum.rounded == Double(rows)
      else { throw ByteReader.damaged }
      all += rows
      guard all < 1 << 44 else { throw ByteReader.damaged }
      let scores = try groups.map { group in
        let count = try reader.readInt()
        guard (0...2 * group.levels.count).contains(count) else { throw ByteReader.damaged }
        return try (0..<count).map { _ in try ScoreSummary(decoding: &reader) }
      }
      // A labelled row has a score of a bound, or none.
      guard scores.allSatisfy({ $0.allSatisfy { $0.count <= rows } }) else { throw ByteReader.damaged }
      byKey[key] = KeyScores(rows: rows, weight: sum, scores: scores)
    }
    self.byKey = byKey
    guard reader.isAtEnd, !names.isEmpty, Set(names.map { FieldText($0) }).count == names.count,
      byKey.count == keys.count, !terms.by.isEmpty || keys == [RowKey([])],
      groups.allSatisfy({ Levels.areProper($0.levels) && Set($0.madeLevels).isSubset(of: $0.levels) })
    else { throw ByteReader.damaged }
    // Fitting finds what does not belong together, such as scores of too few bounds.
    for own in byKey.values {
      for g in groups.indices { _ = try calibrator.fit(own.scores[g], levels: groups[g].levels, typicalWeight: terms.weight == nil ? nil : 1) }
    }
  }
}
