import Glibc
import Groundwork
import Quantiles

/// Learns, row after row, how to weigh the models that predict each row (experts that sleep where they do not), in groups of rows at once.
///
/// A row is in one group of each family: all rows, those of its horizon, of its place, of both. Each group has learners, one a rule of weights; the
/// row's weights are the mean of those of its groups' learners, which a second layer weighs by how they did in the group (AdaNormalHedge over
/// sleeping experts; Blum and Lykouris 2020, "Advancing subgroup fairness via sleeping experts"; Luo and Schapire 2015):
///
///     P_j = Σ_{g ∋ row, a} U_{g,a} p_{g,a,j},   U_{g,a} ∝ (q_g/c_g) φ(T_{g,a}/c_g, |T|_{g,a}/c_g).
///
/// With ℓ_j the losses of models and s those of the median model, a step of rows gives models the gains Σ (p_a·ℓ − ℓ_j)/Σ s, sums over the group's
/// rows, and learners the gains T = Σ_group (P·ℓ − p_a·ℓ)/Σ_all s; c_g is the largest share Σ_group s/Σ_all s of a step so far, or |T| where that is
/// larger, and q_g the first. Weights are those that the rows were answered with. A group that comes new starts half from these, half equal. Losses
/// enter by p·ℓ, not by the loss of the combined answer, which a model that sleeps would gain on without being good.
///
/// A model takes part at the levels that it predicts: there it is measured against the weights' loss over the models that predict the level too.
/// Losses are pinball losses, means over all levels, or those of one level each where weights are by level. O(F K p m) a row, for F families,
/// K rules, p models and m levels.
public final class OnlineWeights {
  public struct Plan: Sendable {
    public let rules: [WeightRule]
    public let levels: [Double]
    /// One weight a model and level instead of one a model.
    public let isByLevel: Bool
    /// Over how far weights by level are smoothed, in normal scores.
    public let smoothing: Double
    /// Families of groups.
    public let families: Int

    public init(rules: [WeightRule], levels: [Double], isByLevel: Bool, smoothing: Double, families: Int) {
      self.rules = rules
      self.levels = levels
      self.isByLevel = isByLevel
      self.smoothing = smoothing
      self.families = families
    }

    var slots: Int { isByLevel ? levels.count : 1 }
    /// Numbers of a model in a slot.
    var size: Int { (hasShared ? 1 : 0) + rules.reduce(0) { if case .exponential = $1 { $0 } else { $0 + $1.size } } }
    private var hasShared: Bool { rules.contains { if case .exponential = $0 { true } else { false } } }
    /// Where each rule's numbers begin.
    var offsets: [Int] {
      var next = hasShared ? 1 : 0
      return rules.map { rule in
        if case .exponential = rule { return 0 }
        defer { next += rule.size }
        return next
      }
    }
    /// Where the numbers of the rule that shares weights stand.
    var shared: Int? { rules.indices.first { if case .fixedShare = rules[$0] { true } else { false } }.map { offsets[$0] } }
    /// The rule whose own weights are what R measures models against: that of rate 1, or else the first.
    var reference: Int {
      rules.firstIndex(of: .exponential(rate: 1)) ?? rules.firstIndex { if case .exponential = $0 { true } else { false } } ?? -1
    }
  }

  public let plan: Plan
  /// How many models were named.
  public private(set) var experts = 0
  private(set) var groups: [ExpertGroup] = []
  /// Of each model: whether it has predicted a row. A model that never did changes nothing.
  private var joined: [Bool] = []
  /// Of each group that has one. What answers and learns does not touch them, so that both may go on at once, on threads of their own.
  var records: [GroupRecord] = []
  let slots: Int
  private let size: Int
  private let offsets: [Int]
  private let reference: Int
  private let shared: Int?
  /// Of each rule, whether it is that of exponential weights at twice the rate of the rule before.
  private let doublesRate: [Bool]
  private let kernel: LevelKernel?
  /// The weights that were asked for last, until something is learnt.
  private var lastWeights: (groups: [Int], models: [Int], presence: [Bool], weights: RowWeightsOfModels)?

  public init(_ plan: Plan) {
    self.plan = plan
    (slots, size, offsets, reference, shared) = (plan.slots, plan.size, plan.offsets, plan.reference, plan.shared)
    doublesRate = plan.rules.indices.map { a in
      guard a > 0, case .exponential(let rate) = plan.rules[a], case .exponential(let before) = plan.rules[a - 1] else { return false }
      return rate == 2 * before
    }
    kernel = plan.isByLevel && plan.smoothing > 0 ? LevelKernel(levels: plan.levels, width: plan.smoothing) : nil
  }

  /// Adds a model; its number is that of those before it.
  public func addExpert(hasJoined: Bool = false) {
    experts += 1
    joined.append(hasJoined)
    lastWeights = nil
  }

  /// Adds a group that nothing is known of; its number is that of those before it.
  public func addGroup() { groups.append(ExpertGroup(slots: slots, rules: plan.rules.count)) }

  public var groupCount: Int { groups.count }
  public func hasLearnt(group: Int) -> Bool { groups[group].steps > 0 }

