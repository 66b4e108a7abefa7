import Aggregation
import Groundwork
import OnlineKit
import Tables

/// What the workers of a run share: what was learnt, row after row, and answers the next.
final class OnlineAggregationState {
  typealias Book = AnswerBook<AggregatedAnswer>

  private(set) var book: Book
  private(set) var groups: RowGroups
  let learner: OnlineWeights
  let models: ModelNames
  /// Of each model of the table, in the order of names: its number, and the place of its group there.
  let tableModels: [(number: Int, group: Int)]
  private let numbersOfTable: Set<Int>
  private let levels: Int
  /// Weights at each time, where they are asked for.
  var history: WeightHistory?

  init(_ combination: Combination, _ book: Book, _ groups: RowGroups, _ learner: OnlineWeights, _ names: ModelNames) {
    self.book = book
    self.groups = groups
    self.learner = learner
    var names = names
    let numbers = combination.groups.map { names.number(of: FieldText($0.name), learner) }
    models = names
    tableModels = names.inOrder.compactMap { number in numbers.firstIndex(of: number).map { (number, $0) } }
    numbersOfTable = Set(numbers)
    levels = combination.levels.count
  }

  /// Finds what answers a row, whose turn it is, and learns what is out by then; `taught` gains the steps that taught.
  func settle(_ row: Row, _ predicted: PredictedRow, target: Double, taught: inout Book.Steps) throws -> RowAnswer {
    var arrival = try book.arrive(row, isLabelled: !target.isNaN)
    if let before = try book.earlier(&arrival, row) {
      return try settleAgain(arrival, before, predicted, target, &taught)
    }
    teach(try book.begin(&arrival, row), &taught)
    let keeps = book.keeps(arrival, isLabelled: !target.isNaN)
    let own = try groups.find(row, isKept: keeps, learner)
    if let time = arrival.time, !arrival.isPast { history?.add(time, own, groups, learner, predicted.models) }
    let weights = predicted.models.isEmpty ? nil : learner.weights(groups: own, models: predicted.models, predictions: predicted.predictions)
    let answer = RowAnswer(predicted, weights)
    teach(book.settle(arrival, keeps ? AggregatedAnswer(groups: own, answer: answer) : nil, target: target), &taught)
    return answer
  }

  /// A row that came before has its first answer; its target, where it comes now, teaches by what was answered then.
  private func settleAgain(
    _ arrival: Book.Arrival, _ before: AnsweredRow<AggregatedAnswer>, _ predicted: PredictedRow, _ target: Double,
    _ taught: inout Book.Steps
  ) throws -> RowAnswer {
    let isSame = before.content.isSame(predicted.models, predicted.predictions, of: numbersOfTable, levels: levels)
    let (steps, _) = try book.settleAgain(arrival, before, target: target, isSame: isSame) { _ in }
    teach(steps, &taught)
    return before.content.answer.copy
  }

  private func teach(_ steps: Book.Steps, _ taught: inout Book.Steps) {
    taught += steps
    for step in steps {
      _ = book.learn(step[0].series)
      let lessons = step.compactMap { $0.content.lesson($0.target, learner.plan) }
      if !lessons.isEmpty { learner.learn(lessons) }
    }
  }

  /// Adds up how the answers did that taught. These are all combined by now.
  func record(_ steps: Book.Steps) {
    for step in steps { learner.record(step.compactMap { $0.content.record($0.target, learner.plan) }) }
  }

  /// Teaches all that waits, to tell what comes next: once the state is saved.
  func teachAll() {
    var taught: Book.Steps = []
    teach(book.takeAll(), &taught)
    record(taught)
  }
}
