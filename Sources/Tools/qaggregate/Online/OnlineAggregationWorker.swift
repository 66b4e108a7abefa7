import Aggregation
import FilterKit
import Groundwork
import OnlineKit
import Quantiles
import Tables

/// Answers each row with weights that rows before it taught, and learns from it. Rows are read and answers are combined on several threads at once;
/// only what depends on the order of rows is done in turn.
final class OnlineAggregationWorker: RowWorker {
  struct Plan {
    let header: Header
    let combination: Combination
    let target: Int
    /// Labelled rows teach and are not written.
    let newOnly: Bool
    /// nil where answers are not written.
    let encoder: RowEncoder?
    let combines: OnlineCombination
  }

  let state: OnlineAggregationState
  private(set) var labelledRows = 0
  private(set) var omissions: Omissions

  private let plan: Plan
  private let learningPlan: OnlineWeights.Plan
  private let columns: NumberColumns
  private let reader = NumberReader()
  private let combiner: OnlineCombiner
  private let tableModels: [(number: Int, group: Int)]
  private let tableNumbers: [Int]
  private let levels: Int
  /// Whether each group has all levels, and no others.
  private let isIdentity: [Bool]
  /// Where each group's quantiles begin among those of a row, and where the last one's end.
  private let starts: [Int]
  private var given: [Double]

  /// Rows of the block: as they were read, those whose turn has come, with their answers, and what taught.
  private var read: [(predicted: PredictedRow, target: Double)] = []
  private var turns = 0
  private var settled: [(answer: RowAnswer, target: Double)] = []
  private var taught: OnlineAggregationState.Book.Steps = []

  init(_ plan: Plan, _ state: OnlineAggregationState) {
    self.plan = plan
    self.state = state
    learningPlan = state.learner.plan
    let all = plan.combination.groups
    // Counting references to what is shared in every row would make threads wait for each other.
    tableModels = state.tableModels.map { $0 }
    tableNumbers = tableModels.map(\.number)
    columns = NumberColumns(plan.combination.columns, plan.header)
    combiner = OnlineCombiner(plan.combines, levels: plan.combination.levels)
    levels = plan.combination.levels.count
    isIdentity = plan.combination.interpolations.map(\.isIdentity)
    starts = (0...all.count).map { g in all[..<g].reduce(0) { $0 + $1.columns.count } }
    given = [Double](repeating: .nan, count: columns.count)
    omissions = Omissions(models: all.count)
  }

  // MARK: Reading

  override func begin(input: String) {
    read.removeAll(keepingCapacity: true)
    settled.removeAll(keepingCapacity: true)
    taught.removeAll(keepingCapacity: true)
    turns = 0
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    let target = try row.finiteNumber(plan.target, reader, plan.header)
    var predicted = try predictions(row)
    if !target.isNaN, !predicted.models.isEmpty {
      predicted.losses = ModelLosses(predicted.predictions, models: predicted.models.count, target: target, learningPlan)
    }
    read.append((predicted, target))
  }

  /// Reads a row's quantiles, and takes those of each model to all levels. An infinite one says that the model cannot tell that level.
  private func predictions(_ row: Row) throws -> PredictedRow {
    try given.withUnsafeMutableBufferPointer { try columns.read(row, into: $0.baseAddress!) }
    let isWhole = given.withUnsafeBufferPointer { given in
      var check = 0.0
      for value in given { check += value * 0 }
      return check == 0
    }
    var present = isWhole ? tableNumbers : []
    let m = levels
    let predictions = [Double](unsafeUninitializedCapacity: tableModels.count * m) { buffer, count in
      count = 0
      given.withUnsafeBufferPointer { given in
        for (number, g) in tableModels {
          let target = UnsafeMutableBufferPointer(rebasing: buffer[count..<count + m])
          let source = UnsafeBufferPointer(rebasing: given[starts[g]..<starts[g + 1]])
          if isIdentity[g] {
            _ = target.update(fromContentsOf: source)
            if !isWhole { for t in 0..<m where target[t].isInfinite { target[t] = .nan } }
          } else if !isWhole, source.contains(where: \.isInfinite) {
            for (t, value) in plan.combination.interpolations[g](source.map { $0.isInfinite ? .nan : $0 }).enumerated() { target[t] = value }
          } else {
            plan.combination.interpolations[g].apply(source, into: target)
          }
          if !isWhole {
            guard target.contains(where: { !$0.isNaN }) else { continue }
            present.append(number)
          }
          count += m
        }
      }
    }
    if isWhole { return PredictedRow(models: present, predictions: predictions) }
    omissions.count(given[...], plan.combination)
    return PredictedRow(models: present, predictions: predictions, unbounded: given.contains(where: \.isInfinite) ? given : nil)
  }

  // MARK: In turn

  override var takesTurns: Bool { true }

  override func settle(_ row: Row) throws {
    defer { turns += 1 }
    let (predicted, target) = read[turns]
    settled.append((try state.settle(row, predicted, target: target, taught: &taught), target))
    if !target.isNaN { labelledRows += 1 }
  }

  override func commit(_ rows: Rows) throws { state.record(taught) }

  // MARK: Answering

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    for (i, (answer, target)) in settled.enumerated() {
      if answer.quantiles.isEmpty { answer.combine(combined(answer), target: target, learningPlan) }
      guard let encoder = plan.encoder, target.isNaN || !plan.newOnly else { continue }
      answer.quantiles.withUnsafeBufferPointer { encoder.write(rows[i], cells: nil, own: $0.baseAddress!, into: output) }
    }
  }

  private func combined(_ row: RowAnswer) -> [Double] {
    let predicted = row.predicted
    return [Double](unsafeUninitializedCapacity: levels) { answer, count in
      count = levels
      let own = UnsafeMutableBufferPointer(rebasing: answer[..<levels])
      if let weights = row.weights {
        combiner.combine(predicted.predictions, models: predicted.models.count, weights: weights.final, into: own)
        plan.combination.order(own)
      } else {
        own.initialize(repeating: .nan)
      }
      if let unbounded = predicted.unbounded {
        plan.combination.addUnboundedLevels(unbounded[...], to: own)
        plan.combination.order(own)
      }
      if !row.isCopy, own.allSatisfy(\.isNaN) { omissions.unanswered += 1 }
    }
  }
}
