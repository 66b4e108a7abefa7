import Glibc
import Groundwork
import Methods
import Quantiles
import Synchronization

/// Quantile regression forest (Meinshausen 2006, "Quantile regression forests", JMLR 7).
///
/// T regression trees (Breiman 2001) grow on samples of the training rows. With ℓ_t(x) the leaf of tree t that x falls into,
/// training row i gets the weight
///
///     w_i(x) = (1/T) Σ_t 1{x_i ∈ ℓ_t(x)} v_i / Σ_j 1{x_j ∈ ℓ_t(x)} v_j
///
/// over all training rows j, whether or not tree t sampled them, where v are the row weights (1 where there are none).
/// The answer at level τ is the quantile of the responses under these weights (`weightedQuantiles`): of one distribution
/// averaged over all trees, never an average of the trees' quantiles.
///
/// Row weights: a bootstrap draws rows in proportion to them. A row of weight 0 is as good as absent.
public struct Forest: Learner {
  public static let description = MethodDescription(
    name: "forest",
    summary: "quantile regression forest: quantiles of the responses in the leaves that a row falls into, over all trees",
    settings: [
      SettingDescription("trees", .integer(1...100_000), default: "100", "number of trees"),
      SettingDescription("min_leaf", .integer(1...1_000_000_000), default: "1", "least number of sampled rows in a leaf", search: .among(["1", "2", "3", "5", "10", "20"])),
      SettingDescription("max_features", .number(0...1), default: "0.8", "share of the features tried at each split (at least one is)", search: .among(["0.2", "0.4", "0.6", "0.8", "1"])),
      SettingDescription("max_depth", .integer(1...1_000_000_000), default: "1000000000", "greatest number of splits above a leaf"),
      SettingDescription("sample", .number(0.001...1), default: "1", "size of a tree's sample as a share of the rows"),
      SettingDescription("replace", .choice(["yes", "no"]), default: "yes", "draw a tree's sample with replacement (the bootstrap) or without"),
    ])

  /// Row weights as shares of the largest are at least this, so that their inverses are finite.
  static let leastWeight = 1e-100

  let trees: Int
  let minLeaf: Int
  let maxFeatures: Double
  let maxDepth: Int
  let sample: Double
  let replace: Bool

  public init(settings: Settings) {
    trees = settings.integer("trees")
    minLeaf = settings.integer("min_leaf")
    maxFeatures = settings.number("max_features")
    maxDepth = settings.integer("max_depth")
    sample = settings.number("sample")
    replace = settings.choice("replace") == "yes"
  }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    // Rows stand in the order of their responses from here on, so a row's number is its response's rank.
    let kept = training.target.indices.filter { (training.weights?[$0] ?? 1) > 0 }
      .sorted { (training.target[$0], $0) < (training.target[$1], $1) }
    guard !kept.isEmpty else { throw Failure(.badData, "all training rows have weight zero", remedy: "give a positive weight to some row") }
    let features = training.features.selecting(kept)
    let responses = kept.map { training.target[$0] }
    var weights = training.weights.map { weights in kept.map { weights[$0] } }
    if let largest = weights?.max() { weights = weights!.map { max($0 / largest, Forest.leastWeight) } }
    if let equal = weights, equal.allSatisfy({ $0 == 1 }) { weights = nil }

    let rows = kept.count
    let columns = features.columns.count
    let binning = FeatureBinning(features, target: responses, weights: weights, threads: context.threads)
    var codes = [UInt16](repeating: 0, count: rows * columns)
    codes.withUnsafeMutableBufferPointer { if columns > 0 { binning.encode(features, rows: 0..<rows, into: $0.baseAddress!) } }
    let sorted = SortedColumns(codes: codes, rows: rows, columns: columns, threads: context.threads)
    let scaled = Forest.scaled(responses)
    let limits = TreeLimits(
      leafRows: minLeaf, featuresTried: max(1, Int((maxFeatures * Double(columns)).rounded())), depth: maxDepth)
    let sampler = RowSampler(rows: rows, weights: weights, share: sample, replace: replace)

    let done = Atomic<Int>(0)
    let grown = try parallelMap(trees, threads: context.threads) { t in
      var random = RandomStream(seed: context.seed, stream: UInt64(t))
      let tree = growTree(sorted, responses: scaled, sampleWeights: sampler.draw(&random), limits: limits, random: &random)
      let leaves = TreeMembers(tree, codes: codes, rows: rows, columns: columns)
      context.progress(Double(done.add(1, ordering: .relaxed).newValue) / Double(trees))
      return (tree, leaves)
    }
    return FittedForest(
      levels: levels, binning: binning, responses: responses, weights: weights, trees: grown.map(\.0), members: grown.map(\.1))
  }

  public static func decode(_ reader: inout ByteReader) throws -> any FittedLearner { try FittedForest(&reader) }

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

/// Draws the sample of a tree.
struct RowSampler: Sendable {
  let rows: Int
  let draws: Int
  let replace: Bool
  let weights: [Double]?
  /// Running sums of the weights.
  private let cumulative: [Double]

  init(rows: Int, weights: [Double]?, share: Double, replace: Bool) {
    self.rows = rows
    self.weights = weights
    self.replace = replace
    draws = max(1, Int((share * Double(rows)).rounded()))
    var sum = 0.0
    cumulative = replace ? (weights ?? []).map { sum += $0; return sum } : []
  }

  /// The weight of each row in a tree: with replacement how often it was drawn, in proportion to its row weight; without,
  /// the row weight of those drawn, all rows alike.
  func draw(_ random: inout RandomStream) -> [Double] {
    var answer = [Double](repeating: 0, count: rows)
    if !replace {
      // Selection sampling (Knuth, The Art of Computer Programming 2, §3.4.2, algorithm S).
      var wanted = draws
      for i in 0..<rows where wanted == rows - i || random.below(rows - i) < wanted {
        answer[i] = weights?[i] ?? 1
        wanted -= 1
        if wanted == 0 { break }
      }
    } else if let total = cumulative.last {
      for _ in 0..<draws {
        let point = random.uniform() * total
        var low = 0
        var high = rows - 1
        while low < high {
          let middle = (low + high) / 2
          if cumulative[middle] > point { high = middle } else { low = middle + 1 }
        }
        answer[low] += 1
      }
    } else {
      for _ in 0..<draws { answer[random.below(rows)] += 1 }
    }
    return answer
  }
}
