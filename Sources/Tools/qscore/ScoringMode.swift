import FilterKit

/// What qscore writes. Of several that the command line asks for, `merge` comes first and then the order of the cases.
enum ScoringMode: String, CaseIterable {
  case scores
  case perRow = "per-row"
  case perLevel = "per-level"
  case reliability, pit, decompose, compare, merge

  /// Called `--` and the name; nil for the mode that no flag chooses.
  var flag: String? { self == .scores ? nil : "--" + rawValue }

  private var summary: String {
    switch self {
    case .scores: "mean scores of each model"
    case .perRow: "the scores of each row, to its right"
    case .perLevel: "pinball loss and coverage of each level"
    case .reliability: "observed coverage of each level, with the band of calibrated forecasts"
    case .pit: "histogram of the probability integral transform"
    case .decompose: "what each level's pinball loss is made of"
    case .compare: "models pair by pair, and whether they differ by chance"
    case .merge: "the report of what --partial wrote"
    }
  }

  private var takes: Set<String> {
    let shared: Set = ["--target", "--groups", "--intervals", "--transform"]
    let reports: Set = ["--weight", "--by", "--append", "--fail-if"]
    let requests = Set(RequestedScore.allCases.map(\.flag)).union(["--above", "--below"])
    let own: Set<String> =
      switch self {
      case .scores: shared.union(reports).union(requests).union(["--partial", "--part-id"])
      case .perRow: shared.union(requests)
      case .perLevel: shared.union(reports).union(["--partial", "--part-id"])
      case .reliability: shared.union(reports).union(["--partial", "--part-id", "--counts"])
      case .pit: shared.union(reports).union(["--partial", "--part-id", "--bins", "--counts"])
      case .decompose: shared.union(reports).union(["--cross-fit"])
      case .compare:
        shared.union(reports).union(requests)
          .union(["--score", "--order", "--time-format", "--horizon", "--permutations", "--bootstrap", "--blocks", "--seed"])
      case .merge: ["--fail-if", "--partial"]
      }
    let without: Set<String> = self == .perRow ? [] : self == .merge ? ["--drop", "--union"] : ["--drop"]
    return own.union([flag].compactMap { $0 }).union(TableOptions.names.subtracting(without))
  }

  var mode: Mode {
    Mode(rawValue, flag ?? "", summary, takes: takes) { name in (refusal(of: name), "see qscore --help") }
  }

  private func refusal(of name: String) -> String {
    let takers = ScoringMode.allCases.filter { $0.takes.contains(name) }
    switch (self, name) {
    case (.merge, "--compare"), (.merge, "--decompose"): return "\(name) needs every row, and --merge has sums only: run it on the whole table"
    case (.merge, _): return "--merge takes what the parts hold, so \(name) has no effect"
    case (.compare, "--partial"): return "--compare and --partial exclude each other: p-values need every row, and parts hold sums only"
    case (.decompose, "--partial"):
      return "--decompose and --partial exclude each other: isotonic regression needs every row, and parts hold sums only"
    case (.scores, "--counts"): return "--counts goes with --reliability or --pit"
    case _ where takers.count == 1 && takers[0].flag != name: return "\(name) goes with --\(takers[0].rawValue)"
    default: return "--\(rawValue) and \(name) exclude each other"
    }
  }
}

extension QScore {
  static let modes = ScoringMode.allCases.map(\.mode)

  static let list = FlagList<QScore>(
    [
      ("--by", { $0.by != nil }), ("--intervals", { $0.intervals != nil }), ("--above", { $0.above != nil }),
      ("--below", { $0.below != nil }), ("--transform", { $0.transform != nil }), ("--append", { $0.append }), ("--per-level", { $0.perLevel }),
      ("--per-row", { $0.perRow }), ("--reliability", { $0.reliability }), ("--pit", { $0.pit }), ("--bins", { $0.bins != nil }),
      ("--counts", { $0.counts }), ("--decompose", { $0.decompose }), ("--cross-fit", { $0.crossFit }), ("--compare", { $0.compare != nil }),
      ("--score", { $0.score != nil }), ("--order", { $0.order != nil }),
      ("--horizon", { $0.horizon != nil }), ("--permutations", { $0.permutations != nil }), ("--bootstrap", { $0.bootstrap != nil }),
      ("--blocks", { $0.blocks != nil }), ("--fail-if", { !$0.failIf.isEmpty }), ("--partial", { $0.partial }), ("--part-id", { $0.partId != nil }),
      ("--merge", { $0.merge }),
    ])

  private static let requestList = FlagList<QScore>(RequestedScore.allCases.map(entry))

  private static func entry(_ score: RequestedScore) -> (name: String, isGiven: @Sendable (QScore) -> Bool) {
    (score.flag, { $0.requested.contains(score) })
  }

  var flags: [GivenFlag] {
    var flags = targetOption.flags + weightOption.flags + groupsOption.flags
    flags += QScore.list.of(self) + QScore.requestList.of(self)
    return flags + timeOption.flags + seedOption.flags + table.flags
  }

  func mode() -> Mode { scoringMode.mode }

  var scoringMode: ScoringMode {
    if merge { return .merge }
    let given = Set(flags.filter(\.isGiven).map(\.name))
    return ScoringMode.allCases.first { $0.flag.map(given.contains) ?? false } ?? .scores
  }
}
