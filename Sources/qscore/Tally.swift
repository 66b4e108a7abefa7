import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// Exact sums of scores by model and by the values of `--by`.
struct Tally {
  /// Sums of one model among the rows that agree in the `--by` columns.
  struct Cell {
    /// One accumulator, or one a level.
    var sums: [ScoreAccumulator]
    var missingTarget = 0
    var missingPrediction = 0
  }

  private let by: [String]
  private(set) var models: [String]
  /// Of each model; empty unless scores are kept by level.
  private var levels: [[Double]]
  private var columns: [String]
  private let isPerLevel: Bool
  private var parts: [[String]: Int] = [:]
  /// Of each part, a cell a model; nil where the model was never there.
  private var cells: [[Cell]] = []
  /// Rows read while merging.
  private(set) var counts = RowCounts()

  init(by: [String], groups: [QuantileGroup], columns: [String], perLevel: Bool) {
    self.by = by
    models = groups.map(\.name)
    levels = perLevel ? groups.map(\.levels) : groups.map { _ in [] }
    self.columns = perLevel ? Tally.levelColumns : columns
    isPerLevel = perLevel
    if by.isEmpty { _ = part([]) }
  }

  private static let levelColumns = ["pinball", "coverage"]

  private var emptyCells: [Cell] {
    models.indices.map { g in Cell(sums: [ScoreAccumulator](repeating: ScoreAccumulator(columns: columns.count), count: isPerLevel ? levels[g].count : 1)) }
  }

  /// The part of rows with these values of the `--by` columns.
  mutating func part(_ values: [String]) -> Int {
    if let part = parts[values] { return part }
    parts[values] = cells.count
    cells.append(emptyCells)
    return cells.count - 1
  }

  mutating func countMissingTarget(_ part: Int, _ model: Int) { cells[part][model].missingTarget += 1 }
  mutating func countMissingPrediction(_ part: Int, _ model: Int) { cells[part][model].missingPrediction += 1 }

  mutating func add(_ part: Int, _ model: Int, _ values: UnsafePointer<Double>, weight: Double?) {
    if let weight { cells[part][model].sums[0].add(values, weight: weight) } else { cells[part][model].sums[0].add(values) }
  }

  /// `values` as `LevelScores.evaluate` fills them.
  mutating func addLevels(_ part: Int, _ model: Int, _ values: UnsafePointer<Double>, weight: Double?) {
    for t in levels[model].indices {
      if let weight {
        cells[part][model].sums[t].add(values + 2 * t, weight: weight)
      } else {
        cells[part][model].sums[t].add(values + 2 * t)
      }
    }
  }

  /// Adds another tally of the same models and scores.
  mutating func merge(_ other: Tally) {
    for (values, theirs) in other.parts {
      let ours = part(values)
      for g in models.indices {
        for t in cells[ours][g].sums.indices { cells[ours][g].sums[t].merge(other.cells[theirs][g].sums[t]) }
        cells[ours][g].missingTarget += other.cells[theirs][g].missingTarget
        cells[ours][g].missingPrediction += other.cells[theirs][g].missingPrediction
      }
    }
  }

  /// What was not scored, a message each.
  var unscored: [String] {
    func rows(_ count: Int) -> String { "\(count) row\(count == 1 ? "" : "s")" }
    func total(_ g: Int, _ count: (Cell) -> Int) -> Int { cells.reduce(0) { $0 + count($1[g]) } }
    var messages: [String] = []
    let withoutTarget = models.indices.map { g in total(g) { $0.missingTarget } }.max() ?? 0
    if withoutTarget > 0 { messages.append("\(rows(withoutTarget)) without a target not scored") }
    for (g, model) in models.enumerated() {
      let count = total(g) { $0.missingPrediction }
      if count > 0 { messages.append("\(rows(count)) without all quantiles\(model.isEmpty ? "" : " of model \(model)") not scored") }
    }
    return messages
  }

  /// Parts in the order of their values: numbers by size where all of a column are numbers, else by their bytes.
  private var sortedParts: [(values: [String], cells: [Cell])] {
    let reader = NumberReader()
    func number(_ text: String) -> Double? {
      if case .number(let value) = Array(text.utf8).withUnsafeBufferPointer({ reader.read($0) }) { return value }
      return nil
    }
    let isNumeric = by.indices.map { c in parts.keys.allSatisfy { number($0[c]) != nil } }
    func precedes(_ a: [String], _ b: [String]) -> Bool {
      for c in by.indices where a[c] != b[c] {
        if isNumeric[c] {
          let (x, y) = (number(a[c])!, number(b[c])!)
          if x != y { return x < y }
        }
        return Array(a[c].utf8).lexicographicallyPrecedes(Array(b[c].utf8))
      }
      return false
    }
    return parts.keys.sorted(by: precedes).map { ($0, cells[parts[$0]!]) }
  }

  func writeMeans(_ session: FilterSession) throws {
    let table = ReportTable(columns: ["model"] + by + (isPerLevel ? ["level"] : []) + ["n"] + columns)
    let rows = sortedParts.flatMap { values, cells in
      models.indices.flatMap { g in
        cells[g].sums.enumerated().map { t, sums -> [ReportTable.Cell] in
          [.text(models[g])] + values.map { .text($0) } + (isPerLevel ? [.number(levels[g][t])] : []) + [.count(sums.rows)]
            + sums.means.map { .number($0) }
        }
      }
    }
    try table.write(rows, session: session)
  }
}

