import Glibc
import Groundwork
import MethodKit
import NetworkModels
import Quantiles

/// Trains the networks of local weights, and what stands beside them: a network of the features alone, and the global optimum to start from.
struct MixtureTraining {
  let settings: LocalSettings
  /// The method's name, for what it tells.
  let method: String

  init(_ settings: LocalSettings, method: String) {
    self.settings = settings
    self.method = method
  }

  /// What training one network costs about, in seconds of 10¹⁰ operations: some 25 passes over the rows, or 1,000 steps where rows are few.
  func seconds(_ training: AggregationTraining) -> Double {
    let (n, p, m) = (training.target.count, training.predictions.models.count, training.predictions.levels.count)
    let plan = settings.plan
    let sources = p * max(settings.offsets.count, settings.offsets.isEmpty ? m : 1)
    let inputs = Double(2 * p + (training.features?.columns.count ?? 0))
    let width = Double(plan.hidden[0])
    let knots = settings.knots == 0 ? m : min(settings.knots, m)
    let parameters = inputs * width + Double(plan.hidden.count - 1) * width * width + width * Double(sources * knots)
    let rows = Double(max(25 * n, 1000 * plan.batchSize(rows: n)))
    return min(rows, Double(plan.steps * plan.batchSize(rows: n))) * (6 * parameters + 40 * Double(sources * m)) / 1e10
  }

  /// The networks, trained. Throws where there is nothing to learn from or a network diverges.
  /// Cost: networks × steps × batch × (6 · parameters + some 40 · S · m) operations at most, and the fit of the network of its own.
  func fit(_ training: AggregationTraining, context: FitContext) throws -> any FittedAggregator {
    let given = training.predictions
    // One model is answered as it is: its weight is one.
    if given.models.count == 1 { return FittedMixture(alone: given) }
    if settings.inputs != .predictions, training.features == nil {
      throw Failure(
        .badData, "\(method) weighs models by the features of a row, and the table has none",
        remedy: "\(method):inputs=predictions lets the predictions alone decide; global methods need no features")
    }
    let rowWeights = try training.normalisedWeights()
    let used = training.target.indices.filter { i in rowWeights[i] > 0 && given.hasPrediction(row: i) }
    guard !used.isEmpty else { throw noPredictions }
    let weights = used.map { rowWeights[$0] }
    let rows = (used.count == training.target.count ? training : training.selecting(used)).withoutHopelessModels(rowWeights: weights, context)
    if rows.predictions.models.count == 1 { return FittedMixture(alone: rows.predictions) }
    let ownNetwork = try fitOwn(rows, context)
    let predictions =
      try ownNetwork.map { rows.predictions.appending(MixtureTraining.ownName, try outOfSample($0, rows, context)) } ?? rows.predictions
    return try fitWeights(rows, predictions, ownNetwork, weights, context)
  }

  /// What the network of its own is called among the models.
  static let ownName = "(own network)"

  private func fitOwn(_ training: AggregationTraining, networks: Int = 5, _ context: FitContext) throws -> FittedNetworks? {
    guard settings.own != .none, let features = training.features else { return nil }
    // Five, so that each row is held out by one of them.
    let plan = try NetworkTraining([("networks", "\(networks)")])
    let set = TrainingSet(features: features, target: training.target, weights: training.weights, times: training.times)
    let levels = training.predictions.levels
    let context = FitContext(
      threads: context.threads, seed: context.seed, list: context.list, warn: context.warn, progress: { context.progress($0 / 2) })
    return settings.own == .normal
      ? try plan.fit(set, levels: levels, .gaussian, GaussianObjective(), context: context)
      : try plan.fit(set, levels: levels, .levels, DirectObjective(levels: levels), context: context)
  }

  /// The training rows, each answered by a network that did not see it; where rows stand in time, by one that saw earlier rows alone, and NaN
  /// where there are none.
  private func outOfSample(_ network: FittedNetworks, _ training: AggregationTraining, _ context: FitContext) throws -> Matrix {
    guard let times = training.times else { return network.outOfFold(training.features!) }
    var answers = Matrix(rows: training.target.count, columns: training.predictions.levels.count, repeating: .nan)
    for split in times.splits(5, of: Array(training.target.indices)) {
      let earlier = try fitOwn(training.selecting(split.teaching), networks: 1, FitContext(threads: context.threads, seed: context.seed))!
      let part = earlier.predict(training.features!.selecting(split.judged))
      for (i, row) in split.judged.enumerated() { for t in 0..<answers.columns { answers[row, t] = part[i, t] } }
    }
    return answers
  }

