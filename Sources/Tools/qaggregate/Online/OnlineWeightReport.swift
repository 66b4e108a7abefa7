import Aggregation
import FilterKit
import Groundwork
import OnlineKit
import Tables

/// The weights that answered the rows of each time, group by group.
struct WeightHistory {
  struct Entry {
    let time: Moment
    let group: Int
    let weights: [OnlineWeights.GroupWeight]
  }

  private(set) var entries: [Entry] = []
  private var time: Moment?
  private var seen: Set<Int> = []

  /// Takes the weights of a row's groups, each once a time.
  mutating func add(_ time: Moment, _ own: [Int], _ groups: RowGroups, _ learner: OnlineWeights, _ models: [Int]) {
    if self.time?.isSame(as: time) != true { (self.time, seen) = (time, []) }
    for (f, group) in own.enumerated() where seen.insert(group).inserted {
      entries.append(Entry(time: time, group: group, weights: learner.describe(groups: groups.chain(f, own), models: models)))
    }
  }
}

/// The table of `--describe`: a row a group, model and level, with the weight that answers the next row, and how the model did there.
///
/// With `--order` the weights that answered each time come first, under that time.
struct OnlineWeightReport {
  private let state: OnlineAggregationState
  private let order: String?
  private let by: [String]
  private let within: [String]

  init(_ state: OnlineAggregationState, order: String?, by: [String], within: [String]) {
    self.state = state
    self.order = order
    self.by = by
    self.within = within
  }

  /// Returns how many rows it wrote.
  func write(_ session: FilterSession) throws -> Int {
    let table = ReportTable(columns: [order].compactMap { $0 } + by + within + ["model", "level", "weight", "rows", "regret"])
    var lines: [[ReportTable.Cell]] = []
    let named = try state.groups.named(columns: within.count)
    for entry in state.history?.entries ?? [] {
      lines += cells(entry.weights, [.field(entry.time.canonicalText)] + (named[entry.group]?.cells ?? []), tellsRecord: false)
    }
    for f in state.groups.families.indices {
      for group in state.groups.inOrder(f) where state.learner.hasLearnt(group: group) {
        let weights = state.learner.describe(groups: named[group]!.chain, models: state.models.inOrder.filter(state.learner.hasJoined))
        lines += cells(weights, (order == nil ? [] : [.text("")]) + named[group]!.cells, tellsRecord: true)
      }
    }
    try table.write(lines, session: session)
    return lines.count
  }

  private func cells(_ weights: [OnlineWeights.GroupWeight], _ group: [ReportTable.Cell], tellsRecord: Bool) -> [[ReportTable.Cell]] {
    weights.map { weight in
      group + [
        .field(state.models.names[weight.model]), weight.level.map { .key($0) } ?? .text(""), .number(weight.weight),
        tellsRecord ? .count(weight.rows) : .text(""), tellsRecord ? .number(weight.regret) : .text(""),
      ]
    }
  }
}

/// What `--verbose` tells of the weights that were learnt.
struct WeightSummary {
  private let state: OnlineAggregationState
  private let within: [String]

  init(_ state: OnlineAggregationState, within: [String]) {
    self.state = state
    self.within = within
  }

  func tell(_ diagnostics: Diagnostics) {
    let (groups, learner) = (state.groups, state.learner)
    let learnt = groups.families.indices.map { f in groups.inOrder(f).filter { learner.hasLearnt(group: $0) } }
    diagnostics.note("\(counted(state.book.learntRows, "row")) learnt, in \(counted(learnt.reduce(0) { $0 + $1.count }, "group")) of rows")
    if learnt[0].count == 1 { tellWeights(learnt[0][0], diagnostics) }
    for (f, own) in learnt.enumerated() where f > 0 && !own.isEmpty {
      let behind = own.filter { group in learner.describe(groups: [group], models: state.models.inOrder).contains { $0.regret > 0 } }
      let names = groups.families[f].within.map { within[$0] }.joined(separator: ",")
      diagnostics.note("within \(names): \(counted(own.count, "group")); in \(behind.count) some model did better than the answers")
    }
  }

  private func tellWeights(_ group: Int, _ diagnostics: Diagnostics) {
    var weights: [Int: Double] = [:]
    let all = state.learner.describe(groups: [group], models: state.models.inOrder)
    for weight in all { weights[weight.model, default: 0] += weight.weight }
    let total = weights.values.reduce(0, +)
    func name(_ model: Int) -> String { state.models.names[model].isEmpty ? "(no name)" : state.models.names[model].description }
    let sorted = state.models.inOrder.sorted { weights[$0]! > weights[$1]! }
    diagnostics.note("weights: " + diagnostics.list(sorted.map { "\(name($0)) \(shortestText((weights[$0]! / total * 1000).rounded() / 1000))" }))
    guard let best = all.filter({ !$0.regret.isNaN }).max(by: { $0.regret < $1.regret }) else { return }
    let share = shortestText((abs(best.regret) * 1000).rounded() / 10)
    diagnostics.note("the answers lost \(share) % \(best.regret > 0 ? "more" : "less") than \(name(best.model)), the best model, where it took part")
  }
}
