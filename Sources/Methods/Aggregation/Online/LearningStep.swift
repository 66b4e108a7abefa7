import Quantiles

/// A row whose truth is out: what it was answered with, and what it teaches.
public struct OnlineLesson {
  /// One a family.
  public let groups: [Int]
  /// Numbers of the models that predict it, in an order that does not depend on the table's.
  public let models: [Int]
  /// p × m; NaN where a model does not predict a level.
  public let predictions: [Double]
  /// m quantiles.
  public let answer: [Double]
  public let target: Double
  let weights: RowWeightsOfModels

  public init(groups: [Int], models: [Int], predictions: [Double], answer: [Double], target: Double, weights: RowWeightsOfModels) {
    self.weights = weights
    self.groups = groups
    self.models = models
    self.predictions = predictions
    self.answer = answer
    self.target = target
  }
}

/// Losses of a row: of its models, of the weights that answer it, and of those of each learner.
final class LessonLosses {
  let lesson: OnlineLesson
  /// Of each slot.
  private(set) var final: [Double] = []
  /// Families × rules × slots.
  private(set) var own: [Double] = []
  /// p × m pinball losses; NaN where a model does not predict a level.
  private let losses: [Double]
  /// Of each model, the mean over all levels; empty where levels are missing, or weights are by level.
  private var means: [Double] = []
  /// Mean over the levels that the answer has.
  private(set) var answerLoss: Double
  /// Of each model: the answer's loss at its levels, and its own, sums over these divided by all levels.
  let records: [Double]
  /// Of each model, its mean loss over its levels.
  private let typical: [Double]

  private let slots: Int
  private let levels: Int
  private let models: Int

  init(_ lesson: OnlineLesson, _ plan: OnlineWeights.Plan) {
    self.lesson = lesson
    let (p, m) = (lesson.models.count, plan.levels.count)
    (slots, levels, models) = (plan.slots, m, p)
    var answered = [Double](repeating: 0, count: m)
    var records = [Double](repeating: 0, count: 2 * p)
    var typical = [Double](repeating: .nan, count: p)
    var isWhole = true
    losses = [Double](unsafeUninitializedCapacity: p * m) { losses, count in
      count = p * m
      plan.levels.withUnsafeBufferPointer { levels in
        for t in 0..<m { answered[t] = LessonLosses.loss(levels[t], lesson.target, lesson.answer[t]) }
        answered.withUnsafeBufferPointer { answered in
          lesson.predictions.withUnsafeBufferPointer { predictions in
            for j in 0..<p {
              var (mine, answers, there) = (0.0, 0.0, 0)
              for t in 0..<m {
                let loss = LessonLosses.loss(levels[t], lesson.target, predictions[j * m + t])
                losses[j * m + t] = loss
                if loss.isNaN { continue }
                mine += loss
                answers += answered[t].isNaN ? loss : answered[t]
                there += 1
              }
              (records[2 * j], records[2 * j + 1]) = (answers / Double(m), mine / Double(m))
              if there > 0 { typical[j] = mine / Double(there) }
              if there < m { isWhole = false }
            }
          }
        }
      }
    }
    (self.records, self.typical) = (records, typical)
    answerLoss = answered.reduce(0) { $1.isNaN ? $0 : $0 + $1 } / Double(m)
    if slots == 1, isWhole { means = (0..<p).map { records[2 * $0 + 1] } }
    lesson.weights.final.withUnsafeBufferPointer { final = totals($0) }
    lesson.weights.own.withUnsafeBufferPointer { own = totals($0) }
  }

  /// Pinball loss, finite for every prediction that is there.
  @inline(__always)
  private static func loss(_ level: Double, _ target: Double, _ quantile: Double) -> Double {
    let distance = min(max(target - quantile, -1e150), 1e150)
    return quantile.isNaN ? .nan : distance >= 0 ? level * distance : (level - 1) * distance
  }

  /// Of each run of p weights, the loss in its slot.
  private func totals(_ weights: UnsafeBufferPointer<Double>) -> [Double] {
    (0..<weights.count / max(1, models)).map { k in
      let own = UnsafeBufferPointer(rebasing: weights[k * models..<(k + 1) * models])
      return slots == 1 ? total(own) : level(k % slots, own)
    }
  }

