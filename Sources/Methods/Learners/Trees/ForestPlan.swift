import Glibc
import Groundwork
import MethodKit
import Synchronization

/// What forests share: they differ in how a tree splits and in their defaults alone.
struct ForestPlan: Sendable {
  enum Splits: Sendable {
    /// The best cut of each feature tried (`growTree`).
    case best
    /// One cut at random of each feature tried (`growRandomTree`).
    case random
  }

  /// Row weights as shares of the largest are at least this, so that their inverses are finite.
  static let leastWeight = 1e-100

  let splits: Splits
  private(set) var trees: Int
  /// 0: chosen by `leafRows`.
  private(set) var minLeaf: Int
  let maxFeatures: Double
  let maxDepth: Int
  let sample: Double
  let replace: Bool

  static func settings(maxFeatures: String, replace: String) -> [SettingDescription] {
    [
      SettingDescription("trees", .integer(1...100_000), default: "100", "number of trees"),
      SettingDescription(
        "min_leaf", .integer(0...1_000_000_000), default: "0", "least number of sampled rows in a leaf; 0: chosen by leaving rows out",
        search: .among(["1", "2", "3", "5", "10", "20"])),
      SettingDescription(
        "max_features", .number(0...1), default: maxFeatures, "share of the features tried at each split (at least one is)",
        search: .among(["0.2", "0.4", "0.6", "0.8", "1"])),
      SettingDescription("max_depth", .integer(1...1_000_000_000), default: "1000000000", "greatest number of splits above a leaf"),
      SettingDescription("sample", .number(0.001...1), default: "1", "size of a tree's sample as a share of the rows"),
      SettingDescription("replace", .choice(["yes", "no"]), default: replace, "draw a tree's sample with replacement (the bootstrap) or without"),
    ]
  }

  init(_ settings: Settings, splits: Splits) {
    self.splits = splits
    trees = settings.integer("trees")
    minLeaf = settings.integer("min_leaf")
    maxFeatures = settings.number("max_features")
    maxDepth = settings.integer("max_depth")
    sample = settings.number("sample")
    replace = settings.choice("replace") == "yes"
  }

  /// Grows the trees and sends all training rows down each.
  func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> FittedForest {
    if minLeaf == 0 {
      let chosen = try LeafChoice(plan: self, training: training, levels: levels, context: context).best
      context.note("min_leaf \(chosen) by leaving rows out")
      return try with(trees: trees, minLeaf: chosen).fit(training, levels: levels, context: context)
    }
    // Rows stand in the order of their responses from here on, so a row's number is its response's rank.
    let kept = try RowWeights.used(training.weights, rows: training.target.count)
      .sorted { (training.target[$0], $0) < (training.target[$1], $1) }
    let columns = training.features.columns.count
    guard kept.count <= LeafFinder.mostLeaves, columns <= LeafFinder.mostColumns else {
      throw Failure(
        .badData,
        "\(kept.count) rows of \(columns) features are too many: a forest takes \(LeafFinder.mostLeaves) rows and \(LeafFinder.mostColumns) features",
        remedy: "leave some out")
    }
    let features = training.features.selecting(kept)
    let responses = kept.map { training.target[$0] }
    var weights = training.weights.map { weights in RowWeights.shares(kept.map { weights[$0] }, atLeast: ForestPlan.leastWeight) }
    if let equal = weights, equal.allSatisfy({ $0 == 1 }) { weights = nil }

    let rows = kept.count
    let binning = FeatureBinning(features, target: responses, weights: weights, threads: context.threads)
    binning.warn(context, names: features.names)
    var codes = [UInt16](repeating: 0, count: rows * columns)
    codes.withUnsafeMutableBufferPointer { if columns > 0 { binning.encode(features, rows: 0..<rows, into: $0.baseAddress!) } }
    let growing = GrowingMaterial(splits, features, codes: codes, threads: context.threads)
    let scaled = ForestPlan.scaled(responses)
    let limits = TreeLimits(
      leafRows: minLeaf, featuresTried: max(1, Int((maxFeatures * Double(columns)).rounded())), depth: maxDepth)
    let sampler = RowSampler(rows: rows, weights: weights, share: sample, replace: replace)

    let done = Atomic<Int>(0)
    let grown = try parallelMap(trees, threads: context.threads) { [codes] t in
      var random = RandomStream(seed: context.seed, stream: UInt64(t))
      let (tree, sampled) = growing.grow(responses: scaled, sampleWeights: sampler.draw(&random), limits: limits, random: &random)
      let leaves = sampled?.ranks.count == rows ? sampled! : TreeMembers(tree, codes: codes, rows: rows, columns: columns)
      context.progress(Double(done.add(1, ordering: .relaxed).newValue) / Double(trees))
      return (LeafFinder(tree), leaves)
    }
    return FittedForest(
      levels: levels, binning: binning, responses: responses, weights: weights, finders: grown.map(\.0), members: LeafMembers(grown.map(\.1)))
  }

  /// The same plan for fewer trees and another least leaf.
  func with(trees: Int, minLeaf: Int) -> ForestPlan {
    var plan = self
    (plan.trees, plan.minLeaf) = (trees, minLeaf)
    return plan
  }

  /// Responses less their mean, in units of a power of two near the largest, so that squared errors neither overflow nor
  /// depend on the unit of the target.
  private static func scaled(_ responses: [Double]) -> [Double] {
    let largest = responses.reduce(0) { max($0, abs($1)) }
    guard largest > 0 else { return responses }
    let exponent = Int32(largest.exponent)
    let unit = responses.map { scalbn($0, -exponent) }
    let mean = unit.reduce(0, +) / Double(unit.count)
    return unit.map { $0 - mean }
  }
}

/// What the growing of every tree starts from, made once.
private enum GrowingMaterial: Sendable {
  case sorted(SortedColumns)
  case placed(PlacedRows)

  init(_ splits: ForestPlan.Splits, _ features: FeatureTable, codes: [UInt16], threads: Int) {
    switch splits {
    case .best: self = .sorted(SortedColumns(codes: codes, rows: features.rows, columns: features.columns.count, threads: threads))
    case .random: self = .placed(PlacedRows(features, codes: codes))
    }
  }

  /// A tree and, where growing told, the sampled rows of each leaf.
  func grow(
    responses: [Double], sampleWeights: [Double], limits: TreeLimits, random: inout RandomStream
  ) -> (tree: Tree, sampled: TreeMembers?) {
    switch self {
    case .sorted(let columns):
      (growTree(columns, responses: responses, sampleWeights: sampleWeights, limits: limits, random: &random), nil)
    case .placed(let rows):
      growRandomTree(rows, responses: responses, sampleWeights: sampleWeights, limits: limits, random: &random)
    }
  }
}