  private func grow(_ id: Int) { groups[id].grow(to: experts, size: size, slots: slots) }

  public func hasJoined(_ model: Int) -> Bool { joined[model] }

  /// Models that predict for the first time start with the mean of the others' weights where these are shared, and with no regret elsewhere.
  private func join(_ models: [Int]) {
    let new = models.filter { !joined[$0] }
    if new.isEmpty { return }
    if let shared {
      let others = joined.indices.filter { joined[$0] }
      for id in groups.indices {
        grow(id)
        groups[id].start(new, others: others, shared: shared, size: size, slots: slots)
      }
    }
    for model in new { joined[model] = true }
  }

  // MARK: Answering

  /// The weights of models for a row of these groups, one a family. `predictions` are p × m, NaN where a model does not predict a level; each model
  /// predicts one.
  public func weights(groups ids: [Int], models: [Int], predictions: [Double]) -> RowWeightsOfModels {
    join(models)
    let presence = presence(models.count, predictions)
    if let last = lastWeights, last.groups == ids, last.models == models, last.presence == presence { return last.weights }
    let weights = computed(ids, models, presence)
    lastWeights = (ids, models, presence, weights)
    return weights
  }

  /// Slots × models: who takes part.
  private func presence(_ p: Int, _ predictions: [Double]) -> [Bool] {
    guard plan.isByLevel else { return [] }
    let m = slots
    return (0..<m * p).map { !predictions[($0 % p) * m + $0 / p].isNaN }
  }

  func computed(_ ids: [Int], _ models: [Int], _ presence: [Bool]) -> RowWeightsOfModels {
    let (p, rules) = (models.count, plan.rules.count)
    var own = [Double](repeating: 0, count: ids.count * rules * slots * p)
    var final = [Double](repeating: 0, count: slots * p)
    for id in ids { grow(id) }
    own.withUnsafeMutableBufferPointer { own in
      for (f, id) in ids.enumerated() {
        for a in 0..<rules {
          for s in 0..<slots {
            let place = ((f * rules + a) * slots + s) * p
            let weights = UnsafeMutableBufferPointer(rebasing: own[place..<place + p])
            if doublesRate[a] {
              square(UnsafeBufferPointer(rebasing: own[place - slots * p..<place - slots * p + p]), into: weights)
              continue
            }
            fill(weights, group: id, rule: a, slot: s, models, presence)
          }
        }
      }
      for s in 0..<slots {
        let shares = shares(ids, slot: s)
        for (k, share) in shares.enumerated() where share > 0 {
          let first = (k * slots + s) * p
          for j in 0..<p { final[s * p + j] += share * own[first + j] }
        }
      }
    }
    kernel?.smooth(&final, models: p, presence)
    return RowWeightsOfModels(final: final, own: own)
  }

  /// The weights of one learner among the models that take part.
  private func fill(
    _ weights: UnsafeMutableBufferPointer<Double>, group: Int, rule a: Int, slot s: Int, _ models: [Int], _ presence: [Bool]
  ) {
    let (p, rule) = (models.count, plan.rules[a])
    let isThere = { (j: Int) in presence.isEmpty || presence[s * p + j] }
    let count = presence.isEmpty ? p : (0..<p).count(where: isThere)
    if count == 0 { return }
    let scale = groups[group].scales[s]
    groups[group].numbers.withUnsafeBufferPointer { numbers in
      for (j, model) in models.enumerated() {
        weights[j] =
          isThere(j) ? rule.logWeight(numbers.baseAddress! + (model * slots + s) * size + offsets[a], count: count, scale: scale) : -.infinity
      }
    }
    normaliseLogarithms(weights)
    // Where no weight is above zero, only those that are there are equal.
    guard !presence.isEmpty else { return }
    let total = (0..<p).reduce(0) { isThere($1) ? $0 + weights[$1] : $0 }
    for j in 0..<p { weights[j] = isThere(j) ? weights[j] / total : 0 }
  }

  /// Exponential weights at twice a rate: (exp(η R))² is what exp(2η R) takes longer to say.
  private func square(_ weights: UnsafeBufferPointer<Double>, into squares: UnsafeMutableBufferPointer<Double>) {
    var total = 0.0
    for j in weights.indices {
      squares[j] = weights[j] * weights[j]
      total += squares[j]
    }
    // Where no model is there, there is none.
    if total > 0 { for j in squares.indices { squares[j] /= total } }
  }

  /// U: families × rules.
  private func shares(_ ids: [Int], slot s: Int) -> [Double] {
    let rules = plan.rules.count
    var shares = [Double](repeating: -.infinity, count: ids.count * rules)
    for (f, id) in ids.enumerated() {
      let group = groups[id]
      guard group.steps > 0, group.largest[s] > 0 else { continue }
      let scale = group.largest[s]
      for a in 0..<rules {
        let place = (s * rules + a) * 2
        shares[f * rules + a] =
          WeightRule.logPotentialDifference(group.rules[place] / scale, group.rules[place + 1] / scale) + log(group.first[s] / scale)
      }
    }
    if shares.allSatisfy({ $0 == -.infinity }) { for a in 0..<rules { shares[a] = 0 } }
    shares.withUnsafeMutableBufferPointer { normaliseLogarithms($0) }
    return shares
  }

