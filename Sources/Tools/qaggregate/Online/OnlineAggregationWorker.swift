import Aggregation
import FilterKit
import Groundwork
import OnlineKit
import Quantiles
import Tables

/// Answers each row with weights that rows before it taught, and learns from it. There is one, since what it learns depends on the order of rows.
final class OnlineAggregationWorker: RowWorker {
  typealias Book = AnswerBook<AggregatedAnswer>

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

  private(set) var book: Book
  private(set) var groups: RowGroups
  let learner: OnlineWeights
  let models: ModelNames
  private(set) var labelledRows = 0
  private(set) var omissions: Omissions
  /// Weights at each time, where they are asked for.
  var history: WeightHistory?

  private let plan: Plan
  private let columns: NumberColumns
  private let reader = NumberReader()
  private var combiner: OnlineCombiner
  /// Of each model of the table, in the order of names: its number, and the place of its group there.
  private let tableModels: [(number: Int, group: Int)]
  private let numbersOfTable: Set<Int>
  private let tableNumbers: [Int]
  private let levels: Int
  /// Whether each group has all levels, and no others.
  private let isIdentity: [Bool]
  /// Where each group's quantiles begin among those of a row, and where the last one's end.
  private let starts: [Int]

  /// The row that was read last: its quantiles as they came, the models that predict it, and their quantiles at all levels.
  private var given: [Double]
  /// Whether all of them are finite numbers.
  private var isWhole = false
  private var present: [Int] = []
  private var predictions: [Double] = []
  private var answered: [Double]
  private var weights: RowWeightsOfModels?

  init(_ plan: Plan, _ book: Book, _ groups: RowGroups, _ learner: OnlineWeights, _ names: ModelNames) {
    self.plan = plan
    self.book = book
    self.groups = groups
    self.learner = learner
    var names = names
    let all = plan.combination.groups
    let numbers = all.map { names.number(of: FieldText($0.name), learner) }
    models = names
    tableModels = names.inOrder.compactMap { number in numbers.firstIndex(of: number).map { (number, $0) } }
    numbersOfTable = Set(numbers)
    columns = NumberColumns(plan.combination.columns, plan.header)
    combiner = OnlineCombiner(plan.combines, levels: plan.combination.levels)
    levels = plan.combination.levels.count
    tableNumbers = tableModels.map(\.number)
    isIdentity = plan.combination.interpolations.map(\.isIdentity)
    starts = (0...all.count).map { g in all[..<g].reduce(0) { $0 + $1.columns.count } }
    given = [Double](repeating: .nan, count: columns.count)
    answered = [Double](repeating: .nan, count: levels)
    omissions = Omissions(models: all.count)
  }

  override func handle(_ next: Row, into output: ByteBuffer) throws {
    let target = try next.finiteNumber(plan.target, reader, plan.header)
    var arrival = try book.arrive(next, isLabelled: !target.isNaN)
    try read(next)
    let mark = output.count
    if let before = try book.earlier(&arrival, next) {
      try answerAgain(next, arrival, before, target, into: output)
    } else {
      try answer(next, &arrival, target, into: output)
    }
    guard !target.isNaN else { return }
    labelledRows += 1
    if plan.newOnly { output.truncate(to: mark) }
  }

  /// Reads a row's quantiles, and takes those of each model to all levels. An infinite one says that the model cannot tell that level.
  private func read(_ row: Row) throws {
    try given.withUnsafeMutableBufferPointer { try columns.read(row, into: $0.baseAddress!) }
    isWhole = given.withUnsafeBufferPointer { given in
      var check = 0.0
      for value in given { check += value * 0 }
      return check == 0
    }
    if isWhole { present = tableNumbers } else { present.removeAll(keepingCapacity: true) }
    let m = levels
    predictions = [Double](unsafeUninitializedCapacity: tableModels.count * m) { buffer, count in
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
    if !isWhole { omissions.count(given[...], plan.combination) }
  }

  // MARK: Rows that come for the first time

  private func answer(_ next: Row, _ arrival: inout Book.Arrival, _ target: Double, into output: ByteBuffer) throws {
    teach(try book.begin(&arrival, next))
    let keeps = book.keeps(arrival, isLabelled: !target.isNaN)
    let own = try groups.find(next, isKept: keeps, learner)
    combine(own)
    if let time = arrival.time, !arrival.isPast { history?.add(time, own, groups, learner, present) }
    write(next, into: output)
    let content = keeps ? AggregatedAnswer(groups: own, models: present, predictions: predictions, answer: answered, weights: weights) : nil
    teach(book.settle(arrival, content, target: target))
  }

  private func combine(_ own: [Int]) {
    let combination = plan.combination
    weights = present.isEmpty ? nil : learner.weights(groups: own, models: present, predictions: predictions)
    answered.withUnsafeMutableBufferPointer { answer in
      if let weights {
        combiner.combine(predictions, models: present.count, weights: weights.final, into: answer)
        combination.order(answer)
      } else {
        answer.update(repeating: .nan)
      }
      if !isWhole, given.contains(where: \.isInfinite) {
        combination.addUnboundedLevels(given[...], to: answer)
        combination.order(answer)
      }
    }
    if !isWhole, answered.allSatisfy(\.isNaN) { omissions.unanswered += 1 }
  }

  private func write(_ row: Row, into output: ByteBuffer) {
    guard let encoder = plan.encoder else { return }
    answered.withUnsafeBufferPointer { encoder.write(row, cells: nil, own: $0.baseAddress!, into: output) }
  }

  // MARK: Rows that come again

  /// Writes a row that came before with its first answer; its target, where it comes now, teaches by what was answered then.
  private func answerAgain(
    _ next: Row, _ arrival: Book.Arrival, _ before: AnsweredRow<AggregatedAnswer>, _ target: Double, into output: ByteBuffer
  ) throws {
    let isSame = before.content.isSame(present, predictions, of: numbersOfTable, levels: levels)
    let (steps, _) = try book.settleAgain(arrival, before, target: target, isSame: isSame) { _ in }
    answered = before.content.answer
    write(next, into: output)
    teach(steps)
  }

  // MARK: Learning

  private func teach(_ steps: Book.Steps) {
    for step in steps {
      _ = book.learn(step[0].series)
      let lessons = step.compactMap { $0.content.lesson($0.target) }
      if !lessons.isEmpty { learner.learn(lessons) }
    }
  }

  /// Teaches all that waits, to tell what comes next: once the state is saved.
  func teachAll() { teach(book.takeAll()) }
}
