import FilterKit
import Groundwork
import Quantiles
import Scoring
import Tables

/// The report of the sums that `--partial` wrote, or their sum.
struct MergingTask: JudgedTask {
  let writesParts: Bool
  let conditions: [FailureCondition]

  func roles(_ header: Header, _ session: FilterSession) throws -> MergingWorker {
    guard let worker = MergingWorker(header: header) else {
      throw session.failure("this is no result of qscore --partial", remedy: "score rows without --merge")
    }
    return worker
  }

  func explanation(_ worker: MergingWorker, _ header: Header, _ session: FilterSession) -> [(String, String)] {
    [("sums", worker.tally.columns.joined(separator: " "))]
  }

  func begin(_ worker: MergingWorker, _ session: FilterSession) throws {
    for condition in conditions { try condition.check(columns: worker.tally.reportColumns.names, labels: worker.tally.reportColumns.labels) }
  }

  var takesRowsInOrder: Bool { true }

  func begin(_ roles: MergingWorker, _ header: Header, _ session: FilterSession) -> Bool { true }

  func worker(_ worker: MergingWorker, _ header: Header, _ session: FilterSession) -> MergingWorker { worker }

  func findings(
    _ workers: [MergingWorker], _ roles: MergingWorker, _ header: Header, _ counts: RowCounts, _ session: FilterSession
  ) throws -> Findings {
    let tally = workers[0].tally
    for (_, g, cell) in tally.sortedCells where Set(cell.sums.map(\.rows)).count > 1 {
      let unit = tally.kind.labels == ["level"] ? "level" : "bin"
      throw session.failure(
        "not every \(unit) of \(Tally.title(tally.models[g])) has the same number of rows: a part is incomplete",
        remedy: "write it anew with --partial")
    }
    return writesParts ? .parts(tally) : .report(tally.report.answering(counts), unscored: tally.unscored(session.diagnostics.list))
  }
}

/// Adds up the rows of parts.
final class MergingWorker: RowWorker {
  private let header: Header
  private let by: Int
  /// Where `Tally.counts` begin.
  private let first: Int
  private let reader = NumberReader()
  private(set) var tally: Tally
  /// nil where parts have no ids.
  private let idColumn: Int?
  private var ids = PartIDUnion()
  private var input = ""
  /// Rows without a target or a prediction, over all models and keys.
  private var missingRows = 0

  /// nil for a header that no part has.
  init?(header: Header) {
    let names = header.names
    guard names.first == "model", let first = names.firstIndex(of: Tally.counts[0]), names[first...].starts(with: Tally.counts) else { return nil }
    idColumn = names.last == Tally.partID ? names.count - 1 : nil
    let sums = names[(first + Tally.counts.count)..<(idColumn ?? names.count)]
    guard !sums.isEmpty, sums.allSatisfy({ $0.hasPrefix(Tally.sumPrefix) }) else { return nil }
    let labels = Array(names[1..<first])
    let columns = sums.map { String($0.dropFirst(Tally.sumPrefix.count)) }
    // The number of bins is told by the first row.
    let kind =
      [TallyKind.levels, .reliability(ofCounts: false), .reliability(ofCounts: true), .pit(bins: 0, ofCounts: false), .pit(bins: 0, ofCounts: true)]
      .first { columns == $0.sums! && labels.suffix($0.labels.count) == $0.labels[...] } ?? TallyKind.scores
    self.header = header
    self.first = first
    by = labels.count - kind.labels.count
    tally = Tally(kind: kind, by: Array(labels.prefix(by)), scored: nil, models: [], levels: [], columns: columns)
    tally.partIDs = idColumn.map { _ in PartIDs() }
  }

  override func begin(input: String) { self.input = input }

