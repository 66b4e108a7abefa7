import Groundwork
import FilterKit
import Quantiles
import Scoring
import Tables

/// What a tally counts of each model: one row of scores, a row a level, or a row a bin.
enum TallyKind: Equatable {
  case scores
  case levels
  /// `ofCounts` where targets are counts.
  case reliability(ofCounts: Bool)
  case pit(bins: Int, ofCounts: Bool)

  /// Columns that tell the rows of a model apart.
  var labels: [String] {
    switch self {
    case .scores: []
    case .levels, .reliability: ["level"]
    case .pit: ["pit_lower", "pit_upper"]
    }
  }

  /// Columns that are summed; nil where they are those of the scores.
  var sums: [String]? {
    switch self {
    case .scores: nil
    case .levels: ["pinball", "coverage"]
    // Parts of counts do not merge with others.
    case .reliability(let ofCounts): ofCounts ? ["least_coverage", "most_coverage", "weight"] : ["coverage", "weight"]
    case .pit(_, let ofCounts): ofCounts ? ["least_up_to", "most_up_to"] : ["share"]
    }
  }

  /// Whether continuous targets are meant, of which few equal a quantile.
  var expectsNoTies: Bool {
    switch self {
    case .reliability(let ofCounts), .pit(_, let ofCounts): !ofCounts
    case .scores, .levels: false
    }
  }
}

/// Exact sums of scores by model and by the values of `--by`.
struct Tally {
  /// Sums of one model among the rows that agree in the `--by` columns.
  struct Cell {
    /// One accumulator, or one a level or bin.
    var sums: [ScoreAccumulator]
    var missingTarget = 0
    var missingPrediction = 0
  }

  /// Names of the columns of the table that rows were scored with.
  struct Scored: Equatable {
    let target: String
    let weight: String?
  }

  let kind: TallyKind
  let by: [String]
  /// nil until the first part tells.
  var scored: Scored?
  /// The parts that were summed, where they have ids; nil where they have none.
  var partIDs: PartIDs?
  private(set) var models: [String]
  /// Of each model.
  private(set) var levels: [[Double]]
  /// Forecasts seen, and those with a quantile equal to the target, while all targets are whole numbers from 0: such may be counts.
  private var (whole, tied) = (0, 0)
  private(set) var mayBeCounts: Bool
  /// Whether a row has a fold, so that it may have calibrated what it is scored by.
  var hasTaught = false
  /// What is summed.
  let columns: [String]
  private let keys = KeyTable()
  /// Of each key, a cell a model.
  private var cells: [[Cell]] = []

  /// `columns` are the names of the scores where the kind is `scores`.
  init(kind: TallyKind, by: [String], scored: Scored?, models: [String], levels: [[Double]], columns: [String]) {
    self.kind = kind
    self.by = by
    self.scored = scored
    self.models = models
    self.levels = levels
    self.columns = kind.sums ?? columns
    mayBeCounts = kind.expectsNoTies
    if by.isEmpty { addKey() }
  }

  /// Rows of the report for model g.
  func slots(_ g: Int) -> Int {
    switch kind {
    case .scores: 1
    case .levels, .reliability: levels[g].count
    case .pit(let bins, _): bins
    }
  }

  private func emptyCell(_ g: Int) -> Cell { Cell(sums: [ScoreAccumulator](repeating: ScoreAccumulator(columns: columns.count), count: slots(g))) }

  private mutating func addKey() { cells.append(models.indices.map(emptyCell)) }

  /// The number of the key that a row has in the `--by` columns, with the name of the scale where there are several.
  mutating func key(_ row: Row, _ columns: [Int], scale: FieldText?, block: Int) throws -> Int {
    let key = try keys.number(of: row, columns, and: scale, block: block)
    if key == cells.count { addKey() }
    return key
  }

  /// The number of the model, which is a new one where the name is.
  mutating func model(_ name: String, levels: [Double]) -> Int {
    if let known = models.firstIndex(where: { $0.hasSameBytes(as: name) }) { return known }
    models.append(name)
    self.levels.append(levels)
    for p in cells.indices { cells[p].append(emptyCell(models.count - 1)) }
    return models.count - 1
  }

  mutating func countMissingTarget(_ key: Int, _ model: Int, rows: Int = 1) { cells[key][model].missingTarget += rows }
  mutating func countMissingPrediction(_ key: Int, _ model: Int, rows: Int = 1) { cells[key][model].missingPrediction += rows }

  mutating func watchTies(_ quantiles: UnsafeBufferPointer<Double>, _ target: Double) {
    mayBeCounts = target >= 0 && target == target.rounded()
    whole += 1
    if quantiles.contains(target) { tied += 1 }
  }

