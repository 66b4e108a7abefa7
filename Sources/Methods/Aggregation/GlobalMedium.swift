import Groundwork
import MethodKit
import Quantiles

/// One weight a model and level, for all rows (Fakoor et al. 2023, section 3, global medium):
///
///     min_w (1/Σω) Σ_i ω_i Σ_τ ψ_τ(y_i − Σ_j w_j^τ ĝ_j(x_i; τ))  over  w^τ ≥ 0, Σ_j w_j^τ = 1 at each τ.
///
/// Without a penalty levels know nothing of each other: each is a linear programme of its own, solved to its optimum and certified as
/// `GlobalCoarse` does, whose promises hold level by level. A level that no training row has a prediction of gets equal weights.
///
/// With a penalty on crossing quantiles (see `CrossingSettings`) levels are learnt together, exactly too: see `PenalisedWeightFit`.
///
/// Cost: that of `GlobalCoarse`, parallel over levels.
public struct GlobalMedium: Aggregator {
  public static let description = MethodDescription(
    name: "global-medium", summary: "one weight a model and level, the best there are on the training rows",
    settings: CrossingSettings.ofGlobalMethods)
  public static let learns = true
  public static let complexity: Int? = 50

  private let crossing: CrossingSettings

  public init(settings: Settings) { crossing = CrossingSettings(settings) }

  public func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let penalises = crossing.penalises
    let predictions = training.predictions
    let (p, m) = (predictions.models.count, predictions.levels.count)
    let rowWeights = try training.normalisedWeights()
    guard predictions.values.contains(where: { $0.isFinite }) else { throw noPredictions }
    // Where predictions are missing, levels must not lose more than the weights that are the best for all of them together.
    let hasGaps = RenormalisedLoss(training, rowWeights: rowWeights, threads: context.threads).hasGaps
    let rivals = hasGaps ? [try SimplexWeightFit(training, context: FitContext(threads: context.threads, seed: context.seed)).weights] : []
    var warnings = [[String]](repeating: [], count: m)
    let fits = warnings.withDisjointSlots { slots in
      try! parallelMap(m, threads: context.threads) { t -> SimplexWeightFit? in
        var own = FitContext(threads: 1, seed: context.seed)
        own.list = context.list
        own.warn = { slots[t].append($0) }
        // Fails only where the level has no prediction with weight.
        return try? SimplexWeightFit(training.selecting(level: t), rivals: rivals, context: own)
      }
    }
    if fits.allSatisfy({ $0 == nil }) { throw noPredictions }
    GlobalMedium.tell(warnings, levels: predictions.levels, context)
    var table = Matrix(rows: p, columns: m, repeating: 1 / Double(p))
    for (t, fit) in fits.enumerated() {
      if let fit { for j in 0..<p { table[j, t] = fit.weights[j] } }
    }
    if penalises { return try FittedGlobalWeights(training, start: table, crossing: crossing, context: context) }
    let fitted = FittedGlobalWeights(
      table: ModelWeights(models: predictions.models, levels: m, table: table),
      objective: fits.reduce(0) { $0 + ($1?.objective ?? 0) }, gap: fits.reduce(0) { $0 + ($1?.gap ?? 0) })
    context.note("objective \(fitted.objective), duality gap \(fitted.gap)")
    return fitted
  }

  public static var fitted: any FittedAggregator.Type { FittedGlobalWeights.self }

  /// Says once what the fits of several levels say alike: what the first of them says, with how many others say the same of other numbers
  /// and models.
  static func tell(_ warnings: [[String]], levels: [Double], _ context: FitContext) {
    var places: [(texts: [String], levels: [[Int]])] = []
    for (t, texts) in warnings.enumerated() {
      for text in texts {
        guard let k = places.firstIndex(where: { Listing.gist(of: $0.texts[0]) == Listing.gist(of: text) }) else {
          places.append(([text], [[t]]))
          continue
        }
        if let known = places[k].texts.firstIndex(of: text) {
          places[k].levels[known].append(t)
        } else {
          places[k].texts.append(text)
          places[k].levels.append([t])
        }
      }
    }
    for (texts, found) in places {
      let titles = found.map { "level \(levels[$0[0]])" + ($0.count > 1 ? " and \(counted($0.count - 1, "other"))" : "") }
      let others = texts.count > 1 ? ", and alike at \(counted(found.dropFirst().reduce(0) { $0 + $1.count }, "other level"))" : ""
      guard let colon = texts[0].firstIndex(of: ":"), !texts[0][..<colon].contains("(") else {
        context.warn(found[0].count == levels.count ? texts[0] : "\(texts[0]) (at \(titles[0])\(others))")
        continue
      }
      let details = zip(texts, found).enumerated().map { k, place in
        place.0[place.0.firstIndex(of: ":")!...].dropFirst(2) + (place.1.count == levels.count ? "" : " at \(titles[k])")
      }
      context.warn("\(texts[0][..<colon]): \(context.list(details.map(String.init)))")
    }
  }
}