  private func refuse(_ row: Row, _ column: Int) -> Failure {
    Failure(.badData, "\"\(printable(row.text(column)))\" is not what qscore --partial writes", at: .init(column: header.names[column]))
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let model = row.text(0)
    let levels = try levels(row)
    if let known = tally.models.firstIndex(where: { $0.hasSameBytes(as: model) }), tally.levels[known] != levels {
      throw Failure(
        .badData, "\(Tally.title(model)) has other levels than in the parts before", at: .init(column: header.names[first]),
        remedy: "merge parts of the same levels")
    }
    try checkScored(row)
    let slot = try slot(row, levels)
    let missing = try [count(row, first + 3), count(row, first + 4)]
    missingRows += missing[0] + missing[1]
    // No sum of some of them overflows.
    guard missingRows < 1 << 62 else { throw refuse(row, first + (missing[0] > missing[1] ? 3 : 4)) }
    let n = try count(row, first + 5)
    let fields = (first + 5..<(idColumn ?? header.count)).map { row.text($0) }
    guard let sums = ScoreAccumulator(fields: fields), tally.scored?.weight != nil || sums.totalWeight == Double(n) else {
      // The number of rows is right, so it is their weight or a sum.
      throw refuse(row, first + 6 + (fields.indices.dropFirst(2).first { ExactSum(fields[$0]) == nil } ?? 1) - 1)
    }
    try takeIDs(row)
    let g = tally.model(model, levels: levels)
    let key = by == 0 ? 0 : try tally.key(row, Array(1...by), scale: nil, block: block)
    tally.countMissingTarget(key, g, rows: missing[0])
    tally.countMissingPrediction(key, g, rows: missing[1])
    tally.add(key, g, slot: slot, sums)
  }

  /// The first row of a part names it, or all parts that it was merged of.
  private func takeIDs(_ row: Row) throws {
    guard let idColumn, row.withContent(idColumn, { $0.count > 0 }) else { return }
    try ids.add(PartIDs(text: row.text(idColumn)), of: input)
    tally.partIDs = ids.ids
  }

  /// Parts of different targets or weights make no whole.
  private func checkScored(_ row: Row) throws {
    let weight = row.text(first + 2)
    let scored = Tally.Scored(target: row.text(first + 1), weight: weight.isEmpty ? nil : weight)
    guard let known = tally.scored else { return tally.scored = scored }
    guard known != scored else { return }
    let column = known.target != scored.target ? first + 1 : first + 2
    throw Failure(
      .badData, "\(known.target != scored.target ? "the target" : "the column of weights") is another than in the parts before",
      at: .init(column: header.names[column]),
      remedy: "merge parts that were scored alike")
  }

  private func levels(_ row: Row) throws -> [Double] {
    let text = row.text(first)
    let levels = text.split(separator: " ", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
    guard Levels.areProper(levels), levels.map(shortestText).joined(separator: " ") == text else { throw refuse(row, first) }
    return levels
  }

  private func count(_ row: Row, _ column: Int) throws -> Int {
    guard let count = Int(row.text(column)), count >= 0, count < 1 << 53 else { throw refuse(row, column) }
    return count
  }

  private func number(_ row: Row, _ column: Int) throws -> Double {
    guard case .number(let value) = row.number(column, reader) else { throw refuse(row, column) }
    return value
  }

  private func slot(_ row: Row, _ levels: [Double]) throws -> Int {
    let column = 1 + by
    switch tally.kind {
    case .scores: return 0
    case .levels, .reliability:
      let level = try number(row, column)
      guard let slot = levels.firstIndex(of: level) else { throw refuse(row, column) }
      return slot
    case .pit(let known, let ofCounts):
      let lower = try number(row, column)
      let upper = try number(row, column + 1)
      guard lower >= 0, upper > lower, upper <= 1, upper - lower >= 1e-4 else { throw refuse(row, column) }
      let bins = Int((1 / (upper - lower)).rounded())
      let slot = Int((lower * Double(bins)).rounded())
      guard slot < bins, lower == Double(slot) / Double(bins), upper == Double(slot + 1) / Double(bins) else { throw refuse(row, column) }
      if known == 0 {
        let ids = tally.partIDs
        tally = Tally(kind: .pit(bins: bins, ofCounts: ofCounts), by: tally.by, scored: tally.scored, models: [], levels: [], columns: tally.columns)
        tally.partIDs = ids
      } else if bins != known {
        throw Failure(
          .badData, "there are \(bins) bins here and \(known) in the parts before", at: .init(column: header.names[column]),
          remedy: "merge parts of the same --bins")
      }
      return slot
    }
  }
}