  /// `values` holds one number a column, of each slot in turn.
  mutating func add(_ key: Int, _ model: Int, _ values: UnsafePointer<Double>, weight: Double?) {
    for t in 0..<slots(model) {
      let values = values + t * columns.count
      if let weight { cells[key][model].sums[t].add(values, weight: weight) } else { cells[key][model].sums[t].add(values) }
    }
  }

  mutating func add(_ key: Int, _ model: Int, slot: Int, _ sums: ScoreAccumulator) { cells[key][model].sums[slot].merge(sums) }

  /// Counts a row that is not scored, for every model that cannot be.
  mutating func countMissing(_ forecasts: ForecastRow) {
    for g in models.indices {
      if forecasts.target.isNaN { countMissingTarget(0, g) } else if !forecasts.isComplete(g) { countMissingPrediction(0, g) }
    }
  }

  /// The sums of several tallies of the same models and scores, at least one.
  static func merging(_ tallies: [Tally]) throws -> Tally { try tallies.dropFirst().reduce(into: tallies[0]) { try $0.merge($1) } }

  /// Adds another tally of the same models and scores.
  private mutating func merge(_ other: Tally) throws {
    mayBeCounts = mayBeCounts && other.mayBeCounts
    hasTaught = hasTaught || other.hasTaught
    (whole, tied) = (whole + other.whole, tied + other.tied)
    let numbers = by.isEmpty ? [0] : try keys.merge(other.keys)
    for (theirs, ours) in numbers.enumerated() {
      if ours == cells.count {
        cells.append(other.cells[theirs])
        continue
      }
      for g in models.indices {
        for t in 0..<slots(g) { cells[ours][g].sums[t].merge(other.cells[theirs][g].sums[t]) }
        cells[ours][g].missingTarget += other.cells[theirs][g].missingTarget
        cells[ours][g].missingPrediction += other.cells[theirs][g].missingPrediction
      }
    }
  }

  /// Whether all intervals of all models, two of them at least, cover so nearly at their level as chance alone hardly has it: rows that calibrated
  /// do, by construction. An answer without a name, as qaggregate makes before qconformal, counts wherever coverage is told.
  private var coverByConstruction: Bool {
    let coverage = models.indices.map(intervalCoverage).enumerated().filter { !$1.intervals.isEmpty }
    if coverage.contains(where: { g, _ in models[g].isEmpty }) { return true }
    // Calibrated shares stray by about a quarter of what binomial ones do.
    return coverage.reduce(0) { $0 + $1.element.intervals.count } > 1
      && coverage.allSatisfy { _, found in
        let rows = Double(found.rows)
        return rows >= 30 && found.intervals.allSatisfy { abs($0 - $1) <= 0.6 * ($1 * (1 - $1) / rows).squareRoot() }
      }
  }

  /// Of a model, over all keys, its rows, and how often each central interval covers and says that it does.
  private func intervalCoverage(_ g: Int) -> (rows: Int, intervals: [(share: Double, nominal: Double)]) {
    func total(_ slot: Int) -> ScoreAccumulator { cells.reduce(into: ScoreAccumulator(columns: columns.count)) { $0.merge($1[g].sums[slot]) } }
    switch kind {
    case .scores:
      let start = "interval_coverage_"
      let shares = columns.enumerated().compactMap { c, name in
        name.hasPrefix(start) ? Double(name.dropFirst(start.count)).map { (column: c, nominal: $0 / 100) } : nil
      }
      if shares.isEmpty { return (0, []) }
      let all = total(0)
      return (all.rows, shares.map { (all.mean($0.column), $0.nominal) })
    case .levels, .reliability(ofCounts: false):
      let column = columns.firstIndex(of: "coverage")!
      let all = levels[g].indices.map(total)
      let intervals = LevelPairs(levels[g]).pairs.map { pair in
        (all[pair.upper].mean(column) - all[pair.lower].mean(column), levels[g][pair.upper] - levels[g][pair.lower])
      }
      return (all[0].rows, intervals)
    case .reliability, .pit: return (0, [])
    }
  }