// MARK: - Parts

extension Tally {
  private static let sumPrefix = "sum_"

  /// The exact sums as a table: the columns of the means, with `sum_` before each, and counts of what was not scored.
  func writeParts(_ session: FilterSession) throws {
    let table = ReportTable(
      columns: ["model"] + by + (isPerLevel ? ["level"] : []) + ["missing_target", "missing_prediction", "n", "weight"]
        + columns.map { Tally.sumPrefix + $0 })
    let rows = sortedParts.flatMap { values, cells in
      models.indices.flatMap { g in
        cells[g].sums.enumerated().map { t, sums -> [ReportTable.Cell] in
          [.text(models[g])] + values.map { .text($0) } + (isPerLevel ? [.number(levels[g][t])] : [])
            // Counts of a model by levels stand once, on its first level's row.
            + (t == 0 ? [cells[g].missingTarget, cells[g].missingPrediction] : [0, 0]).map { .count($0) } + sums.fields.map { .text($0) }
        }
      }
    }
    try table.write(rows, session: session)
  }

  /// Reads and merges the tables of `writeParts`.
  init(merging session: FilterSession, _ header: Header) throws {
    guard header.names.first == "model", let counts = header.index(of: "missing_target"), counts + 3 < header.count,
      header.names[counts + 1] == "missing_prediction", header.names[counts + 2] == "n", header.names[counts + 3] == "weight",
      header.names[(counts + 4)...].allSatisfy({ $0.hasPrefix(Tally.sumPrefix) })
    else { throw session.failure("this is no result of qscore --partial", remedy: "score rows without --merge") }
    let keys = Array(header.names[1..<counts])
    let columns = header.names[(counts + 4)...].map { String($0.dropFirst(Tally.sumPrefix.count)) }
    isPerLevel = keys.last == "level" && columns == Tally.levelColumns
    by = isPerLevel ? Array(keys.dropLast()) : keys
    self.columns = columns
    models = []
    levels = []
    let worker = PartWorker(header: header, by: by.count, isPerLevel: isPerLevel, counts: counts)
    self.counts = try session.stream(header, writesRows: false, threads: 1) { worker }
    for record in worker.records { add(record) }
  }

  private mutating func add(_ record: PartRecord) {
    let g: Int
    if let known = models.firstIndex(of: record.model) {
      g = known
    } else {
      g = models.count
      models.append(record.model)
      levels.append([])
      for p in cells.indices { cells[p].append(Cell(sums: isPerLevel ? [] : [ScoreAccumulator(columns: columns.count)])) }
    }
    let p = part(record.by)
    var t = 0
    if let level = record.level {
      let key = Levels.key(level)
      t = levels[g].firstIndex { Levels.key($0) >= key } ?? levels[g].count
      if t == levels[g].count || Levels.key(levels[g][t]) != key {
        levels[g].insert(level, at: t)
        for q in cells.indices { cells[q][g].sums.insert(ScoreAccumulator(columns: columns.count), at: t) }
      }
    }
    cells[p][g].sums[t].merge(record.sums)
    cells[p][g].missingTarget += record.missingTarget
    cells[p][g].missingPrediction += record.missingPrediction
  }
}

/// One row of a part.
struct PartRecord {
  var model: String
  var by: [String]
  var level: Double?
  var missingTarget: Int
  var missingPrediction: Int
  var sums: ScoreAccumulator
}

private final class PartWorker: RowWorker {
  private let header: Header
  private let by: Int
  private let isPerLevel: Bool
  private let counts: Int
  private let reader = NumberReader()
  private(set) var records: [PartRecord] = []

  init(header: Header, by: Int, isPerLevel: Bool, counts: Int) {
    self.header = header
    self.by = by
    self.isPerLevel = isPerLevel
    self.counts = counts
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    func refuse(_ column: Int) -> Failure {
      Failure(.badData, "\"\(printable(row.text(column)))\" is not what qscore --partial writes", at: .init(column: header.names[column]))
    }
    func count(_ column: Int) throws -> Int {
      guard let count = Int(row.text(column)), count >= 0, count < 1 << 53 else { throw refuse(column) }
      return count
    }
    let first = counts + 2
    let fields = (first..<header.count).map { row.text($0) }
    guard let sums = ScoreAccumulator(fields: fields) else {
      let wrong = fields.indices.first { $0 == 0 ? Int(fields[$0]) == nil : ExactSum(fields[$0]) == nil } ?? 0
      throw refuse(first + wrong)
    }
    var level: Double?
    if isPerLevel {
      guard case .number(let value) = row.number(1 + by, reader), value > 0, value < 1 else { throw refuse(1 + by) }
      level = value
    }
    records.append(
      PartRecord(
        model: row.text(0), by: (0..<by).map { row.text(1 + $0) }, level: level, missingTarget: try count(counts),
        missingPrediction: try count(counts + 1), sums: sums))
  }
}
