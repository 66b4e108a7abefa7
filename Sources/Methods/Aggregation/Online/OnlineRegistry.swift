import MethodKit

/// A way to learn row after row how to combine: which rules weigh the models of each group, and with which settings.
///
/// To add one: an entry in `onlineAggregatorRegistry`.
public struct OnlineAggregator: Sendable {
  public let description: MethodDescription
  private let makeRules: @Sendable (Settings) -> [WeightRule]

  init(_ name: String, _ summary: String, settings: [SettingDescription] = [], _ makeRules: @escaping @Sendable (Settings) -> [WeightRule]) {
    description = MethodDescription(name: name, summary: summary, settings: settings + OnlineAggregator.shared)
    self.makeRules = makeRules
  }

  private static let shared = [
    SettingDescription(
      "combine", .choice(OnlineCombination.allCases.map(\.rawValue)), default: "pool",
      "what weights make of predictions: a linear pool, or a mean or median of quantiles"),
    SettingDescription("levels", .choice(["one", "each"]), default: "one", "one weight a model, or one for each of its levels"),
    SettingDescription(
      "smooth", .number(0...10), default: "0.5", "with levels=each, over how many normal scores weights of neighbouring levels are smoothed"),
  ]

  public func combination(_ settings: Settings) -> OnlineCombination { OnlineCombination(rawValue: settings.choice("combine"))! }

  public func plan(_ settings: Settings, levels: [Double], families: Int) -> OnlineWeights.Plan {
    OnlineWeights.Plan(
      rules: makeRules(settings), levels: levels, isByLevel: settings.choice("levels") == "each", smoothing: settings.number("smooth"),
      families: families)
  }
}

/// Every method of `qaggregate --method` that learns row after row, in the order in which help lists them.
public let onlineAggregatorRegistry: [OnlineAggregator] = [
  OnlineAggregator("online", "weights learnt row after row, in groups of rows, over many rates at once; none to choose") { _ in
    [0.125, 0.25, 0.5, 1, 2, 4, 8].map { .exponential(rate: $0) } + [.adaNormalHedge, .fixedShare(rate: 4)]
  },
  OnlineAggregator(
    "ewa", "online: exponential weights at one rate",
    settings: [SettingDescription("rate", .number(1e-6...1e6), default: "1", "how fast weights move, a step, in losses of the median model")]
  ) { [.exponential(rate: $0.number("rate"))] },
  OnlineAggregator("boa", "online: Bernstein online aggregation, a rate for each model") { _ in [.bernstein] },
]
