import Groundwork
import MethodKit
import Quantiles

/// How many settings a choice may try.
public enum ChoiceBudget: Equatable, Sendable {
  /// As many as the method finds worth it.
  case usual
  case trials(Int)
  /// Seconds of one core of ten thousand million float operations a second, so that a budget means the same on every machine.
  case seconds(Double)
}

/// What choices that are made once have at hand: all training rows, their folds, and how many settings to try.
public struct ChoiceContext {
  public let training: AggregationTraining
  /// How training rows are split to judge a choice: by folds of rows that were predicted together, or, where rows stand in time, by blocks of it.
  public let splits: [RowSplit]
  public let budget: ChoiceBudget
  public let context: FitContext
  /// The ways of combining that there are.
  public let registry: [any Aggregator.Type]

  public init(
    _ training: AggregationTraining, splits: [RowSplit], budget: ChoiceBudget, context: FitContext,
    registry: [any Aggregator.Type] = aggregatorRegistry
  ) {
    self.training = training
    self.splits = splits
    self.budget = budget
    self.context = context
    self.registry = registry
  }

  /// Losses of candidates on the rows that a split judges, each fitted on those that teach: Σ_τ 2ψ_τ / m of the answer in increasing order, a row.
  func losses(_ candidates: [any Aggregator], split: Int, mayFail: [Bool]) throws -> [SuccessiveHalving.Losses?] {
    let teaching = training.selecting(splits[split].teaching)
    let held = training.selecting(splits[split].judged)
    let outer = max(1, min(context.threads, candidates.count))
    return try parallelMap(candidates.count, threads: outer) { [context] c in
      do {
        let fitted = try candidates[c].fit(teaching, context: FitContext(threads: max(1, context.threads / outer), seed: context.seed))
        return ChoiceContext.losses(fitted, held)
      } catch is Failure where mayFail[c] {
        return nil
      }
    }
  }

  private static func losses(_ fitted: any FittedAggregator, _ held: AggregationTraining) -> SuccessiveHalving.Losses {
    let m = Double(held.predictions.levels.count)
    return held.pinballLosses(of: fitted.answer(held.predictions, features: held.features)).enumerated().map { i, sum in
      (2 * (sum ?? 0) / m, held.weights?[i] ?? 1)
    }
  }
}

extension AggregationTraining {
  /// Σ_τ ψ_τ of each row of n × m answers, times `errorUnit`, in increasing order of its quantiles; nil of a row without an answer. A level that
  /// nothing answers costs nothing: it is the same for all that answer the row.
  public func pinballLosses(of answers: Matrix) -> [Double?] {
    var answers = answers
    let levels = predictions.levels
    let m = levels.count
    return target.indices.map { i in
      answers.values.withUnsafeMutableBufferPointer { values in
        let row = UnsafeMutableBufferPointer(rebasing: values[i * m..<(i + 1) * m])
        if row.allSatisfy(\.isNaN) { return nil }
        if !row.contains(where: \.isNaN) { Isotonic.sort(row) }
        var sum = 0.0
        for t in 0..<m where !row[t].isNaN { sum += pinballLoss(level: levels[t], target: target[i] * errorUnit, quantile: row[t] * errorUnit) }
        return sum
      }
    }
  }
}

extension Aggregator {
  /// The best of as many settings as the budget allows; what was asked for where there is nothing to choose.
  public static func choose(_ settings: Settings, _ choice: ChoiceContext) throws -> ChosenMethod {
    let trials =
      switch choice.budget {
      case .usual: trials(within: usualSeconds, settings, choice.training, most: 8)
      case .trials(let count): count
      case .seconds(let seconds): trials(within: seconds, settings, choice.training, most: 1000)
      }
    return try choose(settings, choice, trials: trials)
  }

  private static func trials(within seconds: Double, _ settings: Settings, _ training: AggregationTraining, most: Int) -> Int {
    // Halving over five folds fits a trial about twice.
    let count = seconds / (2 * fitSeconds(settings, training))
    return count >= 2 ? Int(min(count, Double(most))) : 1
  }

  /// Settings drawn from the search spaces of `description`, judged over folds.
  private static func choose(_ settings: Settings, _ choice: ChoiceContext, trials: Int) throws -> ChosenMethod {
    let asked = ChosenMethod(Self.self, settings: settings.written)
    // More folds would judge trials better by less than they cost.
    let folds = Array(choice.splits.indices.prefix(4))
    guard trials > 1, description.isTunable(beside: settings.written), folds.count > (choice.training.times == nil ? 1 : 0) else { return asked }
    var random = RandomStream(seed: choice.context.seed, stream: 0x7E57_A66E)
    let drawn = (0..<trials).map {
      $0 == 0 ? asked : ChosenMethod(Self.self, settings: description.drawSettings(beside: settings.written, &random))
    }
    let candidates = try drawn.map { try Self.init(settings: Settings(description.trialSettings(of: $0.settings), of: description)) }
    let chosen = try SuccessiveHalving.choose(
      trials, folds: folds,
      judge: { numbers, fold in try choice.losses(numbers.map { candidates[$0] }, split: fold, mayFail: numbers.map { $0 > 0 }) },
      tell: { alive in
        for trial in alive { choice.context.note("trial \(trial.number): \(trial.score / errorUnit) with \(drawn[trial.number].text)") }
      })
    choice.context.note("tuned to \(drawn[chosen].text)")
    return drawn[chosen]
  }
}