  /// What was not scored, a message each.
  func unscored(_ list: Listing) -> [String] {
    func rows(_ count: Int) -> String { counted(count, "row") }
    func total(_ g: Int, _ count: (Cell) -> Int) -> Int { cells.reduce(0) { $0 + count($1[g]) } }
    var messages: [String] = []
    let withoutTarget = models.indices.map { g in total(g) { $0.missingTarget } }.max() ?? 0
    let hasTargets = withoutTarget == 0
    if !hasTargets { messages.append("\(rows(withoutTarget)) without a target not scored") }
    let lacking = models.indices.map { g in (models[g], total(g) { $0.missingPrediction }) }.filter { $0.1 > 0 }
    if lacking.count == 1 {
      let (model, count) = lacking[0]
      messages.append("\(rows(count)) without all quantiles\(model.isEmpty ? "" : " of model \(model)") not scored")
    } else if !lacking.isEmpty {
      let names = lacking.map { "\($0.isEmpty ? "(no name)" : $0) (\(rows($1)))" }
      let head = hasTargets ? "" : "\(rows(withoutTarget)) without a target, and "
      messages = ["not scored: \(head)rows without all quantiles of \(counted(lacking.count, "model")): \(list(names))"]
    }
    if hasTaught, coverByConstruction {
      messages.append(
        "rows with a fold have taught: if qconformal calibrated them, they cover as they should by construction; judge coverage on other rows")
    }
    // A few ties are no harm, and few rows show nothing.
    if mayBeCounts, tied >= 20, tied * 10 >= whole {
      messages.append(
        "targets are whole numbers, and \(tied) of \(counted(whole, "forecast")) have a quantile equal to theirs, "
          + "which a continuous target never has; give --counts if they are counts")
    }
    return messages
  }

  /// Every model of every key, keys in the order of their values.
  var sortedCells: [(values: [FieldText], model: Int, cell: Cell)] {
    let order = by.isEmpty ? [0] : keys.inOrder
    return order.flatMap { key in models.indices.map { (by.isEmpty ? [] : keys.names[key], $0, cells[key][$0]) } }
  }
}

// MARK: - The report

extension Tally {
  /// Columns of the report, and how many of them name the group.
  var reportColumns: (names: [String], labels: Int) {
    let labels = ["model"] + by + kind.labels
    let shown: [String]
    switch kind {
    case .scores, .levels: shown = columns
    case .reliability: shown = ["coverage", "lower", "upper", "joint_lower", "joint_upper"]
    case .pit: shown = ["share", "density"]
    }
    return (labels + ["n"] + shown, labels.count)
  }

  var report: Report {
    let order = by.isEmpty ? [0] : keys.inOrder
    let rowsOfKey = models.indices.flatMap { g in (0..<slots(g)).map { (g, $0) } }
    let bands = ReliabilityBands(levels: levels)
    let rows = ReportRows(count: order.count * rowsOfKey.count) { i in
      let (key, (g, t)) = (order[i / rowsOfKey.count], rowsOfKey[i % rowsOfKey.count])
      let values = by.isEmpty ? [] : keys.names[key]
      let sums = cells[key][g].sums[t]
      return [.text(models[g])] + values.map { .field($0) } + labelCells(g, t) + [.count(sums.rows)]
        + shown(g, t, cells[key][g].sums, bands).map { .number($0) }
    }
    return Report(columns: reportColumns.names, labels: reportColumns.labels, rows: rows)
  }

  func labelCells(_ g: Int, _ t: Int) -> [ReportTable.Cell] {
    switch kind {
    case .scores: []
    case .levels, .reliability: [.key(levels[g][t])]
    case .pit(let bins, _): [.key(Double(t) / Double(bins)), .key(Double(t + 1) / Double(bins))]
    }
  }

  private func shown(_ g: Int, _ t: Int, _ all: [ScoreAccumulator], _ bands: ReliabilityBands) -> [Double] {
    let sums = all[t]
    switch kind {
    case .scores, .levels: return sums.means
    case .reliability(let ofCounts):
      guard sums.rows > 0 else { return [Double](repeating: .nan, count: 5) }
      // Of counts what is nearest to the level among what the quantiles leave open.
      let coverage = ofCounts ? CountCoverage.nearest(to: levels[g][t], least: sums.mean(0), most: sums.mean(1)) : sums.mean(0)
      return [coverage] + bands.ends(g, t, count: effectiveRows(sums))
    case .pit(let bins, ofCounts: false): return sums.means + sums.means.map { $0 * Double(bins) }
    case .pit(let bins, ofCounts: true):
      guard sums.rows > 0 else { return [.nan, .nan] }
      func upTo(_ t: Int) -> Double {
        t < 0 ? 0 : CountCoverage.nearest(to: Double(t + 1) / Double(bins), least: all[t].mean(0), most: all[t].mean(1))
      }
      let share = upTo(t) - upTo(t - 1)
      return [share, share * Double(bins)]
    }
  }

  /// The number of rows of equal weight that tell as much as these of unequal ones, rounded down.
  private func effectiveRows(_ sums: ScoreAccumulator) -> Int {
    // A sum may have been rounded down by as much as the quotient is.
    let count = sums.effectiveRows(weights: columns.count - 1) * (1 + 1e-12)
    return count >= 1 && count < Double(sums.rows) ? Int(count) : sums.rows
  }
}