  // MARK: Learning

  /// Learns from rows that teach together, in any order.
  public func learn(_ lessons: [OnlineLesson]) {
    for id in Set(lessons.flatMap(\.groups)) { grow(id) }
    var step = LearningStep(lessons.map { LessonLosses($0, plan) })
    step.sort()
    for s in 0..<slots {
      let units = step.units(slot: s)
      if units.total > 0 { teach(step, slot: s, units) }
    }
    for id in Set(step.rows.flatMap(\.lesson.groups)) { groups[id].steps += 1 }
    lastWeights = nil
  }

  /// Adds up what a slot's rows say of each group, and lets it learn.
  private func teach(_ step: LearningStep, slot s: Int, _ units: LearningStep.Units) {
    let rules = plan.rules.count
    for f in 0..<plan.families {
      for (id, members) in step.rows(family: f) {
        let rows = members.map { step.rows[$0] }
        let unit = members.reduce(0) { $0 + units.ofRow[$1] }
        var gains = [Double](repeating: 0, count: rules)
        for row in rows {
          for a in 0..<rules { gains[a] += row.final[s] - row.own[(f * rules + a) * slots + s] }
        }
        for a in 0..<rules { gains[a] = clamped(gains[a] / units.total) }
        let share = max(unit / units.total, 1e-9, gains.reduce(0) { max($0, abs($1)) })
        if groups[id].first[s] == 0 { begin(id, family: f, slot: s, share, rows) }
        groups[id].largest[s] = max(groups[id].largest[s], share)
        teachModels(id, family: f, slot: s, rows, unit: max(unit, 1e-9 * units.total))
        for a in 0..<rules {
          let place = (s * rules + a) * 2
          groups[id].rules[place] += gains[a]
          groups[id].rules[place + 1] += abs(gains[a])
        }
      }
    }
  }

  /// A group of a narrower family starts half from the weights that answered its rows: R = log(½ p w + ½), w their mean and p how many have one; so
  /// does what is shared. Before anything is learnt there is nothing to start from.
  private func begin(_ id: Int, family f: Int, slot s: Int, _ share: Double, _ rows: [LessonLosses]) {
    groups[id].first[s] = share
    guard f > 0, groups[rows[0].lesson.groups[0]].steps > 0 else { return }
    var weights = [Double](repeating: 0, count: experts)
    for row in rows {
      for (j, model) in row.lesson.models.enumerated() { weights[model] += row.lesson.weights.final[s * row.lesson.models.count + j] }
    }
    let count = Double(weights.count { $0 > 0 })
    for model in 0..<experts where joined[model] {
      let weight = weights[model] / Double(rows.count)
      let place = (model * slots + s) * size
      if reference >= 0 { groups[id].numbers[place] = log((weight * count + 1) / 2) }
      if let shared { groups[id].numbers[place + shared] = log((weight * count + 1) / 2) }
    }
  }

  private func teachModels(_ id: Int, family f: Int, slot s: Int, _ rows: [LessonLosses], unit: Double) {
    let rules = plan.rules.count
    for a in 0..<rules where plan.rules[a].size > 0 {
      if case .exponential = plan.rules[a], a != reference { continue }
      var gains = [Double](repeating: 0, count: experts)
      var counts = [Int](repeating: 0, count: experts)
      for row in rows {
        row.addGains(family: f, rule: a, slot: s, rules: rules, slots: slots, into: &gains, &counts)
      }
      var largest = groups[id].scales[s]
      let portion = 1 / Double(groups[id].steps + 2)
      let sharing = joined.indices.filter { joined[$0] }
      groups[id].numbers.withUnsafeMutableBufferPointer { numbers in
        let first = numbers.baseAddress! + s * size + offsets[a]
        for model in 0..<experts where counts[model] > 0 {
          let gain = clamped(gains[model] / unit)
          plan.rules[a].learn(gain, first + model * slots * size)
          if plan.rules[a] == .adaNormalHedge { largest = max(largest, abs(gain)) }
        }
        if case .fixedShare = plan.rules[a] {
          WeightRule.share(portion, first, among: sharing, stride: slots * size)
        }
      }
      groups[id].scales[s] = largest
    }
  }

  private func clamped(_ gain: Double) -> Double { min(max(gain, -1e100), 1e100) }

  // MARK: Files

  /// Writes a group, of experts in an order of theirs.
  public func encode(group: Int, experts: [Int], into writer: inout ByteWriter) {
    grow(group)
    growRecord(group)
    groups[group].encode(into: &writer, experts: experts, size: size * slots, records[group])
  }

  /// Adds a group as `encode` wrote it. Throws `ByteReader.damaged` for anything else.
  public func addGroup(decoding reader: inout ByteReader) throws {
    let (group, record) = try ExpertGroup.decode(&reader, slots: slots, rules: plan.rules.count, experts: experts, size: size * slots)
    while records.count < groups.count { records.append(GroupRecord()) }
    groups.append(group)
    records.append(record)
  }
}
