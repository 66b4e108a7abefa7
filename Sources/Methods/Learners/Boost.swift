import Groundwork
import MethodKit
import Quantiles

/// Gradient boosting (Friedman 2001, "Greedy function approximation", Annals of Statistics 29) of many quantiles at once.
///
/// The quantile at level τ_k is q_k(x) = s_k + η Σ_t v_{t, ℓ_t(x), k}: s_k the marginal quantile, η the learning rate, ℓ_t(x) the
/// leaf of tree t, and v a vector for each leaf. So one tree serves all levels: it is grown by least squares on histograms of one
/// signal made of all levels' residuals (`BoostRun`), and its leaves hold, for each level, the quantile of the residuals
/// y_i − q_k(x_i) in the leaf, less some caution where they are few (`cautiousQuantile`). Each step lowers the training loss of the
/// sampled rows at every level. Trees see a random share of rows (Friedman 2002, "Stochastic gradient boosting").
///
/// The number of trees is the one with the least pinball loss on rows held out; then all rows teach that many. Where `trees` × η is
/// at most 10, a few full steps at each level, there is little to stop early and all are grown.
/// More than 25 levels are interpolated between 25 of them (`LevelKnots`), and a row's quantiles are put in order.
///
/// Cost of a tree: rows × features × depth for its growth, rows × boosted levels for its leaves.
public struct Boost: Learner {
  public static let description = MethodDescription(
    name: "boost",
    summary: "gradient boosting on histograms: one sequence of trees, whose leaves hold a step for each level",
    settings: [
      SettingDescription("trees", .integer(1...100_000), default: "1000", "greatest number of trees"),
      SettingDescription(
        "rate", .number(0.001...1), default: "0.1", "learning rate: the share of a step that is taken", search: .logarithmic(0.02...0.3)),
      SettingDescription(
        "leaves", .integer(2...10_000), default: "16", "greatest number of leaves of a tree", search: .among(["4", "8", "16", "32"])),
      SettingDescription("max_depth", .integer(1...1_000_000), default: "1000000", "greatest number of splits above a leaf"),
      SettingDescription(
        "min_leaf", .integer(1...1_000_000_000), default: "10", "least weight in a leaf, a mean row weighing 1",
        search: .among(["3", "5", "10", "20"])),
      SettingDescription("sample", .number(0.01...1), default: "0.7", "share of the rows each tree sees", search: .among(["0.5", "0.7", "1"])),
      SettingDescription("columns", .number(0...1), default: "1", "share of the features each tree may split on (at least one)"),
      SettingDescription("caution", .number(0...10), default: "0.5", "standard errors that a leaf's step stays short of its quantile"),
      SettingDescription("bins", .integer(2...65_535), default: "255", "greatest number of distinct values kept of a feature"),
      SettingDescription(
        "holdout", .number(0...0.5), default: "0.2",
        "share of the rows held out to choose the number of trees; 0 grows them all, as does trees × rate up to 10"),
      SettingDescription("patience", .integer(1...100_000), default: "40", "trees without a lower held-out loss after which growth stops"),
    ])

  /// Levels that are boosted; where there are more, they are interpolated (`LevelKnots`).
  static let mostKnots = 25

  let settings: BoostSettings

  public init(settings: Settings) { self.settings = BoostSettings(settings) }

  public func fit(_ training: TrainingSet, levels: [Double], context: FitContext) throws -> any FittedLearner {
    let kept = try RowWeights.used(training.weights, rows: training.target.count)
    let features = training.features.selecting(kept)
    let responses = kept.map { training.target[$0] }
    let weights = training.weights.flatMap { weights in Boost.relative(kept.map { weights[$0] }) }
    let rows = kept.count
    let columns = features.columns.count
    let knots = LevelKnots(levels, most: Boost.mostKnots)
    let scale = ResponseScale(responses, weights: weights)
    let binning = FeatureBinning(features, target: responses, weights: weights, codes: settings.bins, threads: context.threads)
    binning.warn(context, names: features.names)
    var codes = [UInt16](repeating: 0, count: rows * columns)
    codes.withUnsafeMutableBufferPointer { if columns > 0 { binning.encode(features, rows: 0..<rows, into: $0.baseAddress!) } }
    let problem = BoostProblem(
      codes: codes, rows: rows, columns: columns, responses: responses.map(scale.reduced), weights: weights?.map(Float.init),
      levels: knots.knots.map { levels[$0] })

    var trees = settings.trees
    let held = Int((settings.holdout * Double(rows)).rounded())
    let constant = scale.spread == 0 || columns == 0
    if constant {
      trees = 0
    } else if held > 0 && held < rows && settings.stepsAreMany {
      let split = Boost.split(rows, held: held, training.times?.selecting(kept), seed: context.seed)
      let run = BoostRun(problem, settings, teaching: split.teaching.map { Int32($0) }, held: split.judged.map { Int32($0) }, context: context)
      trees = run.grow { context.progress(0.6 * $0) }.best
    }
    let run = BoostRun(problem, settings, teaching: (0..<rows).map { Int32($0) }, held: [], context: context)
    let grown = run.grow(trees: trees) { context.progress($0) }
    return FittedBoost(
      levels: levels, knots: knots, binning: binning, scale: scale, start: run.start, trees: grown.trees, rows: rows,
      trainingLoss: run.loss((0..<rows).map { Int32($0) }))
  }

  public static var fitted: any FittedLearner.Type { FittedBoost.self }

  /// The rows whose loss tells when to stop: drawn at random, or the last ones where rows stand in time.
  private static func split(_ rows: Int, held: Int, _ times: RowTimes?, seed: UInt64) -> RowSplit {
    if let split = times?.lastSplit(share: Double(held) / Double(rows), of: Array(0..<rows)) { return split }
    var order = Array(0..<rows)
    var random = RandomStream(seed: seed, stream: 1 << 40)
    random.shuffle(&order)
    return RowSplit(teaching: order[held...].sorted(), judged: order[..<held].sorted())
  }

  /// Weights with mean 1; nil where all are equal.
  private static func relative(_ weights: [Double]) -> [Double]? {
    if weights.allSatisfy({ $0 == weights[0] }) { return nil }
    // Floats hold them, and their squares.
    return RowWeights.withMeanOne(weights, atLeast: 1e-12)
  }
}

struct BoostSettings: Sendable {
  let trees: Int
  let rate: Float
  let limits: HistogramTreeGrower.Limits
  let sample: Double
  let columns: Double
  let caution: Double
  let bins: Int
  let holdout: Double
  let patience: Int

  init(_ settings: Settings) {
    trees = settings.integer("trees")
    rate = Float(settings.number("rate"))
    limits = HistogramTreeGrower.Limits(
      leaves: settings.integer("leaves"), depth: settings.integer("max_depth"), leafWeight: Double(settings.integer("min_leaf")))
    sample = settings.number("sample")
    columns = settings.number("columns")
    caution = settings.number("caution")
    bins = settings.integer("bins")
    holdout = settings.number("holdout")
    patience = settings.integer("patience")
  }

  /// Whether there are enough trees for some to be too many.
  var stepsAreMany: Bool { Float(trees) * rate > 10 }
}
