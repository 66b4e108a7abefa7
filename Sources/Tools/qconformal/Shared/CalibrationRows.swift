import Calibration
import FilterKit
import Groundwork
import MethodKit
import Quantiles
import Tables

/// The labelled rows of the table, their folds, weights and keys.
struct CalibrationRows {
  /// Labelled rows that teach, increasing.
  let labelled: [Int]
  /// Position among `labelled` of each row, −1 for unlabelled ones.
  let positionOfRow: [Int]
  /// Fold of each labelled row, −1 for none.
  let folds: [Int]
  let target: [Double]
  /// Of every row, where a column tells weights.
  let rowWeights: [Double]?
  /// With which labelled rows teach: the column's, made less with age.
  private let weights: [Double]?
  /// nil where all weigh alike.
  private let ageing: RowAgeing?
  /// What answers rows in order of time, if one is told.
  let timed: TimedFits?
  private let typicalWeight: Double
  /// The values of the `--by` columns of every row.
  let keys: [RowKey]?
  /// The `--given` columns of every row.
  let features: FeatureTable?
  /// Columns of dates, of which features are parts.
  let dates: [DateColumn]

  init(
    _ table: StoredTable, _ roles: CalibrationRoles, decay: Double?, folds count: Int? = nil, answersLabelled: Bool = true, _ session: FilterSession,
    teaches: (Int) -> Bool = { _ in true }
  ) throws {
    let values = table.numbers(roles.target)
    let labelled = values.indices.filter { !values[$0].isNaN && teaches($0) }
    guard !labelled.isEmpty else {
      throw session.failure(
        "no labelled row: all \(table.rows) targets are missing", column: table.header.names[roles.target],
        remedy: "rows with a target teach the others")
    }
    self.labelled = labelled
    target = labelled.map { values[$0] }
    var position = [Int](repeating: -1, count: table.rows)
    for (i, row) in labelled.enumerated() { position[row] = i }
    positionOfRow = position
    let given = roles.isPartial ? nil : try roles.fold.map { try GivenFolds(table, $0, order: roles.order, session) }
    folds = labelled.map { row in
      guard case .drawn(let given)? = given else { return -1 }
      return given[row].isNaN ? -1 : Int(given[row])
    }

    let column = try roles.weight.map { try session.rowWeights(table, $0, of: labelled) }
    rowWeights = column
    let own = labelled.map { column?[$0] ?? 1 }
    typicalWeight = column == nil ? 1 : own.reduce(into: ExactSum()) { $0.add($1) }.divided(by: ExactSum(Double(own.count)))
    let timed = try CalibrationRows.fits(
      table, roles, session, labelled, given, count: count, answersLabelled: answersLabelled, joinsEqual: decay == nil)
    self.timed = timed
    let steps = timed?.times.rows.steps
    // What is saved answers rows of the time after the last that taught.
    let end = steps.map { steps in 1 + labelled.reduce(0) { max($0, steps[$1]) } }
    func age(_ i: Int) -> Int { steps.map { end! - $0[labelled[i]] } ?? own.count - i }
    let ageing = column == nil && decay == nil ? nil : RowAgeing(decay: decay, of: own)
    self.ageing = ageing
    weights = ageing.map { ageing in own.indices.map { ageing.weight(own[$0], age: age($0)) } }
    keys = roles.by.isEmpty ? nil : try RowKey.keys(table, roles.by) { position[$0] >= 0 }
    session.tellFeatureKinds(table, roles.given)
    features = roles.given.isEmpty ? nil : try featureTable(table, columns: roles.given)
    dates = roles.kinds.dates
    if features?.names.isEmpty == true {
      throw session.failure("the columns of --given hold dates, which are no features", remedy: "name them with --date too")
    }
  }

  private static func fits(
    _ table: StoredTable, _ roles: CalibrationRoles, _ session: FilterSession, _ labelled: [Int], _ given: GivenFolds?, count: Int?,
    answersLabelled: Bool, joinsEqual: Bool
  ) throws -> TimedFits? {
    guard let order = roles.order else { return nil }
    let blocks = order.blocks(given, session)
    if blocks != nil, count != nil {
      throw session.failure("the table has a column fold, so --folds has no effect", remedy: "drop the column or the flag")
    }
    return try order.fits(
      table, labelled: labelled, teaches: { _ in true }, given: blocks, count: count, answersLabelled: answersLabelled,
      joinsEqual: joinsEqual, session)
  }

  func isLabelled(_ row: Int) -> Bool { positionOfRow[row] >= 0 }

  /// With what weights labelled rows at some positions teach a row of a later step; nil where all weigh alike.
  func weights(of positions: [Int], at step: Int) -> [Double]? {
    guard let timed, let ageing else { return nil }
    return positions.map { i in
      let row = labelled[i]
      return ageing.weight(rowWeights?[row] ?? 1, age: step - timed.times.rows.steps[row])
    }
  }

  /// What each group's calibrators learn from; takes what the table packed.
  func trainings(_ table: StoredTable, _ groups: [QuantileColumns]) -> [CalibrationTraining] {
    zip(groups, QuantileColumns.values(of: groups, packed: table.takePacked())).map { training($0.levels, $1) }
  }

  /// What calibrators of these quantiles of the labelled rows, n × m, learn from.
  func training(_ levels: [Double], _ values: [Double]) -> CalibrationTraining {
    CalibrationTraining(
      levels: levels, quantiles: Matrix(rows: labelled.count, columns: levels.count, values: values), target: target, weights: weights,
      weightUnit: ageing?.unit ?? 1, typicalWeight: typicalWeight, features: features?.selecting(labelled))
  }

  /// How many labelled rows have quantiles of some group that cross.
  func crossing(_ trainings: [CalibrationTraining], threads: Int) -> Int {
    let stretch = 1 << 16
    var counts = [Int](repeating: 0, count: (labelled.count + stretch - 1) / stretch)
    let chunks = counts.count
    counts.withDisjointSlots { counts in
      parallelFor(chunks, threads: threads) { k in
        counts[k] = (k * stretch..<min(labelled.count, (k + 1) * stretch)).count { i in
          trainings.contains { training in
            let width = training.levels.count
            return training.quantiles.values.withUnsafeBufferPointer { crosses(UnsafeBufferPointer(rebasing: $0[i * width..<(i + 1) * width])) }
          }
        }
      }
    }
    return counts.reduce(0, +)
  }

  /// Positions of the labelled rows with each key.
  var positionsOfKey: [RowKey: [Int]] {
    guard let keys else { return [:] }
    return Dictionary(grouping: labelled.indices) { keys[labelled[$0]] }
  }
}