  private func total(_ weights: UnsafeBufferPointer<Double>) -> Double {
    if !means.isEmpty {
      var sum = 0.0
      for j in 0..<models { sum += weights[j] * means[j] }
      return sum
    }
    return (0..<levels).reduce(0) { $0 + level($1, weights) } / Double(levels)
  }

  /// The weights' loss at a level, over the models that predict it; zero where none does.
  private func level(_ t: Int, _ weights: UnsafeBufferPointer<Double>) -> Double {
    var (sum, total, plain, count) = (0.0, 0.0, 0.0, 0.0)
    for j in 0..<models {
      let loss = losses[j * levels + t]
      if loss.isNaN { continue }
      sum += weights[j] * loss
      total += weights[j]
      plain += loss
      count += 1
    }
    return total > 0 ? sum / total : count > 0 ? plain / count : 0
  }

  /// The median loss of the models in a slot, each over its levels, and their mean.
  func typicalLoss(slot s: Int) -> (median: Double, mean: Double) {
    var own = (slots == 1 ? typical : (0..<models).map { losses[$0 * levels + s] }).filter { !$0.isNaN }
    guard !own.isEmpty else { return (0, 0) }
    own.sort()
    let middle = own.count / 2
    return (own.count % 2 == 1 ? own[middle] : (own[middle - 1] + own[middle]) / 2, own.reduce(0, +) / Double(own.count))
  }

  /// Adds what each model gains on a learner's weights in a slot, and that it took part.
  func addGains(family f: Int, rule a: Int, slot s: Int, rules: Int, slots: Int, into gains: inout [Double], _ counts: inout [Int]) {
    let place = (f * rules + a) * slots + s
    if !means.isEmpty {
      for (j, model) in lesson.models.enumerated() {
        gains[model] += own[place] - means[j]
        counts[model] += 1
      }
      return
    }
    if slots > 1 {
      for (j, model) in lesson.models.enumerated() where !losses[j * levels + s].isNaN {
        gains[model] += own[place] - losses[j * levels + s]
        counts[model] += 1
      }
      return
    }
    let reference = lesson.weights.own.withUnsafeBufferPointer { all in
      let own = UnsafeBufferPointer(rebasing: all[place * models..<(place + 1) * models])
      return (0..<levels).map { level($0, own) }
    }
    for (j, model) in lesson.models.enumerated() {
      var gain = 0.0
      for t in 0..<levels where !losses[j * levels + t].isNaN { gain += reference[t] - losses[j * levels + t] }
      gains[model] += gain / Double(levels)
      counts[model] += 1
    }
  }

  /// An order of rows that does not depend on that in which they came; rows that are alike in it teach alike.
  static func precedes(_ a: LessonLosses, _ b: LessonLosses) -> Bool {
    if a.lesson.target != b.lesson.target { return a.lesson.target < b.lesson.target }
    if a.answerLoss != b.answerLoss { return a.answerLoss < b.answerLoss }
    for (x, y) in [(a.final, b.final), (a.own, b.own), (a.records, b.records)] where x != y { return x.lexicographicallyPrecedes(y) }
    return false
  }
}

/// Rows that teach together.
struct LearningStep {
  private(set) var rows: [LessonLosses]

  init(_ rows: [LessonLosses]) { self.rows = rows }

  mutating func sort() { if rows.count > 1 { rows.sort(by: LessonLosses.precedes) } }

  /// What losses are measured in: of each row that of the median model, or of the mean where no row's median model has any.
  struct Units {
    let ofRow: [Double]
    let total: Double
  }

  func units(slot s: Int) -> Units {
    let losses = rows.map { $0.typicalLoss(slot: s) }
    let total = losses.reduce(0) { $0 + $1.median }
    if total > 0 { return Units(ofRow: losses.map(\.median), total: total) }
    return Units(ofRow: losses.map(\.mean), total: losses.reduce(0) { $0 + $1.mean })
  }

  /// The places of the rows of each group of a family.
  func rows(family f: Int) -> [(group: Int, rows: [Int])] {
    if rows.count == 1 { return [(rows[0].lesson.groups[f], [0])] }
    return Dictionary(grouping: rows.indices) { rows[$0].lesson.groups[f] }.map { ($0.key, $0.value) }
  }
}
