import Groundwork
import MethodKit
import Quantiles

/// Thresholds learnt by `SplitConformal`, or, with weights, the scores that they come from.
struct FittedSplitConformal<Measure: ConformityMeasure>: FittedCalibrator {
  private enum Knowledge: Sendable {
    /// A threshold a bound: a number or ±∞.
    case thresholds([Double])
    case scores([WeightedScores], typicalWeight: Double, removed: (scores: [Double], weight: Double)?)
  }

  let levels: [Double]
  private let measure: Measure
  private let knowledge: Knowledge
  /// For each bound, the rows it was learnt from.
  private let rows: [Int]

  init(levels: [Double], measure: Measure, thresholds: [Double], rows: [Int]) {
    self.init(levels: levels, measure: measure, knowledge: .thresholds(thresholds), rows: rows)
  }

  init(levels: [Double], measure: Measure, weighted: [WeightedScores], typicalWeight: Double) {
    self.init(levels: levels, measure: measure, knowledge: .scores(weighted, typicalWeight: typicalWeight, removed: nil), rows: weighted.map(\.rows))
  }

  private init(levels: [Double], measure: Measure, knowledge: Knowledge, rows: [Int]) {
    self.levels = levels
    self.measure = measure
    self.knowledge = knowledge
    self.rows = rows
  }

  func settled(forWeight weight: Double) -> any FittedCalibrator {
    replacing(thresholds: measure.bounds.indices.map { threshold($0, weight: weight) }, rows: rows)
  }

  /// The same levels with other thresholds.
  func replacing(thresholds: [Double], rows: [Int]) -> Self { Self(levels: levels, measure: measure, knowledge: .thresholds(thresholds), rows: rows) }

  /// The same weighted scores without those of one row.
  func removing(scores removed: [Double], weight: Double) -> Self {
    guard case .scores(let scores, let typicalWeight, _) = knowledge else { return self }
    return Self(
      levels: levels, measure: measure, knowledge: .scores(scores, typicalWeight: typicalWeight, removed: (removed, weight)),
      rows: rows.indices.map { rows[$0] - (removed[$0].isNaN || weight == 0 ? 0 : 1) })
  }

  private func threshold(_ k: Int, weight: Double) -> Double {
    switch knowledge {
    case .thresholds(let thresholds): thresholds[k]
    case .scores(let scores, _, let removed):
      scores[k].threshold(coverage: measure.bounds[k].coverage, weight: weight, removed: removed.map { ($0.scores[k], $0.weight) })
    }
  }

  func calibrate(_ row: UnsafeMutableBufferPointer<Double>, weight: Double) {
    precondition(row.count == levels.count)
    if Measure.ordersFirst { measure.order.apply(to: row) }
    if case .thresholds(let thresholds) = knowledge {
      thresholds.withUnsafeBufferPointer { if let base = $0.baseAddress { measure.move(row, to: base) } }
    } else {
      withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, measure.bounds.count)) { thresholds in
        for k in measure.bounds.indices { thresholds[k] = threshold(k, weight: weight) }
        measure.move(row, to: thresholds.baseAddress!)
      }
    }
    measure.order.apply(to: row)
  }

  var boundsFrom: OutwardOrder.Side? { measure.order.side }

  var corrections: [Correction] {
    var weight = 1.0
    if case .scores(_, let typical, _) = knowledge { weight = typical }
    return measure.bounds.enumerated().map { k, bound in
      let found = threshold(k, weight: weight)
      let amount = found == -.infinity ? 0 : found + 0
      return Correction(
        lowerLevel: bound.lower.map { levels[$0] }, upperLevel: bound.upper.map { levels[$0] }, amount: amount,
        effect: Measure.effect(of: text(of: amount)), rows: rows[k], rowsNeeded: ConformalRank.minimumRows(coverage: bound.coverage))
    }
  }

  var summary: [(key: String, value: String)] {
    [("bounds", "\(rows.count)"), ("rows", "\(rows.max() ?? 0)"), ("unbounded", "\(corrections.count { $0.amount == .infinity })")]
  }

  func fits(hasWeights: Bool, features: FeatureTable?) -> Bool {
    guard features == nil else { return false }
    // Rows that teach less with age have weights that no column tells; those to be answered then weigh 1.
    if case .scores = knowledge { return true }
    return !hasWeights
  }

  func encode(into writer: inout ByteWriter) {
    writer.write(levels)
    switch knowledge {
    case .thresholds(let thresholds):
      writer.write(false)
      writer.write(thresholds)
      writer.write(rows)
    case .scores(let scores, let typicalWeight, _):
      writer.write(true)
      writer.write(typicalWeight)
      for column in scores { column.encode(into: &writer) }
    }
  }

  /// Throws `ByteReader.damaged` for anything that `encode` cannot have written.
  init(decoding reader: inout ByteReader, settings: Settings) throws {
    let levels = try reader.readArray(of: Double.self)
    guard Levels.areProper(levels), let measure = try? Measure(levels: levels, settings: settings) else { throw ByteReader.damaged }
    if try reader.readBool() {
      let typicalWeight = try reader.readDouble()
      guard typicalWeight >= 0, typicalWeight.isFinite else { throw ByteReader.damaged }
      self.init(
        levels: levels, measure: measure, weighted: try measure.bounds.map { _ in try WeightedScores(decoding: &reader) },
        typicalWeight: typicalWeight)
      return
    }
    let thresholds = try reader.readArray(of: Double.self)
    let rows = try reader.readArray(of: Int.self)
    guard thresholds.count == measure.bounds.count, rows.count == thresholds.count, thresholds.allSatisfy({ !$0.isNaN }),
      rows.allSatisfy({ (0..<ByteReader.counterLimit).contains($0) })
    else {
      throw ByteReader.damaged
    }
    self.init(levels: levels, measure: measure, thresholds: thresholds, rows: rows)
  }
}