  private func fitWeights(
    _ training: AggregationTraining, _ predictions: BasePredictions, _ ownNetwork: FittedNetworks?, _ rowWeights: [Double], _ context: FitContext
  ) throws -> FittedMixture {
    let n = predictions.rows
    let total = rowWeights.reduce(0, +)
    let seen = PredictionFeatures(predictions)
    let table = seen.inputs(training.features, settings.inputs)
    let encoding = NetworkInputs(learning: table)
    let scale = MixtureTraining.scale(training.target, seen, rowWeights)
    let target = (0..<n).map { i -> Float in
      let z = (training.target[i] - seen.centres[i]) / scale
      return Float(max(-MixtureRows.far, min(MixtureRows.far, z.isNaN ? 0 : z)))
    }
    let (p, m) = (predictions.models.count, predictions.levels.count)
    guard MixtureShape.isManageable(models: p, levels: m, knots: settings.knots, offsets: settings.offsets.count) else {
      throw Failure(
        .badData,
        "\(method) would mix \(settings.offsets.isEmpty ? p * m : p * settings.offsets.count) sources at \(counted(m, "level")), which is too much",
        remedy: "combine fewer levels, or take fewer sources by reach or fewer knots")
    }
    let shape = MixtureShape(
      models: predictions.models.count, levels: predictions.levels, knots: settings.knots, offsets: settings.offsets,
      shifts: settings.shifts)
    let objective = MixtureObjective(
      shape: shape, control: control(target, predictions.levels, training, rowWeights, scale),
      rows: MixtureRows(predictions, seen, shape, scale: scale),
      biases: shape.biases(modelWeights: try startingWeights(training, predictions, context)))
    let result = try settings.plan.fit(
      NetworkTraining.Rows(
        count: n, width: encoding.count, inputs: encoding(table), target: target,
        weights: training.weights == nil ? nil : rowWeights.map { Float($0 / total * Double(n)) }, times: training.times),
      objective,
      context: FitContext(
        threads: context.threads, seed: context.seed, list: context.list, warn: context.warn, note: context.note,
        progress: { context.progress(ownNetwork == nil ? $0 : 0.5 + $0 / 2) }))
    return FittedMixture(
      models: training.predictions.models, shape: shape, inputs: settings.inputs, ownNetwork: ownNetwork, encoding: encoding, scale: scale,
      network: result.shape,
      networks: result.parameters, trainingRows: n, heldOutLoss: result.heldOutLoss * scale, steps: result.steps)
  }

  /// The mean distance of the target from the centres; a positive number that divides any of them.
  private static func scale(_ target: [Double], _ seen: PredictionFeatures, _ weights: [Double]) -> Double {
    let total = weights.reduce(0, +)
    var scale = 0.0
    for i in target.indices { scale += weights[i] / total * min(abs(target[i] - seen.centres[i]), .greatestFiniteMagnitude) }
    if !(scale > 0) { scale = seen.widths.max() ?? 0 }
    return max(scale, 1e-290)
  }

  /// The global optimum on a part of the rows, which is near enough to start from.
  private func startingWeights(_ training: AggregationTraining, _ predictions: BasePredictions, _ context: FitContext) throws -> [Double] {
    let most = 500
    let all = AggregationTraining(predictions: predictions, target: training.target, weights: training.weights, times: training.times)
    let part = predictions.rows <= most ? all : all.selecting((0..<most).map { $0 * predictions.rows / most })
    let global = try GlobalCoarse(settings: Settings(of: GlobalCoarse.description)).fit(
      part, context: FitContext(threads: context.threads, seed: context.seed))
    let table = global.weights!
    return (0..<table.rows).map { table[$0, 0] }
  }

  private func control(_ target: [Float], _ levels: [Double], _ training: AggregationTraining, _ rowWeights: [Double], _ scale: Double)
    -> CrossingControl
  {
    let crossing = settings.crossing
    switch crossing.choice {
    case "none": return .none
    case "penalty":
      let weight = Float(crossing.strength)
      if crossing.isAdaptive {
        let sorted = target.sorted()
        return .adaptivePenalty(
          weight: weight, margins: levels.map { Float(crossing.delta) * sorted[min(sorted.count - 1, Int($0 * Double(sorted.count)))] })
      }
      return .penalty(weight: weight, margin: Float(crossing.delta * standardDeviation(training.target, rowWeights) / scale))
    default: return .isotonic(IsotonicOperator(rawValue: crossing.choice)!)
    }
  }
}

/// The weighted standard deviation, of numbers of any size.
private func standardDeviation(_ values: [Double], _ weights: [Double]) -> Double {
  let total = weights.reduce(0, +)
  let mean = values.indices.reduce(0) { $0 + values[$1] * (weights[$1] / total) }
  let size = values.reduce(0) { max($0, abs($1 - mean)) }
  guard size > 0, size.isFinite else { return 0 }
  return size * values.indices.reduce(0) { $0 + weights[$1] / total * ((values[$1] - mean) / size) * ((values[$1] - mean) / size) }.squareRoot()
}

extension AggregationTraining {
  /// These rows without the models that predict none of them, or whose mean loss is over 10⁸ times the least: beside their numbers those of
  /// the others are rounding.
  fileprivate func withoutHopelessModels(rowWeights: [Double], _ context: FitContext) -> AggregationTraining {
    let losses = TrainingLosses(self, rowWeights: rowWeights, threads: context.threads)
    let size = target.indices.reduce(0) { $0 + rowWeights[$1] * abs(target[$1] * errorUnit) }
    let limit = 1e8 * max(losses.smallestMeanLoss, 1e-16 * size, 1e-290)
    let kept = predictions.models.indices.filter { losses.meanLoss($0) <= limit }
    if kept.count == predictions.models.count { return self }
    let others = predictions.models.indices.filter { !kept.contains($0) }
    context.tellWeightless("that predict no training row", others.filter { losses.terms[$0] == 0 }.map { predictions.models[$0] })
    context.tellWeightless(
      "that lose over 1e8 times as much as the best", others.filter { losses.terms[$0] != 0 }.map { predictions.models[$0] })
    let names = kept.map { predictions.models[$0] }
    return AggregationTraining(
      predictions: predictions.ordered(names), target: target, weights: weights, features: features, times: times)
  }
}
