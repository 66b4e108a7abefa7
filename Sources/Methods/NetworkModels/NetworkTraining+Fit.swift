import Groundwork
import MethodKit
import Networks

extension NetworkTraining {
  /// Standardises, trains and keeps the networks of a learner.
  package func fit(
    _ training: TrainingSet, levels: [Double], _ answer: NetworkAnswer, _ objective: some NetworkObjective, context: FitContext
  ) throws -> FittedNetworks {
    var (features, target, weights, times) = (training.features, training.target, training.weights, training.times)
    if let given = weights {
      // Rows of weight zero teach nothing: neither medians nor categories.
      let used = try RowWeights.used(given, rows: target.count)
      if used.count < given.count {
        features = features.selecting(used)
        target = used.map { target[$0] }
        times = times?.selecting(used)
      }
      weights = RowWeights.withMeanOne(used.map { given[$0] }, atLeast: 1e-30)
    }
    let inputs = NetworkInputs(learning: features)
    let scale = NetworkTarget(target, weights: weights)
    let result =
      scale.isConstant
      ? NetworkTraining.Result(
        shape: NetworkShape(inputs: inputs.count + objective.extraInputs, hidden: hidden, outputs: objective.outputs), parameters: [], heldOutLoss: 0,
        steps: 0, heldOut: [])
      : try fit(
        NetworkTraining.Rows(
          count: target.count, width: inputs.count, inputs: inputs(features), target: scale.standardised(target),
          weights: weights?.map { Float($0) }, times: times),
        objective, context: context)
    return FittedNetworks(
      inputs: inputs, target: scale, answer: answer, levels: levels, shape: result.shape, networks: result.parameters, trainingRows: target.count,
      heldOutLoss: result.heldOutLoss, steps: result.steps, heldOut: result.heldOut)
  }
}
