import Quantiles

/// A row whose truth is out: what it was answered with, and what it teaches.
public struct OnlineLesson {
  /// One a family.
  let groups: [Int]
  /// Numbers of the models that predict it, in an order that does not depend on the table's.
  let models: [Int]
  let losses: ModelLosses
  let target: Double
  let weights: RowWeightsOfModels

  public init(groups: [Int], models: [Int], losses: ModelLosses, target: Double, weights: RowWeightsOfModels) {
    self.weights = weights
    self.groups = groups
    self.models = models
    self.losses = losses
    self.target = target
  }
}

/// Losses of a row: of the weights that answer it, and of those of each learner.
final class LessonLosses {
  let lesson: OnlineLesson
  /// Of each slot.
  let final: [Double]
  /// Families × rules × slots.
  let own: [Double]
  private let losses: ModelLosses
  private let slots: Int

  init(_ lesson: OnlineLesson, _ plan: OnlineWeights.Plan) {
    self.lesson = lesson
    (losses, slots) = (lesson.losses, plan.slots)
    final = LessonLosses.totals(lesson.weights.final, losses, slots: slots)
    own = LessonLosses.totals(lesson.weights.own, losses, slots: slots)
  }

  /// Of each run of p weights, the loss in its slot.
  private static func totals(_ weights: [Double], _ losses: ModelLosses, slots: Int) -> [Double] {
    let p = losses.models
    let count = weights.count / max(1, p)
    return weights.withUnsafeBufferPointer { weights in
      [Double](unsafeUninitializedCapacity: count) { totals, initialized in
        for k in 0..<count {
          let own = UnsafeBufferPointer(rebasing: weights[k * p..<(k + 1) * p])
          totals[k] = slots == 1 ? losses.loss(own) : losses.loss(level: k % slots, own)
        }
        initialized = count
      }
    }
  }

  /// Adds what each model gains on a learner's weights in a slot, and that it took part.
  func addGains(family f: Int, rule a: Int, slot s: Int, rules: Int, slots: Int, into gains: inout [Double], _ counts: inout [Int]) {
    let place = (f * rules + a) * slots + s
    let (models, levels) = (losses.models, losses.levels)
    if !losses.means.isEmpty {
      for (j, model) in lesson.models.enumerated() {
        gains[model] += own[place] - losses.means[j]
        counts[model] += 1
      }
      return
    }
    if slots > 1 {
      for (j, model) in lesson.models.enumerated() where !losses.losses[j * levels + s].isNaN {
        gains[model] += own[place] - losses.losses[j * levels + s]
        counts[model] += 1
      }
      return
    }
    let reference = lesson.weights.own.withUnsafeBufferPointer { all in
      let own = UnsafeBufferPointer(rebasing: all[place * models..<(place + 1) * models])
      return (0..<levels).map { losses.loss(level: $0, own) }
    }
    for (j, model) in lesson.models.enumerated() {
      var gain = 0.0
      for t in 0..<levels where !losses.losses[j * levels + t].isNaN { gain += reference[t] - losses.losses[j * levels + t] }
      gains[model] += gain / Double(levels)
      counts[model] += 1
    }
  }

  /// An order of rows that does not depend on that in which they came; rows that are alike in it teach alike.
  static func precedes(_ a: LessonLosses, _ b: LessonLosses) -> Bool {
    if a.lesson.target != b.lesson.target { return a.lesson.target < b.lesson.target }
    for (x, y) in [(a.final, b.final), (a.own, b.own), (a.losses.means, b.losses.means)] where x != y { return x.lexicographicallyPrecedes(y) }
    // Missing levels stand after all losses.
    for (x, y) in zip(a.losses.losses, b.losses.losses) where x != y && !(x.isNaN && y.isNaN) { return y.isNaN || x < y }
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
    let losses = rows.map { $0.lesson.losses.typical[s] }
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
