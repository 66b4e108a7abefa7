import Groundwork
import MethodKit
import Networks

extension NetworkTraining {
  /// Standardises, trains and keeps the networks of a learner.
  package func fit(
    _ training: TrainingSet, levels: [Double], _ answer: NetworkAnswer, _ objective: some NetworkObjective, context: FitContext
  ) throws -> FittedNetworks {
    var (features, target, weights) = (training.features, training.target, training.weights)
    if let given = weights {
      // Rows of weight zero teach nothing: neither medians nor categories.
      let used = given.indices.filter { given[$0] > 0 }
      guard !used.isEmpty else { throw Failure(.badData, "no training row has a positive weight", remedy: "give some rows weight") }
      if used.count < given.count {
        features = features.selecting(used)
        target = used.map { target[$0] }
      }
      // As shares of the largest before anything is summed, so that no sum overflows.
      let largest = used.map { given[$0] }.max()!
      let shares = used.map { max(1e-30, given[$0] / largest) }
      let mean = shares.reduce(0, +) / Double(shares.count)
      weights = shares.map { $0 / mean }
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
          count: target.count, width: inputs.count, inputs: inputs(features), target: scale.standardised(target), weights: weights?.map { Float($0) }),
        objective, context: context)
    return FittedNetworks(
      inputs: inputs, target: scale, answer: answer, levels: levels, shape: result.shape, networks: result.parameters, trainingRows: target.count,
      heldOutLoss: result.heldOutLoss, steps: result.steps, heldOut: result.heldOut)
  }
}
